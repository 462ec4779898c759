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
# # 01 Data: what carries an emotion?
#
# A result is worth what its data are worth. Before any model runs, look at
# what it will be given, listen to it, and make sure that the test asks what
# you think it asks.
#
# **After this notebook you can**
# - read a corpus table, and hear and see what is in it;
# - check that a split is honest: other people *and* other sentences;
# - tell which modality carries the emotion of a sample, and which misleads;
# - explain why a feature must often be read relative to the talker.
#
# **You need** notebook 00.
#
# | minutes (cpu) | minutes (gpu) | memory | downloads |
# |---|---|---|---|
# | 1 | 1 | 2 GB | none |

# %%
from emolab.course import check, listen, setup, watch

lab = setup("01")
lab

# %% [markdown]
# ## The table
#
# A corpus is a table with one row a sample, and a folder of media. The
# embedded corpus has everything that the four systems of this course train
# on: a label, a place in the space of valence, arousal and dominance, a set
# of words, and a caption.

# %%
table = lab.corpus.to_pandas()
shown = ["id", "speaker", "split", "condition", "emotion", "text", "words"]
table[shown].head(6)

# %%
from emolab.plots.data import corpus_overview

corpus_overview(table)

# %% [markdown]
# Emotions are balanced on purpose: a model cannot gain by knowing which one
# is frequent.
#
# ## An honest split
#
# If a talker of the training set appears in the test set, a model can win
# by recognising the talker. The same goes for sentences. Count what the
# splits share:

# %%
import pandas as pd

domain_a = table[table["domain"] == "a"]
train, test = (domain_a[domain_a["split"] == s] for s in ("train", "test"))
pd.DataFrame(
    {
        what: {
            "in train": train[what].nunique(),
            "in test": test[what].nunique(),
            "in both": len(set(train[what]) & set(test[what])),
        }
        for what in ("speaker", "voice", "sentence")
    }
)

# %% [markdown]
# Nothing in both: the test asks about people never heard, saying sentences
# never read.
#
# ## Hear and see
#
# Here is an angry voice and a sad one, as waveform, as spectrogram, and
# with its pitch drawn in. Look at the height of the pitch, at how much it
# moves, and at how fast the syllables follow each other.

# %%
from IPython.display import display

from emolab.media import audio_of
from emolab.plots.data import clip_card
from emolab.samples import resolve
from emolab.synth.vocoder import track_f0

voices = lab.corpus.where(split="test", condition="A", domain="a")
picked = {
    emotion: resolve(voices.where(emotion=emotion, voice="f08")[0],
                     lab.corpus.root)
    for emotion in ("angry", "sad")
}
for emotion, sample in picked.items():
    wave = audio_of(sample)
    f0 = track_f0(wave, 0.01, 65, 550)
    display(clip_card(wave, f0, title=emotion, emotion=emotion))
listen({emotion: audio_of(sample) for emotion, sample in picked.items()})

# %% [markdown]
# Faces are drawn from *action units*, the muscle movements of Ekman and
# Friesen's coding system, and their lips follow the voice:

# %%
from emolab.emotions import EMOTIONS
from emolab.media import frames_of

faces = lab.corpus.where(split="test", domain="a").where(
    lambda s: "video" in s.extra["carriers"])
shown = {e: frames_of(resolve(faces.where(emotion=e)[0], faces.root))
         for e in EMOTIONS if e != "neutral"}
watch(shown)

# %% [markdown]
# ## Who carries the emotion?
#
# In life, voice, face and words do not always agree. In the corpus each
# sample states its *condition*: which of audio (A), video (V) and text (T)
# carry the emotion, and which one shows another (`A>T`: believe the voice,
# not the words).

# %%
counts = pd.crosstab(table["condition"], table["split"])
carriers = table.groupby("condition")["carriers"].first().map(" + ".join)
misled = table.groupby("condition")["distractors"].first().map(" + ".join)
counts.assign(carries=carriers, misleads=misled)

# %%
ironic = lab.corpus.where(split="test", sarcastic=True)[:3]
clips = [resolve(sample, ironic.root) for sample in ironic]
listen({f'{c.text} ({c.emotion})': audio_of(c) for c in clips})

# %% [markdown]
# Glad words in a voice that is anything but glad. A model that reads
# instead of listening gets every one of these wrong; notebook 05 uses them
# to find out which of the two a model does.
#
# ## Beyond one label
#
# The same sample also has a point in the plane of valence and arousal, a
# set of emotion words, and a caption, for the systems that do not believe
# in seven boxes.

# %%
from emolab.plots.data import vad_plane

vad_plane(table[table["split"] == "train"])

# %%
sample = clips[0]
print("words:  ", ", ".join(sample.words))
print("caption:", sample.caption)

# %% [markdown]
# ## What no model may see
#
# We made the data, so we know how they were made: how strongly each
# modality shows what, and every parameter of the voice. This truth is a
# file of its own. Methods are *checked* against it; nothing trains on it.

# %%
from emolab.synth.corpus import read_truth

truth = read_truth(lab.corpus.root)[sample.id]
display(pd.DataFrame({k: truth[k] for k in ("shown", "intensity")}))
pd.Series(truth["prosody"]).round(2).to_frame("this voice").T

# %% [markdown]
# ## High for whom?
#
# A pitch of 200 Hz is excited for one person and tired for another. Measure
# the median pitch of every test clip, in semitones, and draw it by emotion:
# as measured, and after each talker's own mean and spread were taken away.

# %%
from emolab.baselines import feature_table, per_speaker
from emolab.features import FEATURES
from emolab.synth.corpus import audio_core

heard = audio_core(lab.corpus, "test")
samples = [resolve(sample, heard.root) for sample in heard]
features = feature_table(samples, progress=False)
talkers = [sample.speaker for sample in samples]
pitch = FEATURES.index("f0_median")

# %%
import matplotlib.pyplot as plt
import seaborn as sns

from emolab.plots import EMOTION_COLOURS

emotions = [sample.emotion for sample in samples]
figure, axes = plt.subplots(1, 2, figsize=(11, 3.4))
for axis, values, name in (
    (axes[0], features, "as measured (semitones re 100 Hz)"),
    (axes[1], per_speaker(features, talkers), "relative to the talker"),
):
    sns.boxplot(x=emotions, y=values[:, pitch], hue=emotions, order=EMOTIONS,
                palette=EMOTION_COLOURS, ax=axis, fliersize=2)
    axis.set(title=f"median pitch, {name}", xlabel="", ylabel="")
    axis.tick_params(axis="x", rotation=30)
figure.tight_layout()

# %% [markdown]
# On the left low and high voices are mixed in every box. On the right the
# boxes have moved apart. Listeners do this without thinking, after a few
# words. A model that is given one clip of a stranger cannot: keep that in
# mind when you compare numbers.
#
# ## Summary
#
# - A corpus is a table plus media; ours states what carries each emotion.
# - The test split shares no talker, no voice and no sentence with training.
# - Conflicting samples tell listening from reading.
# - Pitch means little until you know whose it is.
#
# ## Exercise 1.1
#
# Write the normalisation of the last figure. `features` is an array of
# shape (samples, features), `talkers` names the talker of each row.
# Subtract each talker's mean, and divide by the talker's standard
# deviation. What if a feature does not vary for a talker?

# %% tags=["exercise"] exercise="1.1"
import numpy as np


def normalise(features, talkers):
    """Return features less their talker's mean, over the spread."""
    out = np.zeros_like(features)
    for talker in set(talkers):
        own = np.array([t == talker for t in talkers])
        spread = features[own].std(axis=0)
        spread[spread == 0] = 1.0
        out[own] = (features[own] - features[own].mean(axis=0)) / spread
    return out


# %% tags=["check"]
check.ex_1_1(normalise)

# %% [markdown]
# ## Tweak this
#
# Domain "b" has other voices, other rooms and duller microphones. Replace
# "f0_median" by another feature ("level_mean", "syllable_rate",
# "hnr_mean"): which of them survive the change of domain, and which measure
# the room?

# %%
feature = "f0_median"
other = audio_core(lab.corpus, "test", domain="b")
others = [resolve(sample, other.root) for sample in other]
column = FEATURES.index(feature)
values = feature_table(others, progress=False)[:, column]
pd.DataFrame(
    {
        "domain a": pd.Series(features[:, column]).groupby(emotions).mean(),
        "domain b": pd.Series(values).groupby(
            [s.emotion for s in others]).mean(),
    }
).loc[list(EMOTIONS)].round(2)
