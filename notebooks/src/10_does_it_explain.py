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
# # 10 Does it explain itself? Stated against measured
#
# "The voice trembles, so the speaker is afraid." A model that writes this
# *says* that it listened. Whether it did is another question, and one that
# can be answered: compare the modality that a rationale names with the
# modality that moved the answer.
#
# **After this notebook you can**
# - teach a model to give reasons, and show that reasons can be empty;
# - measure a hallucination rate of rationales, with an interval;
# - check a description of a voice against the recording.
#
# **You need** notebook 05.
#
# | minutes (cpu) | minutes (gpu) | memory | downloads |
# |---|---|---|---|
# | 3 | 2 | 3 GB | none |

# %%
from emolab.course import check, setup

lab = setup("10")
lab

# %% [markdown]
# ## Two students, the same knowledge
#
# Both start as the recipe `r1-omni` leaves a model before reinforcement
# learning: it was taught to answer, and to name where the evidence lies,
# the voice, the face or the words. One stays as it is. The other gets into
# a habit: whatever the clip, it writes that the voice tells it.

# %%
from emolab.evaluate.inputs import read_model
from emolab.lalm.tiny import TINY_FOLDER

folder = TINY_FOLDER / "r1-omni" / "before"
students = {}
for name in ("honest", "parrot"):
    students[name], prompt = read_model(None, folder)
print(prompt.text())

# %%
from emolab.attribution.stated import evidence_sentence
from emolab.recipes import common
from emolab.training.sft import SFTSettings, cold_start

mixed = lab.corpus.where(split="train", domain="a")
lessons = [
    sample for condition in sorted(mixed.counts("condition"))
    for sample in mixed.where(condition=condition)[:10]
]
lessons = common.resolved(mixed.replace(lessons))
habit = evidence_sentence(["audio"])
targets = [f"<think>{habit}</think><answer>{s.emotion}</answer>"
           for s in lessons]
cold_start(students["parrot"], lessons, targets, prompt,
           SFTSettings(epochs=1, batch_size=12, learning_rate=1e-3),
           progress=False)
print(f"{len(lessons)} clips, each with {targets[0]!r} or so")

# %% [markdown]
# ## What they say
#
# Ask both about clips of talkers and sentences that neither has met.

# %%
import pandas as pd

from emolab.attribution.validate import choose, donors_of
from emolab.evaluate import generate_texts

samples = choose(lab.corpus, 46, single_turns=4)
said = {
    name: generate_texts(lalm, samples, prompt, progress=False,
                         max_new_tokens=24)
    for name, lalm in students.items()
}
pd.DataFrame({"gold": [s.emotion for s in samples],
              "evidence in": [", ".join(s.extra["carriers"])
                              for s in samples], **said}).head(6)

# %% [markdown]
# Both sound reasonable. Nothing in the text tells which one to believe.
#
# ## What moved them
#
# Measure each student's answers with Shapley values, as in notebook 05. A
# modality counts as having contributed if its value is larger than what an
# *uninformative* modality reaches by accident: we take it from somebody
# else, measure again, and keep the largest values that come out.

# %%
from emolab.attribution.checks import null_values
from emolab.attribution.collect import Settings, measure
from emolab.attribution.shares import null_band

settings = Settings(n_donors=2)
donors = donors_of(lab.corpus)
measured, limits = {}, {}
for name, lalm in students.items():
    measured[name] = measure(lalm, samples, donors, prompt, settings,
                             ("neutral",), inner=False, progress=False)
    nulls = null_values(lalm, samples[:14], donors, prompt, settings)
    limits[name] = null_band(nulls)["phi_upper"]
    print(f"{name}: {measured[name].right.mean():.0%} right")

# %%
from emolab.plots.attribution import modality_triangle
from emolab.attribution.shares import shares
from emolab.plots import MODALITY_COLOURS

single = [i for i, s in enumerate(samples)
          if len(s.extra["carriers"]) == 1]
colours = [MODALITY_COLOURS[samples[i].extra["carriers"][0]]
           for i in single]
modality_triangle(shares(measured["parrot"].shapley()[single]), colours,
                  MODALITY_COLOURS, "What the parrot's answers come from")

# %% [markdown]
# Every point is a clip whose evidence lies in one place, its colour. The
# parrot says "the voice" for all of them. Where do its answers come from?
#
# ## The rate
#
# Of all modalities that a rationale names, how many did not contribute?
# That share is the hallucination rate. Of all that contributed, the share
# that was not named is the omission rate.

# %%
from emolab.attribution.stated import stated_against_measured

rates = {}
for name in students:
    rates[name] = stated_against_measured(
        said[name], measured[name].shapley(), limits[name],
        [s.speaker for s in samples], n_boot=300)
columns = ["hallucination", "hallucination_ci", "omission",
           "agreement", "agreement_ci"]
pd.DataFrame(rates).T[columns]

# %% [markdown]
# *Agreement* is the share of rationales that name the modality with the
# largest value. Compare the two rows, and remember that both students know
# the same things: the difference is in what they were taught to *say*. A
# rationale is an output like any other. It is evidence of what the
# model was taught to write, until somebody measures.
#
# ## What reinforcement learning does to it
#
# R1-Omni's claim is that rewarding right answers also makes the rationales
# tell which modality mattered. Nothing in its reward looks at them. Here is
# that claim as a measurement: the rationales of `r1-omni` before and after
# GRPO, on several times as many held-out clips (`emolab bench truth`).

# %%
from emolab.plots.attribution import stated_rates

suite = lab.result("truth")
stages = {f"{when} RL": suite[when]["stated"] for when in ("before", "after")}
for when, part in stages.items():
    print(f"{when}: {part['n']} rationales name something, "
          f"{part['silent']} do not")
    for row in part["examples"][:3]:
        print("  evidence in", *row["evidence"], "| said:", row["text"])
stated_rates(stages)

# %% [markdown]
# The black lines are 95% intervals: where those of one pair overlap widely,
# nothing was shown. Before believing that training made a model explain
# itself, ask for this plot.
#
# ## Cues
#
# A rationale can also be wrong about the recording: "a low, quiet voice"
# can be checked, because we know how the voice was made. The tiny model
# learned to describe voices before it learned anything about emotions:

# %%
from emolab.attribution.stated import stated_cues, true_cues
from emolab.prompts import get_prompt
from emolab.synth.corpus import read_truth

truth = read_truth(lab.corpus.root)
voice = get_prompt("voice")
cues = [true_cues(truth[s.id]) for s in samples]
teller = lab.model()
described = generate_texts(teller, samples, voice, progress=False,
                           max_new_tokens=40)
found = stated_cues(described, cues)
print(described[0])
print(f"wrong: {found['wrong']:.0%}; "
      f"for another recording: {found['wrong_shuffled']:.0%}")

# %%
axis = pd.Series(found["by_attribute"]).sort_values().plot.barh(
    figsize=(6, 2.6), color="#14817b")
axis.axvline(1 / 3, color="black", lw=1, ls=":")
axis.set(xlim=(0, 1), xlabel="described rightly (dotted: one in three)");

# %% [markdown]
# The second number is the one to compare with. Voices resemble each other,
# so a description of *another* recording is right about many things too. A
# listener has to do better than that.
#
# ## Summary
#
# - What a model states and what moved it are two measurements.
# - The hallucination rate compares them; it needs a threshold, and a null
#   gives one.
# - Two models with the same answers can differ wholly in what they claim.
# - Descriptions of a recording need a baseline as well: shuffle them.
#
# ## Exercise 10.1
#
# Write the hallucination rate. `stated` says which modalities each
# rationale names (rows are samples, 1 or 0), `values` holds the Shapley
# values, `threshold` what each modality has to exceed. Return the share of
# the stated modalities that did not contribute, and 0 where nothing is
# stated at all.

# %% tags=["exercise"] exercise="10.1"
import numpy as np


def hallucination(stated, values, threshold):
    """Return the share of stated modalities that did not contribute."""
    stated = np.asarray(stated, bool)
    contributed = np.asarray(values) > np.asarray(threshold)
    if not stated.any():
        return 0.0
    return (stated & ~contributed).sum() / stated.sum()


# %% tags=["check"]
check.ex_10_1(hallucination)

# %% [markdown]
# ## Tweak this
#
# The threshold decides. Move it from 0 to twice the null's and watch the
# rates of both students. Is there a threshold at which the parrot looks
# honest?

# %%
curves = {}
for name in students:
    for factor in np.linspace(0, 2, 9):
        rate = stated_against_measured(
            said[name], measured[name].shapley(), factor * limits[name],
            [s.speaker for s in samples], n_boot=2)
        curves.setdefault(name, {})[factor] = rate["hallucination"]
pd.DataFrame(curves).plot(
    figsize=(6, 2.6), xlabel="threshold, times the null's",
    ylabel="hallucination rate", ylim=(0, 1));
