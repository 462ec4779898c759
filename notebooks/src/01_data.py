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
# <!-- exercise 1.1 -->
#
# RAVDESS has 24 actors who say two sentences in a studio, each in several
# emotions. A model is trained on 20 actors, and reaches UA 0.70 on the other
# four. What may you claim?

# %% tags=["exercise"] exercise="1.1"
# A letter from a to f.
my_claim = "b"

# %% tags=["check"]
check.ex_1_1(my_claim)

# %% [markdown]
# <!-- exercise 1.2 -->
#
# Now leak on purpose. `evaluate(train, test)` trains a classifier on the
# clips of the mask `train`, and returns how many clips of the mask `test` it
# gets right. Score every clip twice: with this clip left out of training,
# and with all clips of its speaker left out. Return the first accuracy minus
# the second.

# %% tags=["exercise"] exercise="1.2"
import numpy as np


def lie(evaluate, speakers):
    """Return how much accuracy is owed to knowing the speaker."""
    speakers = np.array(speakers)
    clips = np.arange(len(speakers))

    def accuracy(groups):
        right = sum(evaluate(groups != g, groups == g) for g in set(groups))
        return right / len(groups)

    return accuracy(clips) - accuracy(speakers)


# %% tags=["check"]
check.ex_1_2(lie)

# %% [markdown]
# Here is the lie on this corpus, with plain features of the voice and the
# nearest neighbour as classifier:

# %%
import pandas as pd

from emolab.baselines import feature_frame
from emolab_course import split_scores

features = feature_frame(lab.voices("test"))
pd.Series(split_scores(features), name="accuracy").round(2)

# %% [markdown]
# In the embedded corpus the lie is about zero. Each of its speakers says
# every emotion equally often, so knowing the speaker gives nothing away.
# Where speakers have favourite emotions, as in most recordings of everyday
# life, the first number lies above the second.
#
# ## Hear and see
#
# Two voices from the test split, as waveform and as spectrogram, with the
# pitch drawn in. Look at the height of the pitch, at how much it moves, and
# at how fast the syllables follow each other. Pitch trackers err by whole
# factors: they take two periods of the voice for one, or half of one. So each
# frame is first put back to the factor that fits its neighbours.

# %%
from IPython.display import display

from emolab.media import audio_of
from emolab.prosody import track_f0
from emolab_course import steady_pitch

voices = one_of_each(lab.voices("test"), at_most=2, seed=1)
for sample in voices:
    wave = audio_of(sample)
    f0 = steady_pitch(track_f0(wave, 0.01, 65, 550))
    display(figures.clip_card(wave, f0, title=sample.emotion,
                              emotion=sample.emotion))
listen({sample.emotion: sample for sample in voices})

# %% [markdown]
# <!-- exercise 1.3 -->
#
# Write a simple mending. `f0` holds a pitch in Hz for each frame, and 0 where
# there is no voice. A frame that is more than 1.5 times the median of the
# voiced frames is halved, one that is less than the median divided by 1.5 is
# doubled.

# %% tags=["exercise"] exercise="1.3"
import numpy as np


def mend_octaves(f0):
    """Return the track with frames that are an octave off put back."""
    out = np.array(f0, float)
    voiced = out[out > 0]
    if len(voiced) == 0:
        return out
    middle = np.median(voiced)
    low = (out > 0) & (out < middle / 1.5)
    out[out > 1.5 * middle] /= 2
    out[low] *= 2
    return out


# %% tags=["check"]
check.ex_1_3(mend_octaves)

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
watch(faces, height=160)

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

    display(listen([(f"felt: {s.emotion}", resolve(s, ironic.root))
                    for s in ironic]))

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
    display(figures.vad_plane(table[table["split"] == "train"]))

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
from emolab.baselines import per_speaker

pitch = features[["f0_median"]].to_numpy()
relative = per_speaker(pitch, features["speaker"])
figure = figures.boxes_by_label(
    {"median pitch as measured": pitch[:, 0],
     "relative to the speaker": relative[:, 0]},
    features["emotion"], lab.corpus.labels)
figure.axes[0].set_ylabel("semitones above 100 Hz")
figure.axes[1].set_ylabel("standard deviations of the speaker")
figure

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

# %% [markdown]
# <!-- exercise 1.4 -->
#
# Write the normalisation of the last figure. `features` is an array of
# shape (samples, features), `talkers` names the speaker of each row.
# Subtract each speaker's mean, and divide by the speaker's standard
# deviation. What if a feature does not vary for a speaker?

# %% tags=["exercise"] exercise="1.4"
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
check.ex_1_4(normalise)

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
