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
# # 02 Zero-shot: what does the model know already?
#
# Before you teach a model anything, measure what it can do untaught; and
# before you believe the measurement, measure what it would score deaf. Many
# published results on speech emotion shrink once somebody swaps the audio.
#
# **After this notebook you can**
# - say what an audio language model is given, position by position;
# - evaluate it in two ways: by what it writes, and by what it finds likely;
# - see the answers that a model prefers before it has heard anything, and
#   take that preference away;
# - run the controls without which a score means little.
#
# **You need** notebook 01.
#
# | minutes (cpu) | minutes (gpu) | memory | downloads |
# |---|---|---|---|
# | 2 | 2 | 2 GB | none |

# %%
from emolab.course import check, setup

lab = setup("02")
lalm = lab.model()
lab

# %% [markdown]
# ## What the model is given
#
# A prompt is a row of positions. Text fills some of them. The rest is what
# the ear made of the sound: one vector for each stretch of audio. To the
# language model they are all just positions.

# %%
import pandas as pd

from emolab.prompts import PROMPTS
from emolab.recipes.common import resolved, take_per_label
from emolab.synth.corpus import audio_core

test = take_per_label(audio_core(lab.corpus, "test"), 20, seed=0)
prompt = PROMPTS["direct"].using("audio", "text")
sample = resolved(test)[0]
batch = lalm.encode([sample], prompt)
spans = pd.DataFrame([vars(span) for span in batch.spans[0]])
print(prompt.text(sample))
spans.groupby("modality").agg(
    positions=("start", "count"), first_second=("t0", "min"),
    last_second=("t1", "max"))

# %% [markdown]
# The transcript is in the prompt too. In this test set the words are
# neutral, so reading them does not help. The only way to be right is to
# listen.
#
# ## Let it write
#
# Ask for an answer to each of the test clips, and count.

# %%
from emolab.evaluate import evaluate

written = evaluate(lalm, test, prompt, max_new_tokens=16, progress=False)
rows = pd.DataFrame(written["rows"])
print(f"UA {written['ua']:.3f}, 95% interval "
      f"{written['ua_ci'][0]:.3f} to {written['ua_ci'][1]:.3f}, "
      f"{written['parse_rate']:.0%} of {written['n']} answers readable")
rows["text"].value_counts().head(8).to_frame("times written")

# %% [markdown]
# Chance is one in seven, 0.143. Compare the interval with that before you
# compare the number with anything.
#
# The table shows what kind of failure this is: does it write something
# unreadable, or the same label again and again?
#
# ## Or ask what it finds likely
#
# Instead of letting the model write, compute the probability of each of the
# seven answers, and take the largest. Nothing can be unreadable that way,
# and a preference becomes visible: average the probabilities over all
# clips, and over inputs that contain nothing at all.

# %%
from emolab.plots.evaluation import label_bias

scored = evaluate(lalm, test, prompt, mode="labels", progress=False)
label_bias(scored["info"]["label_bias"])

# %% [markdown]
# If the model had no preference, all dots would lie at one in seven. What
# it would say to silence, it also says to people. *Calibration* takes the
# preference away: either by what the model answers to inputs without
# content, or by its mean over the evaluated clips.

# %%
kinds = scored["info"]["by_calibration"]
pd.DataFrame(kinds).T[["ua", "ua_ci", "wa", "parse_rate"]]

# %% [markdown]
# Neither method looks at a gold label. "mean" does look at the whole test
# set, so it cannot be used for one file; say so when you report it.
#
# ## Where it errs

# %%
from emolab.plots.evaluation import confusion_matrix

calibrated = evaluate(lalm, test, prompt, mode="labels",
                      calibration="mean", progress=False)
confusion_matrix(calibrated["rows"], title="Zero-shot, calibrated")

# %% [markdown]
# ## Would it notice?
#
# Now the controls. Replace every voice by silence; replace it by another
# person's voice in another emotion; take the words away. A model that
# listens must fall. A model that does not fall was never listening.

# %%
from emolab.plots.evaluation import controls

under = {None: calibrated}
for name in ("silent", "swapped", "no_transcript"):
    under[name] = evaluate(lalm, test, prompt, mode="labels", control=name,
                           calibration="mean", progress=False)
controls({"tiny-omni, zero-shot": under})

# %% [markdown]
# Where the first bar stands at chance there is nothing to lose, and the
# controls cannot tell. Look at them again after training, in notebook 04.
#
# ## Is the task just hard?
#
# Classical signal processing describes a clip by its pitch, level, timing
# and voice quality. A linear classifier on top of these features has never
# heard of language models. Give it some labelled clips:

# %%
from emolab.baselines import classical_baseline
from emolab.plots.evaluation import score_bars

train = take_per_label(audio_core(lab.corpus, "train"), 50, seed=0)
classical = classical_baseline(train, test, progress=False)
score_bars({
    "written answers": written,
    "scored labels": scored,
    "scored, calibrated": calibrated,
    f"prosody + LR, {len(train)} labels": classical,
})

# %% [markdown]
# The evidence is in the signal: a small classifier finds it. So whatever
# the language model misses at this point, it misses for want of knowing
# what the sounds *mean*. That can be taught, and notebook 04 does.
#
# ## Summary
#
# - An audio language model reads positions; some of them are sound.
# - Generated answers and scored labels are two different measurements.
# - Models have favourite answers; calibration removes them without labels.
# - Controls come with every score: silent, swapped, without transcript.
# - A classical baseline says what is easy.
#
# ## Exercise 2.1
#
# Write the calibration by the mean. `scores` has shape (clips, labels):
# log-probabilities that need not sum to one over the labels. Normalise each
# row over the labels, subtract each label's mean over the clips, and
# normalise again. Everything stays in logs.

# %% tags=["exercise"] exercise="2.1"
import numpy as np


def calibrated_scores(scores):
    """Return log-posteriors freed of each label's mean."""
    total = np.logaddexp.reduce(scores, axis=1, keepdims=True)
    posterior = scores - total
    posterior = posterior - posterior.mean(axis=0)
    return posterior - np.logaddexp.reduce(posterior, axis=1, keepdims=True)


# %% tags=["check"]
check.ex_2_1(calibrated_scores)

# %% [markdown]
# ## Tweak this
#
# Ask differently. Does the model do better if it may think first
# (`"free"`), or if it sees the face as well (condition "AV", and a prompt
# that uses all modalities)?

# %%
both = lab.corpus.where(split="test", condition="AV", domain="a")
for name, asked in (("audio", prompt),
                    ("audio and face", PROMPTS["direct"])):
    result = evaluate(lalm, both, asked, mode="labels",
                      calibration="mean", progress=False)
    print(f"{name:15} UA {result['ua']:.3f} of {result['n']} clips")
