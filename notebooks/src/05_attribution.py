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
# - find the moment, the word and the part of the face that carried it;
# - say what "absent" means, and why it is a choice;
# - check an attribution method against a known truth.
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
# An untaught model has no reasons to measure. This one was trained by the
# recipe `r1-omni` on samples of all conditions: sometimes the voice
# carries the emotion, sometimes the face, sometimes the words, and
# sometimes one of them misleads. Its adapters are shipped as they were
# *before* and *after* reinforcement learning.

# %%
from emolab.lalm.tiny import TINY_FOLDER
from emolab.evaluate.inputs import read_model

folder = TINY_FOLDER / "r1-omni"
earlier, prompt = read_model(None, folder / "before")
lalm, _ = read_model(None, folder / "after")
print(f"asked: {prompt.user}")
print(f"shown: {', '.join(prompt.modalities)}")

# %% [markdown]
# The value of a coalition, say *voice and words without the face*, is the
# log-probability of the answer when the face is replaced by those of other
# people who show nothing. With three players there are eight coalitions, so
# nothing needs to be approximated. The samples are of talkers and sentences
# that the model has never met.

# %%
from emolab.attribution.collect import Settings, measure
from emolab.attribution.validate import choose, donors_of

samples = choose(lab.corpus, 46, single_turns=4)
donors = donors_of(lab.corpus)
settings = Settings(n_donors=2)
before = measure(earlier, samples, donors, prompt, settings, ("neutral",),
                 inner=False, progress=False)
after = measure(lalm, samples, donors, prompt, settings, ("neutral",),
                progress=False)
print(f"right before {before.right.mean():.0%}, "
      f"after {after.right.mean():.0%} of {len(samples)}")

# %% [markdown]
# ## One sample, three players
#
# Pick a sample in which one modality tells the truth, another one misleads,
# and the model is right nevertheless.

# %%
from IPython.display import display

from emolab.media import audio_of, frames_of

picked = next(
    i for i, s in enumerate(samples)
    if s.extra["distractors"] and after.right[i]
)
sample = samples[picked]
print(f'"{sample.text}"  felt: {sample.emotion}, '
      f"told by the {sample.extra['carriers'][0]}, "
      f"misleading: the {sample.extra['distractors'][0]}")
display(listen({"voice": audio_of(sample)}))
watch({"face": frames_of(sample)})

# %%
from emolab.attribution.shapley import coalitions
from emolab.samples import MODALITIES

import pandas as pd

present = coalitions(3)
names = [" + ".join(m for m, here in zip(MODALITIES, row) if here)
         or "nothing" for row in present]
values = after.table()[picked]
pd.DataFrame({"log-probability of the answer": values},
             index=names).round(3)

# %% [markdown]
# The Shapley value of a player is what it adds, averaged over all orders in
# which the three could have come in. The three values sum exactly to the
# difference between *everything* and *nothing*.

# %%
from emolab.plots.attribution import modality_bars

phi = after.shapley()[picked]
print(f"sum of the values {phi.sum():.4f}, "
      f"all minus nothing {values[-1] - values[0]:.4f}")
modality_bars(dict(zip(MODALITIES, phi)),
              title=f"What made it say {after.own[picked]}?")

# %% [markdown]
# A negative value means that the answer was given *in spite of* that
# modality.
#
# ## Which moment, which word, which part of the face?
#
# Players can be smaller: stretches of the recording, words, parts of the
# face in each frame. Their coalitions are too many to try, so orders are
# drawn at random, each with its reverse, until the standard error is small
# enough. The line on each bar is that error. The second row shows the
# words where they are *said*, with the value of the sound at that place.

# %%
from emolab.attribution.explain import Effort, explain
from emolab.plots.attribution import face_heat, windows_on_wave, words_html
from emolab.plots.data import listen as listen_to
from emolab.synth.words import word_times

times = {s.id: word_times(lab.corpus.root, s.id) for s in [sample]}
found = explain(lalm, sample, prompt, donors, settings=settings,
                effort=Effort(4, donors=1), times=times[sample.id])
parts = found["players"]
wave = audio_of(sample)
listen_to(wave, windows_on_wave(wave, parts["window"],
                                spoken=parts["spoken"]))

# %%
from IPython.display import HTML

display(HTML(words_html(parts["word"], found["label"])))
face_heat(frames_of(sample), parts["cell"], "Where it looked")

# %% [markdown]
# To look at other samples, answers, methods and ways of being absent, use
# the explorer (it is alive in a running notebook only):

# %%
from emolab.widgets.attribution import attribution_explorer

attribution_explorer(lalm, samples[:12], prompt, donors, times)

# %% [markdown]
# ## Is the method right?
#
# Attribution methods are rarely checked, because nobody knows the truth.
# Here it is in the table. Take the samples whose emotion lies in one
# modality only, and which the model answers right: how often does a method
# give that modality the largest value?

# %%
from emolab.attribution.table import method_rows
from emolab.plots.attribution import truth_table
from emolab.synth.corpus import read_truth

known = read_truth(lab.corpus.root)
rows = method_rows(after, MODALITIES, known, n_boot=200)
truth_table(rows, columns=("recovery", "auc", "conflict"),
            title="Does the method name the carrier?")

# %% [markdown]
# The row called *chance* is a random number generator: what is not clearly
# above it should not be believed. The dashed line is where a perfect method
# would be. Compare *Shapley* with *only one in* and *leave one out*, which
# are cheaper: where they disagree, modalities interact.
#
# The same for several times as many samples, with the checks that take
# longer (`emolab bench truth`): noise on the voice must lower its share,
# shuffled weights must leave nothing, and deleting what a method names must
# hurt more than deleting anything.

# %%
suite = lab.result("truth")
print(suite["command"], "on", suite["after"]["n"], "samples")
truth_table(suite["after"]["methods"], suite["before"]["methods"])

# %% [markdown]
# ## What training changed
#
# Triangles show where answers come from: a point in a corner is an answer
# that one modality gave alone. Its colour says where the evidence was.

# %%
from emolab.attribution.shares import shares
from emolab.plots import MODALITY_COLOURS
from emolab.plots.attribution import modality_triangle

single = [i for i, s in enumerate(samples)
          if len(s.extra["carriers"]) == 1 and not s.extra["distractors"]]
colours = [MODALITY_COLOURS[samples[i].extra["carriers"][0]]
           for i in single]
for measured, when in ((before, "Before RL"), (after, "After RL")):
    display(modality_triangle(shares(measured.shapley()[single]), colours,
                              MODALITY_COLOURS, when))

# %%
from emolab.plots.attribution import before_after

stages = [{r["modality"]: r for r in suite[stage]["shares"]}
          for stage in ("before", "after")]
first, last = ({m: part[m]["phi"] for m in MODALITIES} for part in stages)
before_after(first, last, intervals={
    m: [part[m]["phi_ci"] for part in stages] for m in MODALITIES})

# %% [markdown]
# The vertical lines are 95% intervals. A line that rises says that the
# answers now depend more on that modality, not that it is used better:
# for that, look at the carriers above.
#
# The same numbers as shares of everything that moves the answer, which is
# how MM-SHAP reports them. A share has no sign, and noise never cancels in
# it: an *uninformative* modality, taken from somebody else, gets a share as
# well. That is the null, and a share means little until it is beside one.

# %%
columns = ["modality", "phi", "null_phi_upper", "share", "null_share_upper"]
pd.DataFrame(suite["after"]["shares"])[columns].round(2)

# %% [markdown]
# ## Absent is a choice
#
# "Without the voice" can mean the voices of neutral people (as above), of
# anybody (*swap*), silence, or an average voice. The model has met only the
# first two kinds. And anybody's voice mostly speaks against the answer, so
# that saying nothing looks like a contribution. Does it matter?

# %%
import numpy as np

few = samples[:8]
compared = measure(lalm, few, donors, prompt, settings, inner=False,
                   progress=False)
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
labels = list(after.labels)
every = {label: after.shapley(targets=[label] * len(samples))[picked]
         for label in labels}
pd.DataFrame(every, index=list(MODALITIES)).round(2)
