# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     name: python3
# ---

# %% [markdown]
# # 00 Start here: one sentence, seven feelings
#
# "The bus leaves at nine." Said in a flat voice, this is information. Said
# in a trembling voice, it is something else, and the words have not changed.
# This course is about machines that hear the difference. They are large
# language models that are given ears. Reinforcement learning teaches them
# to use these ears.
#
# **After this notebook you can**
# - hear what the course is about, and test your own ears;
# - ask an audio language model what it hears;
# - say why the main score here is *unweighted* accuracy;
# - say where emotion recognition must not be used;
# - find your way through the course.
#
# **You need** Python and curiosity.
#
# <!-- cost study=30 -->

# %%
from emolab_course import check, listen, setup

lab = setup("00")
lab

# %% [markdown]
# ## Hear it
#
# Research corpora of emotional speech come with forms to sign. So this
# package brings a voice of its own. It is synthetic: neutral recordings of
# artificial talkers, and a vocoder that changes pitch, tempo, loudness and
# voice quality in the way that emotions do. Here are one talker, one
# sentence and seven feelings:

# %%
from emolab_course.seven_feelings import seven_feelings

text, waves = seven_feelings(voice="f08")
print(text)
listen(waves)

# %% [markdown]
# The voice is artificial, and some feelings are easier to tell than others.
# This is so for real voices too.
#
# ## Your turn
#
# Here are three recordings from the test split of the corpus. No model here
# was trained on these people. What do they feel? Decide before you run the
# next cell.

# %%
from emolab_course import one_of_each

clips = one_of_each(lab.voices("test"), at_most=3, seed=3)
listen({f"clip {i}": clip for i, clip in enumerate(clips, 1)})

# %%
import pandas as pd

names = [f"clip {i}" for i in range(1, len(clips) + 1)]
pd.DataFrame({"said": [c.text for c in clips],
              "felt": [c.emotion for c in clips]}, index=names)

# %% [markdown]
# In the embedded corpus these recordings have neutral words on purpose. So
# only the voice tells what the person feels.
#
# ## Ask a model
#
# An audio language model takes a question and a sound. The default model,
# `tiny-omni`, has the architecture of Qwen2.5-Omni. It is so small that you
# can train it on your machine while you watch.

# %%
from IPython.display import display

from emolab_course import ask

lalm = lab.model()
answers = ask(lalm, clips, ("voice", "transcribe", "direct"),
              labels=lab.corpus.labels)
answers["felt"] = [clip.emotion for clip in clips]
with pd.option_context("display.max_colwidth", None):
    display(pd.DataFrame(answers, index=names).T)

# %% [markdown]
# The first rows are the model's own words. The last row is the label. A few
# clips prove nothing: notebook 02 asks about many more.
#
# ## One number, and which one
#
# In recordings of everyday life most speech is neutral. This table shows
# what happens to two scores when a "model" gives the first label to every
# clip, while that label becomes more frequent:

# %%
from emolab_course import lazy_scores

lazy_scores(lab.corpus.labels)

# %% [markdown]
# Weighted accuracy is the share of right answers. It rewards the lazy
# guess. Unweighted accuracy (UA) is the mean of the recalls of the labels.
# It stays at chance, which is one divided by the number of labels. So UA is
# the main score here. It always comes with an interval, and with the score
# of the same model when the voice is replaced.
#
# <!-- exercise 0.1 -->
#
# Write UA yourself: the mean, over the emotions that occur in `gold`, of
# the share of their samples that were answered right. A `predicted` of
# `None` is an answer that could not be read. Is it wrong, or is it absent?

# %% tags=["exercise"] exercise="0.1"
def my_unweighted_accuracy(gold, predicted):
    """Return the mean recall over the emotions in gold."""
    recalls = []
    for emotion in set(gold):
        answers = [p for g, p in zip(gold, predicted) if g == emotion]
        recalls.append(sum(a == emotion for a in answers) / len(answers))
    return sum(recalls) / len(recalls)


# %% tags=["check"]
check.ex_0_1(my_unweighted_accuracy)

# %% [markdown]
# <!-- exercise 0.2 -->
#
# Make data on which a model that hears nothing looks good. Give a dict with
# `gold` and `predicted`, two lists of at most 50 labels: accuracy at least
# 0.9, UA at most 0.25.

# %% tags=["exercise"] exercise="0.2"
# {"gold": [...], "predicted": [...]}
my_data = {"gold": ["neutral"] * 47 + ["sad", "happy", "angry"],
           "predicted": ["neutral"] * 50}

# %% tags=["check"]
check.ex_0_2(my_data)

# %% [markdown]
# ## Where this must not be used
#
# A model of this kind guesses a label that somebody gave to a recording. It
# does not read minds.
#
# - **Law.** In the European Union, the AI Act (Regulation 2024/1689) forbids
#   AI systems that infer emotions of people at work or in education, except
#   for medical or safety reasons (Article 5(1)(f)). Most others are
#   high-risk, and people must be told. Ask before you deploy anything.
# - **Labels.** Acted speech shows what an actor thinks anger sounds like.
#   Raters say what they hear, and they often disagree. Self-report says what
#   a person tells about a feeling. None of the three is the feeling
#   (Barrett et al. 2019, *Psychological Science in the Public Interest* 20).
# - **Consent.** A voice identifies a person. Record people only with their
#   free consent, say what the recording is for, and delete it on request.
# - **Bias.** Models fail more often for speakers, languages and ages that
#   they were not trained on. Report scores for each group that you serve.
#
# The model card and `emolab predict --help` say the same. Notebook 14 is
# about nothing else: law, consent, culture and misuse, with numbers.
#
# ## The way from here
#
# Study minutes are an estimate: reading, thinking, exercises. Machine
# minutes are measured on two CPU cores; they are how long the cells run.

# %%
from emolab_course import road_map

road_map()

# %% [markdown]
# Follow the numbers: no notebook uses what a later one introduces. 03b and
# 04 build the training loop, and 04b breaks it. 06 to 09 are one published
# system each. 12 to 14 belong to no system: a larger machine, what a
# comparison can claim, and what should not be built. 15 is your own work.
#
# The same notebooks run on your own model and your own corpus. Three
# variables choose them: `EMOLAB_PROFILE` (the machine), `EMOLAB_CORPUS`
# (such as `ravdess:/data/RAVDESS`) and `EMOLAB_MODEL` (a name or a folder).
# `setup("00", corpus=…, labels=…, model=…)` does the same for one notebook.

# %%
from emolab.profiles import profile_table

profile_table()

# %% [markdown]
# ## Summary
#
# - Emotion is in *how* something is said as much as in *what* is said.
# - An audio language model answers questions about a sound in words.
# - UA averages over labels, so a guess of the frequent label gains nothing.
# - A label is a guess about a recording. It is not the person's feeling.

# %% [markdown]
# <!-- exercise 0.3 -->
#
# Listen to the clips below, and write down what each speaker feels before
# you look at any label. Then score yourself with the function of exercise
# 0.1. In the solved notebook the model listens in your place.

# %%
from emolab_course import blind_clips

blind = blind_clips(lab.voices("test"), n=8, seed=11)
listen({f"clip {i}": clip for i, clip in enumerate(blind, 1)})

# %% tags=["exercise"] exercise="0.3"
# First: heard = ["sad", …], one label for each clip, from lab.corpus.labels.
# Only then: gold = [clip.emotion for clip in blind]. At last give
# my_test = {"heard": heard, "gold": gold, "ua": …}.
import emolab as el

heard = [el.predict(lalm, clip)["label"] for clip in blind]
gold = [clip.emotion for clip in blind]
my_test = {"heard": heard, "gold": gold,
           "ua": my_unweighted_accuracy(gold, heard)}

# %% tags=["check"]
check.ex_0_3(my_test)

# %% [markdown]
# ## Tweak this
#
# How little emotion can you still hear? Change the intensity from 0 to 1,
# or try another voice ("m08", "f09").

# %%
quiet = {}
for intensity in (0.2, 0.5, 1.0):
    _, made = seven_feelings(voice="f08", intensity=intensity, seed=2,
                             emotions=("angry",))
    quiet[f"angry, {intensity}"] = made["angry"]
listen(quiet)
