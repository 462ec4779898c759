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
# "The bus leaves at nine." Said flatly, it is information. Said with a
# trembling voice it is something else, and the words have not changed. This
# course is about machines that hear the difference: large language models
# that are given ears, and reinforcement learning that teaches them to use
# them.
#
# **After this notebook you can**
# - hear what the course is about, and see how well you do yourself;
# - ask a small audio language model what it hears;
# - say why the headline number here is *unweighted* accuracy;
# - find your way through the course.
#
# **You need** Python and curiosity; nothing to download.
#
# | minutes (cpu) | minutes (gpu) | memory | downloads |
# |---|---|---|---|
# | 1 | 1 | 2 GB | none |

# %%
from emolab.course import check, listen, setup

lab = setup("00")
lab

# %% [markdown]
# ## Hear it
#
# Research corpora of emotional speech come with forms to sign. So this
# package brings a voice of its own: neutral recordings of synthetic
# talkers, and a vocoder that bends pitch, tempo, loudness and voice
# quality the way emotions do. One talker, one sentence, seven feelings:

# %%
import numpy as np

from emolab.emotions import EMOTIONS
from emolab.synth.prosody import sample_prosody
from emolab.synth.seeds import shipped, shipped_sentences
from emolab.synth.text import sentence
from emolab.synth.voice import record, speak

voice = "f08"
said = next(known for known in shipped_sentences(voice)
            if sentence(known).emotion == "neutral")
neutral = shipped(voice, said)
waves = {}
for emotion in EMOTIONS:
    rng = np.random.default_rng(1)
    prosody = sample_prosody(emotion, 0.9, rng)
    waves[emotion] = record(speak(neutral, prosody, rng), prosody, rng)
print(sentence(said).text)
listen(waves)

# %% [markdown]
# The voice is artificial, and some feelings are easier to tell than
# others. That is so for real voices too.
#
# ## Your turn
#
# Three recordings by three people whom no model here has been trained on.
# What do they feel? Decide before you run the next cell.

# %%
from emolab.media import audio_of
from emolab.samples import resolve

test = lab.corpus.where(split="test", condition="A", domain="a")
clips = [
    resolve(test.where(emotion=emotion)[number], test.root)
    for emotion, number in (("angry", 3), ("sad", 17), ("surprised", 30))
]
listen({f"clip {i}": audio_of(clip) for i, clip in enumerate(clips, 1)})

# %%
import pandas as pd

pd.DataFrame(
    {"said": [c.text for c in clips], "felt": [c.emotion for c in clips]},
    index=["clip 1", "clip 2", "clip 3"],
)

# %% [markdown]
# The words gave nothing away: in these recordings they are neutral on
# purpose.
#
# ## Ask a model
#
# `tiny-omni` is a language model with an ear and an eye. Its architecture
# is that of Qwen2.5-Omni, made small enough to train on your machine while
# you watch. It has learned to describe voices and faces, what emotion words
# mean, and a little dictation. It has *not* been taught what emotions sound
# like; that is what you will do in notebook 04.

# %%
from IPython.display import display

from emolab.prompts import PROMPTS

lalm = lab.model()
asked = {"voice": "Describe the voice.", "transcribe": "What is said?",
         "direct": "Which emotion?"}
answers = {}
for name, question in asked.items():
    batch = lalm.encode(clips, PROMPTS[name].using("audio"))
    texts = lalm.generate(batch, greedy=True, max_new_tokens=40).texts
    answers[question] = [text for (text,) in texts]
answers["felt"] = [clip.emotion for clip in clips]
with pd.option_context("display.max_colwidth", None):
    display(pd.DataFrame(answers, index=["clip 1", "clip 2", "clip 3"]).T)

# %% [markdown]
# Compare its description of each voice with what you heard: it hears *how*
# somebody speaks. Its dictation is another matter (the true words are in
# the cell above): an ear this small catches the melody, not the lyrics. And
# which emotion a melody means, it has yet to learn. Three clips prove
# nothing, though: notebook 02 asks it about many more.
#
# ## One number, and which one
#
# In recordings of everyday life most speech is neutral. Watch what happens
# to plain accuracy when a "model" says *neutral* to everything:

# %%
from emolab.metrics import unweighted_accuracy, weighted_accuracy

rng = np.random.default_rng(0)
rows = {}
for share in (1 / 7, 0.5, 0.9):
    rest = [(1 - share) / 6] * 6
    gold = rng.choice(EMOTIONS, 2000, p=[share, *rest]).tolist()
    lazy = ["neutral"] * len(gold)
    rows[f"{share:.0%} neutral"] = {
        "weighted accuracy (share of right answers)":
            weighted_accuracy(gold, lazy),
        "unweighted accuracy (mean recall)":
            unweighted_accuracy(gold, lazy),
    }
pd.DataFrame(rows).T.round(3)

# %% [markdown]
# Weighted accuracy rewards the guess; unweighted accuracy (UA), the mean of
# the seven recalls, stays at one in seven however the data are mixed. So UA
# is the headline here, always with an interval, and always beside what the
# same model scores when the voice is replaced.
#
# ## The way from here
#
# | | you will |
# |---|---|
# | 01 data | make, hear and see the data; split them so that results hold |
# | 02 zero-shot | measure what the model knows before any training |
# | 03 rewards | turn "a good answer" into a number, and attack it |
# | 04 GRPO | teach the model with that number, in 4 bits |
# | 05 attribution | measure what it listens to: voice, face or words |
#
# The same code runs on larger models. One variable, `EMOLAB_PROFILE`, says
# what your machine can do:

# %%
from dataclasses import asdict

from emolab.profiles import PROFILES

table = pd.DataFrame([asdict(p) for p in PROFILES.values()])
columns = ["model", "quantise", "group_size", "memory_gb", "download_gb"]
table.set_index("name")[columns]

# %% [markdown]
# ## Summary
#
# - Emotion is in *how* something is said as much as in what is said.
# - The tiny model can hear and describe, and knows nothing of emotion yet.
# - UA averages over emotions, so that guessing the frequent one buys
#   nothing.
#
# ## Exercise 0.1
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
# ## Tweak this
#
# How little emotion can you still hear? Change the intensity from 0 to 1,
# or try another voice ("m08", "f09") or sentence.

# %%
quiet = {}
for intensity in (0.2, 0.5, 1.0):
    rng = np.random.default_rng(2)
    prosody = sample_prosody("angry", intensity, rng)
    wave = record(speak(neutral, prosody, rng), prosody, rng)
    quiet[f"angry, {intensity}"] = wave
listen(quiet)
