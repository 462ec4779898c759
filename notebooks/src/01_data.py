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
# the data, listen to them, and make sure that the test asks what you think
# it asks.
#
# **After this notebook you can**
# - read a corpus table, and hear and see what is in it;
# - check that a split is honest: other people *and* other sentences;
# - tell which modality carries the emotion of a sample, and which misleads;
# - explain why a feature must often be read relative to the speaker.
#
# **You need** notebook 00.
#
# <!-- cost study=45 -->

# %%
from emolab_course import check, figures, listen, one_of_each, setup, watch

lab = setup("01")
lab

# %% [markdown]
# ## The table
#
# A corpus is a table with one row for each sample, and a folder of media.
# It comes with a label set: the labels that a model is asked to choose from.

# %%
table = lab.corpus.to_pandas()
shown = ["id", "speaker", "split", "condition", "emotion", "text", "words"]
print("labels:", ", ".join(lab.corpus.labels))
table[[name for name in shown if name in table]].head(6)

# %%
import emolab as el

figures.corpus_overview(table)

# %% [markdown]
# Look at the left panel. Where the bars have equal length, a model cannot
# gain by knowing which label is frequent. Where they do not, only
# unweighted accuracy is a fair score.
#
# ## An honest split
#
# If a speaker of the training set appears in the test set, a model can win
# by recognising the speaker. The same is true of sentences. This table
# counts what the splits share:

# %%
from emolab_course import shared_between_splits

shared_between_splits(lab.corpus.where(domain="a") if lab.embedded
                      else lab.corpus)

# %% [markdown]
# A zero in the column *in both* means that the test asks about something
# that training never showed. A corpus with few sentences, such as RAVDESS
# with two, cannot have a zero for sentences: its scores are about speakers
# only.
#
# ## Hear and see
#
# Two voices from the test split, as waveform and as spectrogram, with the
# pitch drawn in. Look at the height of the pitch, at how much it moves, and
# at how fast the syllables follow each other.

# %%
from IPython.display import display

from emolab.media import audio_of
from emolab.synth.vocoder import track_f0

voices = one_of_each(lab.voices("test"), at_most=2, seed=1)
for sample in voices:
    wave = audio_of(sample)
    f0 = track_f0(wave, 0.01, 65, 550)
    display(el.plot.clip_card(wave, f0, title=sample.emotion,
                              emotion=sample.emotion))
listen({sample.emotion: sample for sample in voices})

# %% [markdown]
# The faces of the embedded corpus are drawn from *action units*, the muscle
# movements of Ekman and Friesen's coding system. Their lips follow the
# voice.

# %%
from emolab.media import frames_of

faces = {}
if lab.knows("video", "The embedded corpus would show a face here."):
    seen = lab.corpus.where(lambda s: s.video and s.split == "test" and (
        "video" in s.extra.get("carriers", ["video"])))
    faces = {s.emotion: frames_of(s) for s in one_of_each(seen)}
watch(faces)

# %% [markdown]
# ## Who carries the emotion?
#
# In life, voice, face and words do not always agree. The embedded corpus
# states a *condition* for each sample: which of audio (A), video (V) and
# text (T) carry the emotion, and which one shows another emotion. `A>T`
# means: believe the voice, not the words.

# %%
import pandas as pd

if lab.knows("condition", "The embedded corpus would list its conditions."):
    counts = pd.crosstab(table["condition"], table["split"])
    by = table.groupby("condition")[["carriers", "distractors"]].first()
    display(counts.join(by.map(" + ".join)))

# %%
ironic = []
if lab.knows("sarcastic", "The embedded corpus would play sarcasm here."):
    ironic = lab.corpus.where(split="test", sarcastic=True)[:3]
    from emolab.samples import resolve

    display(listen({f"{s.text} ({s.emotion})": resolve(s, ironic.root)
                    for s in ironic}))

# %% [markdown]
# Sarcasm is glad words in a voice that is not glad. A model that reads
# instead of listening gets these wrong. Notebook 05 finds out which of the
# two a model does.
#
# ## Beyond one label
#
# A sample can also have a point in the plane of valence and arousal, a set
# of emotion words, and a caption.

# %%
if lab.knows("valence", "The embedded corpus would draw its samples here."):
    display(el.plot.vad_plane(table[table["split"] == "train"]))

# %%
sample = (ironic or lab.corpus)[0]
print("label:  ", sample.emotion)
print("words:  ", ", ".join(sample.words) or "none stated")
print("caption:", sample.caption or "none stated")

# %% [markdown]
# ## What no model may see
#
# We made the embedded data, so we know how they were made: how strongly
# each modality shows what, and every parameter of the voice. This truth is
# a file of its own. Methods are *checked* against it. Nothing trains on it.

# %%
truth = lab.truth("The embedded corpus would show its truth here.")
if truth:
    known = truth[sample.id]
    display(pd.DataFrame({k: known[k] for k in ("shown", "intensity")}))
    display(pd.Series(known["prosody"]).round(2).to_frame("this voice").T)

# %% [markdown]
# ## High for whom?
#
# A pitch of 200 Hz is excited for one person and tired for another. Measure
# the median pitch of each test clip, in semitones above 100 Hz. Draw it by
# emotion: as measured, and after each speaker's own mean and spread were
# taken away.

# %%
from emolab.baselines import feature_frame, per_speaker

features = feature_frame(lab.voices("test"))
pitch = features[["f0_median"]].to_numpy()
relative = per_speaker(pitch, features["speaker"])
figures.boxes_by_label(
    {"median pitch as measured": pitch[:, 0],
     "relative to the speaker": relative[:, 0]},
    features["emotion"], lab.corpus.labels)

# %%
from emolab_course import between_share

pd.Series({"as measured": between_share(pitch[:, 0], features["emotion"]),
           "relative to the speaker":
               between_share(relative[:, 0], features["emotion"])},
          name="share of variance between emotions").round(2)

# %% [markdown]
# The second number says how much of the differences in pitch is explained
# by the emotion, once each speaker's habit is taken away. Listeners do this
# without thinking, after a few words. A model that is given one clip of a
# stranger cannot do it. Keep this in mind when you compare scores.
#
# ## Summary
#
# - A corpus is a table, a folder of media and a label set.
# - A fair test shares no speaker with training, and says what else it
#   shares.
# - Samples whose modalities conflict tell listening from reading.
# - Pitch means little until you know whose it is.
#
# <!-- exercise 1.1 -->
#
# Write the normalisation of the last figure. `features` is an array of
# shape (samples, features), `talkers` names the speaker of each row.
# Subtract each speaker's mean, and divide by the speaker's standard
# deviation. What if a feature does not vary for a speaker?

# %% tags=["exercise"] exercise="1.1"
import numpy as np


def normalise(features, talkers):
    """Return features less their speaker's mean, over the spread."""
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
# Another split has other people, and in the embedded corpus domain "b" has
# other rooms and duller microphones too. Replace "f0_median" by another
# feature ("level_mean", "syllable_rate", "hnr_mean"). Which features keep
# their order of emotions, and which measure the room?

# %%
feature = "f0_median"
other = lab.recipe("emo-rl").select(lab.corpus).where(
    **{"domain": "b", "split": "test"} if lab.embedded
    else {"split": "train"})
pd.DataFrame({
    "test split": features.groupby("emotion")[feature].mean(),
    "elsewhere":
        feature_frame(other).groupby("emotion")[feature].mean(),
}).reindex(list(lab.corpus.labels)).round(2)
