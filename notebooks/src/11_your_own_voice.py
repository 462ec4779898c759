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
# # 11 Your own voice: record, predict, label, adapt
#
# Everything so far was said by others. Here you record yourself, see what
# the model makes of it, and find out how far its answer can be believed.
#
# **After this notebook you can**
# - record or load your own clips, and keep them as a corpus;
# - read a prediction together with the note that says how far the clip lies
#   from the training data;
# - see your own clips beside the corpus in the same plots;
# - train with your own reward on your own recordings.
#
# **You need** notebooks 03 and 04. A microphone helps; sound files will do.
#
# <!-- cost study=40 -->

# %%
from emolab_course import at_most, check, figures, own_clips, setup

lab = setup("11")
lab

# %% [markdown]
# Before you record anybody else, ask them, and say what for. Notebook 00
# says where a model like this one must not be used.
#
# ## Record
#
# In a running notebook the recorder below takes your voice, plays it,
# predicts, explains, and keeps the clip with the label that you *meant*.
# The browser sends the sound to this notebook and nowhere else. Say the same
# sentence in several ways. Ten clips are enough for what follows.

# %%
import emolab as el
from emolab_course.recordings import Recordings
from emolab_course.widgets.own_voice import explainer, voice_recorder

lalm, prompt = lab.trained("grpo", recipe="emo-rl")
mine = Recordings(lab.folder.parent / "own_voice")
voice_recorder(mine, lab.corpus.labels,
               predict=lambda wave: el.predict(lalm, wave, prompt=prompt),
               explain=explainer(lalm, prompt, lab.corpus))

# %% [markdown]
# ## Your clips
#
# Without recordings of your own, this notebook goes on with clips of one
# speaker of the corpus that the model was not trained on, and says so.

# %%
clips = own_clips(lab, mine)
print(f"{len(clips)} clips: {dict(clips.counts())}")

# %%
import pandas as pd

from emolab_course import listen
from emolab.training.runs import resolved

heard = resolved(clips)[:at_most(10)]
predicted = [el.predict(lalm, clip, prompt=prompt) for clip in heard]
pd.DataFrame({
    "meant": [clip.emotion for clip in heard],
    "predicted": [p["label"] for p in predicted],
    "probability": [max(p["distribution"].values()) for p in predicted],
    "distance": [p["likeness"]["distance"] if p["likeness"] else None
                 for p in predicted],
    "unlike the training data": [bool(p["note"]) for p in predicted],
}).round(2)

# %%
listen({f"{i}: {c.emotion}": c for i, c in enumerate(heard[:4])})

# %% [markdown]
# The distance is measured in the space of the audio encoder. A clip beyond
# the threshold is unlike the clips of the training data, and the answer may
# mean nothing, however large its probability is. The recorder above and the
# command `emolab predict` withhold such an answer: they show a guess and the
# probabilities.

# %%
for found in predicted[:3]:
    print(found["note"] or "inside the training data")

# %% [markdown]
# <!-- exercise 11.1 -->
#
# A model says *angry* with probability 0.97. The note says that the clip is
# unlike the training data. What do you make of it?

# %% tags=["exercise"] exercise="11.1"
# A letter from a to f.
my_diagnosis = "c"

# %% tags=["check"]
check.ex_11_1(my_diagnosis)

# %% [markdown]
# ## Beside the corpus
#
# Where do your clips lie among those of the corpus? Two features that
# matter: how high the voice is, and how much its pitch moves.

# %%
from emolab.baselines import feature_frame

corpus_features = feature_frame(lab.voices("test"))
own_features = feature_frame(clips)
figure = figures.beside_corpus(corpus_features, own_features,
                               "f0_median", "f0_sd", lab.corpus.labels)
figure.axes[0].set(xlabel="median pitch, semitones above 100 Hz",
                   ylabel="spread of the pitch, semitones")
figure

# %% [markdown]
# A voice far from the cloud is one that the model has not met. Is it your
# voice, or your microphone and your room?
#
# ## How sure may it be?
#
# A model is *calibrated* where answers given with probability 0.8 are right
# in 80% of cases. The expected calibration error (ECE) is the mean distance
# between the two, over answers sorted into bins by their probability.

# %%
from emolab.metrics import expected_calibration_error

labelled = [(p, c) for p, c in zip(predicted, heard) if c.emotion]
sure = [max(p["distribution"].values()) for p, _ in labelled]
right = [p["label"] == c.emotion for p, c in labelled]
print(f"mean probability {sum(sure) / len(sure):.2f}, "
      f"share right {sum(right) / len(right):.2f}, "
      f"ECE {expected_calibration_error(sure, right):.2f}, "
      f"from {len(right)} answers")

# %% [markdown]
# <!-- exercise 11.2 -->
#
# Write the ECE with `bins` bins of equal width over [0, 1]. `confidence` and
# `right` are arrays of the same length. For each bin that has answers, take
# the distance between their mean confidence and their share of right
# answers, weigh it by the bin's share of all answers, and sum. A confidence
# of exactly 1 belongs to the last bin.

# %% tags=["exercise"] exercise="11.2"
import numpy as np


def ece(confidence, right, bins=10):
    """Return the expected calibration error."""
    confidence, right = np.asarray(confidence), np.asarray(right, float)
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    error = 0.0
    for b in np.unique(bin_of):
        inside = bin_of == b
        gap = abs(confidence[inside].mean() - right[inside].mean())
        error += inside.mean() * gap
    return error


# %% tags=["check"]
check.ex_11_2(ece)

# %% [markdown]
# <!-- exercise 11.3 -->
#
# A model may pass a clip on to a person. Return the share of right answers
# among the most confident ones: keep the share `coverage` of the answers,
# rounded up, and at least one. `confidence` and `right` are arrays.

# %% tags=["exercise"] exercise="11.3"
import math

import numpy as np


def right_when_sure(confidence, right, coverage):
    """Return the share right among the most confident answers."""
    kept = max(1, math.ceil(coverage * len(confidence)))
    order = np.argsort(-confidence, kind="stable")[:kept]
    return right[order].mean()


# %% tags=["check"]
check.ex_11_3(right_when_sure)

# %% [markdown]
# ## Adapt to one voice
#
# A model that was trained on other voices takes a speaker's habits for
# feelings. Some labelled recordings of one speaker tell what is usual for
# this voice. A small classifier on top of the model's audio encoder learns
# from them in seconds. Each recording is left out in turn, to measure it.

# %%
from emolab_course.personal import adapt

counts = clips.counts()
enough = [clip for clip in resolved(clips) if counts[clip.emotion] > 1]
if len({clip.emotion for clip in enough}) > 1:
    personal = adapt(lalm, enough)
    print(f"{len(enough)} recordings, {len(personal.labels)} labels: "
          f"UA {personal.checked:.2f} (chance {personal.chance:.2f})")
else:
    print("Record two clips of each of two labels to see this.")

# %% [markdown]
# Four recordings of each label are a good start. With fewer, the number
# above is mostly luck.
#
# ## Train on your own clips, with your own reward
#
# Ten clips are no corpus. They are enough to see that every part of the
# course works on them: labels, prompt, reward, training.

# %% tags=["teaching"]
def brevity(completions, **columns):
    """1 for an empty answer, falling to 0 at 80 characters."""
    return [max(0.0, 1 - len(text) / 80) for text in completions]


# %%
recipe = lab.recipe("emo-rl", domain=None)
labels = clips.labels
rubric = el.Rubric.of([el.Accuracy(labels), (brevity, 0.1)], "mine")
student = recipe.load()
recipe.cold_start(student, clips, progress=False)
history = recipe.grpo(student, clips, lab.folder / "own", rubric,
                      resume=False, progress=False)
el.plot.training_curves(history)

# %% [markdown]
# These curves are about the clips that the model is trained on. To know
# what it learned, record more, and keep them apart. In a terminal the same
# is `emolab train emo-rl --corpus manifest:own_voice/recordings.csv`.
#
# ## Summary
#
# - Your recordings are a corpus like any other, with your own labels.
# - A probability is no warning: look at the distance as well.
# - Calibration is measured, not assumed.

# %% [markdown]
# <!-- exercise 11.4 -->
#
# A model got eight of your ten clips right. What is the lower end of the 95%
# interval for its share of right answers, by Wilson's method with z = 1.96?

# %% tags=["exercise"] exercise="11.4"
# A number between 0 and 1.
z, n, p = 1.96, 10, 0.8
spread = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
my_lower_end = (p + z * z / (2 * n) - spread) / (1 + z * z / n)

# %% tags=["check"]
check.ex_11_4(my_lower_end)

# %% [markdown]
# ## Tweak this
#
# Choose labels of your own, such as `labels="calm, tense, bored"` in
# `setup("11", labels=…)`, record a few clips of each, and run the notebook
# again. Or move further from the microphone: when does the note appear?

# %%
distances = [p["likeness"]["distance"] for p in predicted if p["likeness"]]
pd.Series(distances, name="distance", dtype=float).describe().round(2)
