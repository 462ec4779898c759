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
# on, because its written reasons mention the voice or the face. But a reason
# is text. Here the question is answered by measurement: take the voice away,
# take the face away, take the words away, in every combination, and see what
# the answer loses. We made the embedded corpus, so there the measurement
# itself can be checked.
#
# **After this notebook you can**
# - compute exact Shapley values of voice, face and words for an answer;
# - find the moment, the word and the part of the face that carried it;
# - say what a masker is, and why it is a choice;
# - check an attribution method against a known truth.
#
# **You need** notebooks 01 and 04.
#
# <!-- cost study=75 -->

# %%
from emolab_course import (at_most, check, figures, listen, setup, verdict,
                           watch)

lab = setup("05")
lab

# %% [markdown]
# ## A model worth asking
#
# An untaught model has no reasons to measure. The package ships one that was
# taught on voice, face and words together, by the two steps of notebook 04:
# a *cold start*, and then *GRPO* with a reward for right answers in the
# right form. Only its adapters are shipped, as they were after each step.
# How it was trained is the subject of notebook 09 (the recipe `r1-omni`).
# Here it is only asked.

# %%
earlier, prompt = lab.trained("cold_start")
lalm, _ = lab.trained("grpo")
print(f"asked: {prompt.user}")
print(f"shown: {', '.join(prompt.modalities)}")

# %% [markdown]
# ## A game with three players
#
# The players are voice, face and words. A *coalition* is a set of players
# that the model is shown. A *masker* replaces the others, here by those of
# other people's clips, which are the *background*. The value of a coalition
# is the log-probability of the answer. With three players there are eight
# coalitions, so nothing has to be approximated.

# %%
from emolab.attribution.game import background_samples
from emolab_course.measure import Settings, measure

samples = lab.to_explain(46)
background = background_samples(lab.corpus)
settings = Settings(versions=2)
maskers = (lab.masker(),)
before = measure(earlier, samples, background, prompt, settings, maskers,
                 inner=False, progress=False)
after = measure(lalm, samples, background, prompt, settings, maskers,
                progress=False)
print(f"right after the cold start {before.right.mean():.0%}, "
      f"after GRPO {after.right.mean():.0%} of {len(samples)}")

# %% [markdown]
# ## One sample
#
# Where the corpus has one, this is a sample in which one modality tells the
# truth, another one misleads, and the model is right.

# %%
from IPython.display import display

from emolab.media import frames_of

picked = next((i for i, s in enumerate(samples) if after.right[i]
               and s.extra.get("distractors")), 0)
sample = samples[picked]
print(f'"{sample.text}"  gold: {sample.emotion}, '
      f"the model says: {after.own[picked]}")
if lab.knows("carriers", "The embedded corpus would name the carrier."):
    print(f"told by: {', '.join(sample.extra['carriers'])}; misleading: "
          f"{', '.join(sample.extra['distractors']) or 'nothing'}")
display(listen({"voice": sample} if sample.audio else {}))
watch({"face": frames_of(sample)} if sample.video else {}, height=160)

# %%
import pandas as pd

from emolab.attribution.shapley import coalitions
from emolab.samples import MODALITIES

names = [" + ".join(m for m, here in zip(MODALITIES, row) if here)
         or "nothing" for row in coalitions(3)]
values = after.table()[picked]
pd.DataFrame({"log-probability of the answer": values},
             index=names).round(3) + 0.0

# %% [markdown]
# The Shapley value $\phi$ of a player is what it adds, averaged over all
# orders in which the three could have come in. The three values sum exactly
# to the difference between *everything* and *nothing*.

# %%
import emolab as el

phi = after.shapley()[picked]
print(f"sum of the values {phi.sum():.4f}, "
      f"all minus nothing {values[-1] - values[0]:.4f}")
el.plot.modality_bars(dict(zip(MODALITIES, phi)),
                      title=f"What made it say {after.own[picked]}?")

# %% [markdown]
# A negative value means that the answer was given *in spite of* that
# modality.
#
# <!-- exercise 5.1 -->
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
# ## Which moment, which word, which part of the face?
#
# Players can be smaller: stretches of the recording, words, parts of the
# face in each frame. They have too many coalitions to try all. So orders
# are drawn at random, each with its reverse, until the standard error is
# small enough. The line on each bar is that error. A part whose error
# crosses zero says nothing, and is drawn pale.

# %%
from emolab.attribution.explain import Effort, explain
from emolab.media import audio_of
from emolab_course.word_times import word_times

times = ({sample.id: word_times(lab.corpus.root, sample.id)}
         if lab.embedded else {})
found = explain(lalm, sample, prompt, background, settings=settings,
                effort=Effort(at_most(4, 1), versions=1),
                times=times.get(sample.id))
parts = found["players"]
if "window" in parts:
    display(el.plot.windows_on_wave(audio_of(sample), parts["window"],
                                    spoken=parts.get("spoken", ())))

# %%
from IPython.display import HTML

if "word" in parts:
    display(HTML(el.plot.words_html(parts["word"], found["label"])))
if "cell" in parts:
    display(el.plot.face_heat(frames_of(sample), parts["cell"],
                              "Parts of the face, beyond one error"))

# %% [markdown]
# <!-- exercise 5.2 -->
#
# Write the sampling. `value` maps each coalition, a frozenset of names, to
# its value, and `orders` is a list of tuples with the names in a drawn
# order. Use each order and its reverse. Return the mean gain of each player.

# %% tags=["exercise"] exercise="5.2"
def sampled_shapley(value, orders):
    """Return each player's mean gain over the orders and reverses."""
    gains = dict.fromkeys(orders[0], 0.0)
    for order in [*orders, *(order[::-1] for order in orders)]:
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            gains[player] += value[before | {player}] - value[before]
    return {player: gain / (2 * len(orders))
            for player, gain in gains.items()}


# %% tags=["check"]
check.ex_5_2(sampled_shapley)

# %% [markdown]
# <!-- exercise 5.3 -->
#
# Is a face map more than noise? `heat` is a map, an array of rows and
# columns. `random` holds the maps of models with shuffled weights, one
# behind the other. Return p: the share of all maps, the observed one
# included, whose largest absolute value is at least that of `heat`.

# %% tags=["exercise"] exercise="5.3"
import numpy as np


def peak_p(heat, random):
    """Return how often a map has such a peak if the weights mean nothing."""
    peaks = np.abs(random).max(axis=(1, 2))
    return (1 + (peaks >= np.abs(heat).max()).sum()) / (1 + len(random))


# %% tags=["check"]
check.ex_5_3(peak_p)

# %% [markdown]
# Here is the test on the model: it is shown the face alone, as it is and
# with its weights shuffled.

# %%
from emolab_course import face_test

if sample.video and "video" in lalm.modalities:
    print(face_test(lalm, sample, prompt, background, at_most(9, 1)))

# %% [markdown]
# The strongest cell of the real weights lies within the range of shuffled
# ones. So this map shows nothing that the model has learned about a face,
# however much it looks like it. Test a map before you read it.
#
# In a running notebook, the explorer shows other samples, answers, methods
# and maskers:

# %%
from emolab_course.widgets.attribution import attribution_explorer

attribution_explorer(lalm, samples[:12], prompt, background, times)

# %% [markdown]
# ## Is the method right?
#
# Attribution methods are rarely checked, because nobody knows the truth. In
# the embedded corpus it is in the table. Take the samples whose emotion lies
# in one modality only, and which the model answers right. How often does a
# method give that modality the largest value?

# %%
from emolab_course.truth import method_rows

known = lab.truth("The embedded corpus would score the methods here.")
if known and not after.right.any():
    print("The model answers nothing right: no method can be scored.")
elif known:
    rows = method_rows(after, MODALITIES, known, n_boot=200)
    display(figures.truth_table(rows, columns=("recovery", "auc", "conflict"),
                                title="Does the method name the carrier?"))

# %% [markdown]
# *Carrier named* is the share of samples whose carrier has the largest
# value. *AUC* is how often a carrier has a larger value than a modality that
# carries nothing. *Follows the answer's source* looks at samples in which
# two modalities disagree: does the one that the answer agrees with have the
# larger value? The row called *chance* is a random number generator. A
# method whose interval reaches it should not be believed. The dashed line
# is where a perfect method would be.
#
# `emolab bench truth` does the same for several times as many samples of the
# embedded corpus, with the checks that take longer: noise on the voice must
# lower its share, shuffled weights must leave nothing, and the deletion of
# what a method names must hurt more than the deletion of anything. Its saved
# result has six more panels:
#
# - *Voice's share per 10 dB of noise*: how the share of the voice changes
#   when noise is laid over it. It must fall.
# - *Left with shuffled weights*: the rank correlation of the attributions
#   before and after all weights are shuffled. It must be zero.
# - *Deletion against random*: how much more the answer loses when the parts
#   that a method names are deleted, than when others are. It must be positive.
# - *Not shared out*: by how much the values miss the difference between
#   everything and nothing. For Shapley values it is zero.
# - *Stated, not measured*: the share of modalities named in a rationale that
#   add no more than a null (notebook 10).
# - *Rationale names the largest*: the share of rationales that name the
#   modality with the largest value.

# %%
suite = lab.result("truth")
first, last = (suite[name] for name in lab.stage_keys(suite))
print(suite["command"], "on", last["n"], "samples")
figures.truth_table(last["methods"], first["methods"])

# %% [markdown]
# ## What training changed
#
# Triangles show where answers come from: a point in a corner is an answer
# that one modality gave alone. Its colour says where the evidence was; grey
# points have more than one source, or an unknown one.

# %%
from emolab.attribution.methods import shares

colours = [el.plot.MODALITY_COLOURS.get(
    s.extra["carriers"][0] if len(s.extra.get("carriers", ())) == 1 else "",
    "#9aa5b1") for s in samples]
for measured, when in ((before, "Cold start"), (after, "After GRPO")):
    display(figures.modality_triangle(shares(measured.shapley()), colours,
                                      el.plot.MODALITY_COLOURS, when))

# %%
phis = [{r["modality"]: r for r in stage["shares"]} for stage in (first, last)]
for m in MODALITIES:
    print(verdict(f"mean φ of the {m}", *(part[m] for part in phis), "phi"))
figures.before_after(
    *({m: part[m]["phi"] for m in MODALITIES} for part in phis),
    ylabel="mean φ (log-probability)", title="What each modality adds",
    intervals={m: [part[m]["phi_ci"] for part in phis] for m in MODALITIES})

# %% [markdown]
# This is the saved result again. The vertical lines are 95% intervals. A
# line that rises says that the answers depend more on that modality than
# before. Each interval before training overlaps with the one after it: these
# samples cannot tell a change from chance. A rise would not say that the
# modality is used better, either: for that, look at the carriers above.
#
# The same numbers can be given as shares of everything that moves the
# answer, as MM-SHAP does. A share has no sign, and noise never cancels in
# it: an *uninformative* modality, taken from somebody else, gets a share as
# well. That is the null. A share below its null means nothing.

# %%
table = pd.DataFrame(last["shares"])
table["above its null"] = table["share"] > table["null_share_upper"]
display(table[["modality", "phi", "null_phi_upper", "share",
               "null_share_upper", "above its null"]].round(2))
above = table["modality"][table["above its null"]].tolist()
print(f"shares above their null: {', '.join(above) or 'none'} of "
      f"{len(table)}; signed values above theirs: "
      f"{(table['phi'] > table['null_phi_upper']).sum()}")

# %% [markdown]
# ## A masker is a choice
#
# "Without the voice" can mean the voices of neutral people, of anybody
# (*swap*), silence, or an average voice. Does it matter?

# %%
import numpy as np

few = samples[:8]
compared = measure(lalm, few, background, prompt, settings, inner=False,
                   progress=False, maskers=lab.maskers())
pd.DataFrame({
    masker: np.abs(compared.shapley(masker)).mean(axis=0)
    for masker in compared.tables
}, index=list(MODALITIES)).round(3)

# %% [markdown]
# Each column is the mean absolute Shapley value under one masker. Report
# your masker. Two papers that differ in it may disagree without either
# being wrong about the model.
#
# ## Summary
#
# - Shapley values share out an answer's log-probability among voice, face
#   and words.
# - The sign matters: a modality can speak against the answer.
# - A method that cannot find a known carrier should not be trusted with an
#   unknown one.
# - The masker is part of the result.

# %% [markdown]
# <!-- exercise 5.4 -->
#
# In a table like the one above the face has a share of 0.28. The null, a
# face taken from somebody else, gets a share of up to 0.34. What may you
# say?

# %% tags=["exercise"] exercise="5.4"
# A letter from a to f.
my_reading = "d"

# %% tags=["check"]
check.ex_5_4(my_reading)

# %% [markdown]
# ## Tweak this
#
# Attribute another answer: not the one that the model gave, but each of the
# others. For a sample with misleading words, which modality argues for which
# label?

# %%
every = {label: after.shapley(targets=[label] * len(samples))[picked]
         for label in after.labels}
pd.DataFrame(every, index=list(MODALITIES)).round(2) + 0.0
