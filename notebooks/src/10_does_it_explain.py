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
# <!-- cost study=50 -->

# %%
from IPython.display import display

from emolab_course import (at_most, check, cue_hits, figures, setup,
                           share_bars, verdict)

lab = setup("10")
lab

# %% [markdown]
# ## Two students, the same answers
#
# The honest student is the model as the recipe `r1-omni` leaves it after its
# cold start: it was taught to answer, and to name where the evidence lies.
# The parrot gives the *same* answers. Only its reasons are rewritten:
# whatever the clip, it writes that the voice tells it. So the two differ in
# nothing but what they say.

# %%
import pandas as pd

from emolab.attribution.stated import evidence_sentence
from emolab.evaluate import generate_texts
from emolab_course.cues import with_reasons

lalm, prompt = lab.trained("cold_start")
samples = lab.to_explain(46)
honest = generate_texts(lalm, samples, prompt, progress=False,
                        max_new_tokens=24)
habit = evidence_sentence(["audio"])
said = {"honest": honest,
        "parrot": [with_reasons(text, habit) for text in honest]}
pd.DataFrame({
    "gold": [s.emotion for s in samples],
    "evidence in": [", ".join(s.extra.get("carriers", ["unknown"]))
                    for s in samples], **said}).head(6)

# %%
from emolab.parsing import parse_label

answers = {name: [parse_label(t, lab.corpus.labels) for t in texts]
           for name, texts in said.items()}
right = {name: sum(a == s.emotion for a, s in zip(found, samples))
         for name, found in answers.items()}
print(f"right: {right} of {len(samples)}; "
      f"same answers: {answers['honest'] == answers['parrot']}")

# %% [markdown]
# Both sound reasonable, and both are right equally often. Nothing in the
# score tells which one to believe. Listen to three of the clips, with what
# both students write:

# %%
from emolab_course import listen

listen([(f"felt: {s.emotion}; honest: {a}; parrot: {b}", s)
        for s, a, b in zip(samples, honest, said["parrot"]) if s.audio][:3])

# %% [markdown]
# <!-- exercise 10.1 -->
#
# Write the rewriting. `text` is a completion with a think block, `reason`
# the new content of that block. Nothing else may change, not one character.

# %% tags=["exercise"] exercise="10.1"
def rewrite(text, reason):
    """Return the text with another reason and the same answer."""
    start = text.index("<think>") + len("<think>")
    return text[:start] + reason + text[text.index("</think>"):]


# %% tags=["check"]
check.ex_10_1(rewrite)

# %% [markdown]
# ## What moved the answers
#
# Measure the answers with Shapley values, as in notebook 05. The answers are
# the same, so one measurement serves both students. A modality counts as
# having contributed if its value is larger than what an *uninformative*
# modality reaches by accident: it is taken from somebody else, measured
# again, and the largest values that come out are the limit.

# %%
from emolab.attribution.game import background_samples
from emolab_course.measure import Settings, measure, null_values
from emolab_course.methods import null_band

settings = Settings(versions=2)
background = background_samples(lab.corpus)
measured = measure(lalm, samples, background, prompt, settings,
                   (lab.masker(),), inner=False, progress=False)
nulls = null_values(lalm, samples[:at_most(14, 4)], background, prompt,
                    settings, lab.masker())
limits = null_band(nulls)["phi_upper"]
print("limits of an uninformative modality:", limits.round(2))

# %%
import emolab as el
from emolab.attribution.methods import shares

colours = [el.plot.MODALITY_COLOURS.get(
    s.extra["carriers"][0] if len(s.extra.get("carriers", ())) == 1 else "",
    "#9aa5b1") for s in samples]
figures.modality_triangle(shares(measured.shapley()), colours,
                          el.plot.MODALITY_COLOURS,
                          "What the answers come from")

# %% [markdown]
# Every point is a clip. Its colour says where its evidence lies; grey points
# have more than one source, or an unknown one. The parrot says "the voice"
# for all of them.
#
# ## The rate
#
# Of all modalities that a rationale names, how many did not contribute?
# That share is the hallucination rate. Of all that contributed, the share
# that was not named is the omission rate.

# %%
from emolab_course.cues import stated_against_measured

rates = {name: stated_against_measured(
    texts, measured.shapley(), limits, [s.speaker for s in samples],
    n_boot=300) for name, texts in said.items()}
columns = ["hallucination", "hallucination_ci", "omission",
           "agreement", "agreement_ci"]
table = pd.DataFrame(rates).T
table[[column for column in columns if column in table]]

# %% [markdown]
# *Agreement* is the share of rationales that name the modality with the
# largest value. The two rows are about the same answers. They differ only in
# what was written beside them. A rationale is an output like any other: it
# is evidence of what the model was taught to write, until somebody measures.
#
# <!-- exercise 10.2 -->
#
# Write the hallucination rate. `stated` says which modalities each
# rationale names (rows are samples, 1 or 0), `values` holds the Shapley
# values, `threshold` what each modality has to exceed. Return the share of
# the stated modalities that did not contribute, and 0 where nothing is
# stated at all.

# %% tags=["exercise"] exercise="10.2"
import numpy as np


def hallucination(stated, values, threshold):
    """Return the share of stated modalities that did not contribute."""
    stated = np.asarray(stated, bool)
    contributed = np.asarray(values) > np.asarray(threshold)
    if not stated.any():
        return 0.0
    return (stated & ~contributed).sum() / stated.sum()


# %% tags=["check"]
check.ex_10_2(hallucination)

# %% [markdown]
# ## What reinforcement learning does to it
#
# R1-Omni's claim is that rewarding right answers also makes the rationales
# tell which modality mattered. Nothing in its reward looks at them. Here is
# that claim as a measurement: the rationales of `r1-omni` before and after
# GRPO, on several times as many held-out clips (`emolab bench truth`).

# %%
suite = lab.result("truth")
stages = {name: suite[key]["stated"] for name, key in
          zip(("cold start", "after GRPO"), lab.stage_keys(suite))}
for when, part in stages.items():
    print(f"{when}: {part['n']} rationales name something, "
          f"{part['silent']} do not")
    for row in part["examples"][:3]:
        print("  evidence in", *row["evidence"], "| said:", row["text"])
for name, key in (("Stated, but did not contribute", "hallucination"),
                  ("Contributed, but not stated", "omission"),
                  ("Names the largest", "agreement")):
    print(verdict(name, *stages.values(), key))
figures.stated_rates(stages)

# %% [markdown]
# The black lines are 95% intervals. After GRPO the rationales state less that
# did not contribute, and they leave out less that did. How often they name
# the largest modality, these clips cannot tell: those two intervals overlap.
# So after this run the reasons fit the measurement better, although no reward
# looked at them. It is one training run, though. In the ledger's ten shorter
# runs rationales name the carrier less often after training than before it
# (notebook 09). And more than a quarter of what is stated still did not
# contribute. Before believing that training made a model
# explain itself, ask for this plot.
#
# ## Cues
#
# A rationale can also be wrong about the recording. "A low, quiet voice" can
# be checked on the embedded corpus, because we know how the voice was made.

# %%
from emolab_course.cues import stated_cues, true_cues
from emolab.prompts import get_prompt

truth = lab.truth("The embedded corpus would check descriptions here.")
if truth:
    teller = lab.model()
    described = generate_texts(teller, samples, get_prompt("voice"),
                               progress=False, max_new_tokens=40)
    found = stated_cues(described, [true_cues(truth[s.id]) for s in samples])
    print(described[0])
    if found["wrong"] is None:
        print("No description states a cue that could be checked.")
    else:
        print(f"wrong: {found['wrong']:.0%}; "
              f"for another recording: {found['wrong_shuffled']:.0%}")

# %%
if truth and found["by_attribute"]:
    hits = cue_hits(described, [true_cues(truth[s.id]) for s in samples])
    display(share_bars(hits, xlabel="share described rightly", chance=1 / 3,
                       title="Which cues are described rightly?"))

# %% [markdown]
# "For another recording" is the number to compare with. Voices resemble each
# other, so a description of *another* recording is right about many things
# too. A listener has to do better than that.
#
# ## Summary
#
# - What a model states and what moved it are two measurements.
# - The hallucination rate compares them; it needs a threshold, and a null
#   gives one.
# - Two models with the same answers can differ in all that they claim.
# - Descriptions of a recording need a baseline as well: shuffle them.

# %% [markdown]
# <!-- exercise 10.3 -->
#
# Write a reward that pays faithful rationales. `values` holds three Shapley
# values for each completion (voice, face, words), `threshold` what each must
# exceed to count. Naming exactly what counted must earn most: more than
# naming half of it, more than naming everything, more than silence.

# %% tags=["exercise"] exercise="10.3"
from emolab.attribution.stated import stated_modalities


def faithful(completions, values, threshold, **columns):
    """Return the overlap of what is stated and what counted."""
    pays = []
    for text, phi in zip(completions, values):
        names = ("audio", "video", "text")
        counted = {m for m, v, t in zip(names, phi, threshold) if v > t}
        stated = stated_modalities(text)
        either = stated | counted
        pays.append(len(stated & counted) / len(either) if either else 0.0)
    return pays


# %% tags=["check"]
check.ex_10_3(faithful)

# %% [markdown]
# <!-- exercise 10.4 -->
#
# And now attack it. In ten clips the voice alone counted six times, voice
# and face together twice, the face alone once, the words alone once. Write
# one rationale for all ten clips that earns at least 0.65 on average.

# %% tags=["exercise"] exercise="10.4"
# A text with a think block and an answer block.
my_habit = "<think>the voice tells it</think><answer>sad</answer>"

# %% tags=["check"]
check.ex_10_4(my_habit)

# %% [markdown]
# ## Tweak this
#
# The threshold decides. Move it from 0 to twice the null's and watch the
# rates of both students. Is there a threshold at which the parrot looks
# honest? Think first, then open the fold.
#
# <details><summary>What the figure shows</summary>
#
# At a threshold of 0 both rates are low, since nearly every value counts as
# a contribution, and there the parrot looks best. It never looks as honest
# as the honest student: its curve lies above at every threshold.
#
# </details>

# %%
import matplotlib.pyplot as plt

curves = {}
for name, texts in said.items():
    for factor in np.linspace(0, 2, 9):
        rate = stated_against_measured(
            texts, measured.shapley(), factor * limits,
            [s.speaker for s in samples], n_boot=100)
        curves.setdefault(name, {})[factor] = (
            rate["hallucination"], *rate.get("hallucination_ci", (None, None)))
figure, axis = plt.subplots(figsize=(6, 2.8))
for name, rows in curves.items():
    middle, low, high = np.array(list(rows.values()), float).T
    line, = axis.plot(list(rows), middle, label=name)
    axis.fill_between(list(rows), low, high, alpha=0.15)
axis.set(xlabel="threshold, times the null's", ylim=(0, 1),
         ylabel="hallucination rate (95% bands)",
         title="A stricter threshold finds more empty reasons")
axis.legend();
