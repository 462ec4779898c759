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
# # 05 Attribution: what did it listen to?
#
# R1-Omni, like many models since, is said to show which modality it relied
# on, because its written reasoning mentions voice or face. But a rationale
# is text. Here the question is answered by measurement: take the voice
# away, take the face away, take the words away, in every combination, and
# see what the answer loses. And because we made the data, the measurement
# itself can be checked.
#
# **After this notebook you can**
# - compute exact Shapley values of voice, face and words for an answer;
# - say what "absent" means, and why it is a choice;
# - check an attribution method against a known truth;
# - see training change what a model listens to.
#
# **You need** notebooks 01 and 04.
#
# | minutes (cpu) | minutes (gpu) | memory | downloads |
# |---|---|---|---|
# | 3 | 2 | 3 GB | none |

# %%
from emolab.course import check, listen, setup, watch

lab = setup("05")
lab

# %% [markdown]
# ## A model worth asking
#
# An untaught model has no reasons to measure. Teach one, briefly, on
# samples of all conditions: sometimes the voice carries the emotion,
# sometimes the face, sometimes the words, and sometimes one of them
# misleads. It is told the right label and nothing else; in particular, it
# is not told *where* the evidence was.

# %%
from emolab.prompts import PROMPTS
from emolab.recipes import common
from emolab.training.sft import SFTSettings, cold_start

prompt = PROMPTS["direct"]
lalm = common.prepare_model("tiny-omni", "nf4", rank=16, alpha=32, seed=0)
mixed = lab.corpus.where(split="train", domain="a")
lessons = [
    sample for condition in sorted(mixed.counts("condition"))
    for sample in mixed.where(condition=condition)[:48]
]
lessons = common.resolved(mixed.replace(lessons))
targets = [f"<answer>{sample.emotion}</answer>" for sample in lessons]
print(f"{len(lessons)} samples")

# %% [markdown]
# Before the lessons, measure once, so that there is something to compare.
# The value of a coalition, say *voice and words without the face*, is the
# log-probability of the answer when the face is replaced by other people's
# faces. With three players there are eight coalitions, so nothing needs to
# be approximated.

# %%
from emolab.attribution.collect import measure, method_values
from emolab.attribution.validate import choose, donors_of

samples = choose(lab.corpus, 56)
donors = donors_of(lab.corpus)
untaught = measure(lalm, samples, donors, prompt, absences=("swap",),
                   inner=False, progress=False)
losses = cold_start(lalm, lessons, targets, prompt,
                    SFTSettings(epochs=4, batch_size=24,
                                learning_rate=2e-3), progress=False)
taught = measure(lalm, samples, donors, prompt, absences=("swap",),
                 inner=False, progress=False)
print(f"right before {untaught.right.mean():.0%}, "
      f"after {taught.right.mean():.0%} of {len(samples)}")

# %% [markdown]
# ## One sample, three players
#
# Pick a sample in which the voice tells the truth, the words or the face
# mislead, and the model is right nevertheless.

# %%
from IPython.display import display

from emolab.media import audio_of, frames_of

picked = next(
    i for i, s in enumerate(samples)
    if s.extra["condition"] in ("A>T", "A>V") and taught.right[i]
)
sample = samples[picked]
print(f'"{sample.text}"  felt: {sample.emotion}, '
      f"misled by the {sample.extra['distractors'][0]}")
display(listen({"voice": audio_of(sample)}))
watch({"face": frames_of(sample)})

# %%
from emolab.attribution.shapley import coalitions
from emolab.samples import MODALITIES

import pandas as pd

present = coalitions(3)
names = [" + ".join(m for m, here in zip(MODALITIES, row) if here)
         or "nothing" for row in present]
values = taught.table()[picked]
pd.DataFrame({"log-probability of the answer": values},
             index=names).round(3)

# %% [markdown]
# The Shapley value of a player is what it adds, averaged over all orders in
# which the three could have come in. The three values sum exactly to the
# difference between *everything* and *nothing*.

# %%
from emolab.plots.attribution import modality_bars

phi = taught.shapley()[picked]
print(f"sum of the values {phi.sum():.4f}, "
      f"all minus nothing {values[-1] - values[0]:.4f}")
modality_bars(dict(zip(MODALITIES, phi)),
              title=f"What made it say {taught.own[picked]}?")

# %% [markdown]
# A negative value means that the answer was given *in spite of* that
# modality.
#
# ## Is the method right?
#
# Attribution methods are rarely checked, because nobody knows the truth.
# Here it is in the table. Take the samples whose emotion lies in one
# modality only, and which the model answers right: how often does a method
# give that modality the largest value?

# %%
from emolab.attribution.truth import recovery
from emolab.plots.attribution import recovery_table

carriers = [s.extra["carriers"] for s in samples]
talkers = [s.speaker for s in samples]
scores = {}
for when, measured in (("before", untaught), ("after", taught)):
    scores[when] = [
        {"name": name,
         **recovery(values, carriers, talkers, measured.right, n_boot=200)}
        for name, values in method_values(measured).items()
    ]
recovery_table(scores["after"], scores["before"],
               title="Naming the carrier (hollow: before the lessons)")

# %% [markdown]
# The row called *chance* is a random number generator: what is not clearly
# above it should not be believed. Mind what is counted. Only right answers
# are, and before the lessons those are other samples than after: hollow and
# full dots answer different questions, and few samples mean wide intervals.
# Compare *Shapley* with *only one in* and *leave one out*, which are
# cheaper: where they disagree, modalities interact.
#
# ## What training changed
#
# The same samples, by what carries them: the mean value of each modality
# before and after.

# %%
import matplotlib.pyplot as plt
import numpy as np

from emolab.plots import MODALITY_COLOURS

figure, axes = plt.subplots(1, 2, figsize=(10, 3), sharey=True)
for axis, measured, title in (
    (axes[0], untaught, "before"), (axes[1], taught, "after")):
    gold = measured.shapley(targets=[s.emotion for s in samples])
    table = pd.DataFrame(gold, columns=list(MODALITIES))
    table["carried by"] = [" + ".join(c) for c in carriers]
    table = table[table["carried by"].isin(MODALITIES)]
    table.groupby("carried by").mean().loc[list(MODALITIES)].plot.bar(
        ax=axis, color=MODALITY_COLOURS, rot=0, legend=axis is axes[1])
    axis.set(title=f"{title} the lessons", xlabel="emotion carried by",
             ylabel="mean value for the gold label")
figure.tight_layout()

# %% [markdown]
# If the model has learned to look where the evidence is, the tallest bar of
# each group stands where the group's name says. Where it does not, the model
# has not learned to use that modality, however well it is shown.
#
# ## Absent is a choice
#
# "Without the voice" can mean other voices, silence, or an average voice.
# The model has met only the first kind. Does it matter?

# %%
few = samples[:14]
compared = measure(lalm, few, donors, prompt, inner=False, progress=False)
pd.DataFrame({
    absence: np.abs(compared.shapley(absence)).mean(axis=0)
    for absence in compared.tables
}, index=list(MODALITIES)).round(3)

# %% [markdown]
# Report how you made things absent. Two papers that differ in it may
# disagree without either being wrong about the model.
#
# ## Summary
#
# - Shapley values share out an answer's log-probability among voice, face
#   and words, exactly, with eight evaluations.
# - The sign matters: a modality can speak against the answer.
# - A method that cannot find a known carrier should not be trusted with an
#   unknown one.
# - What replaces an absent modality is part of the result.
#
# ## Exercise 5.1
#
# Write exact Shapley values for three players. `value` maps each coalition,
# a frozenset of names, to its value. For each player average its gain
# `value[S | {player}] - value[S]` over all coalitions S without it: with
# weight 1/3 where S is empty or has both others, and 1/6 where it has one.

# %% tags=["exercise"] exercise="5.1"
from itertools import combinations


def shapley(value):
    """Return the Shapley value of audio, video and text."""
    players, weights = ("audio", "video", "text"), (1 / 3, 1 / 6, 1 / 3)
    result = {}
    for player in players:
        others = [p for p in players if p != player]
        result[player] = sum(
            weights[size] * (value[frozenset(S) | {player}]
                             - value[frozenset(S)])
            for size in range(3) for S in combinations(others, size)
        )
    return result


# %% tags=["check"]
check.ex_5_1(shapley)

# %% [markdown]
# ## Tweak this
#
# Attribute another answer: not the one that the model gave, but the one
# that the distractor suggests. For a sample with misleading words, which
# modality argues for which label?

# %%
labels = list(taught.labels)
every = {label: taught.shapley(targets=[label] * len(samples))[picked]
         for label in labels}
pd.DataFrame(every, index=list(MODALITIES)).round(2)
