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
# # 13 Statistics of claims: is it better?
#
# Two runs, two scores, and the second is larger. What does that show? This
# notebook uses no model. It uses what the ledger of claims has committed:
# the scores of every seed of every arm. And it starts with a confession of
# our own.
#
# **After this notebook you can**
# - tell the spread over seeds from an effect;
# - pair what can be paired, and give an interval;
# - judge a difference by a margin that was fixed before;
# - correct for many comparisons, and say what tuning on the test set does.
#
# **You need** notebook 06.
#
# <!-- cost study=90 -->

# %%
from emolab_course import check, setup

lab = setup("13")
lab

# %% [markdown]
# ## A confession
#
# This is what the README of this package says about its own table:

# %%
import textwrap

from emolab_course import ledger

print(textwrap.fill(ledger.confession(), 76))

# %% [markdown]
# How much does that matter? At the end of this notebook you can say it in
# points. First the parts.
#
# ## A seed is not an effect
#
# A run depends on a seed: the order of the clips, the sampled answers, the
# first weights of the adapters. Here are ten seeds of each arm of one claim
# of the ledger. Grey lines join runs with the same seed: these shared their
# cold start and their test clips.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

runs = 100 * ledger.runs_of("emo-rl-eswr")
runs = runs.drop(columns=[name for name in runs if "cold" in name])
order = runs.mean().sort_values().index
runs = runs[order]
plt.plot(range(runs.shape[1]), runs.T.to_numpy(), color="#c9d1d8", lw=0.8)
for place, name in enumerate(runs):
    plt.plot([place] * len(runs), runs[name], "o", ms=5)
    half = (ledger.t_quantile(len(runs) - 1) * runs[name].std()
            / len(runs) ** 0.5)
    plt.errorbar(place + 0.12, runs[name].mean(), half, fmt="s",
                 color="black", capsize=4)
plt.xticks(range(runs.shape[1]), runs.columns)
plt.ylabel("UA %")
plt.title("Seeds differ more than arms (squares: means, 95% intervals)");

# %%
best, second = runs.columns[-1], runs.columns[-2]
pairs = runs[best].to_numpy()[:, None] - runs[second].to_numpy()
print(f"{best}: spread over seeds {runs[best].std():.1f} points, "
      f"range {np.ptp(runs[best]):.1f}")
print(f"mean difference to {second}: {pairs.mean():.1f} points")
print(f"one seed of each: in {(pairs < 0).mean():.0%} of all pairs the "
      "order is the other one")

# %% [markdown]
# A paper that shows one run of each arm shows one of these pairs.
#
# ## Pair what can be paired
#
# Two arms with the same seed share a lucky or unlucky start. The difference
# by seed takes it away.
#
# <!-- exercise 13.1 -->
#
# Two arms were run with the same seeds. Return the ends of the 95% interval
# of their mean difference (first less second): Student's t, paired by seed.

# %% tags=["exercise"] exercise="13.1"
import numpy as np
from scipy.stats import t


def paired_interval(first, second):
    """Return the (low, high) ends of the difference."""
    gained = np.asarray(first) - np.asarray(second)
    error = gained.std(ddof=1) / np.sqrt(len(gained))
    reach = t.ppf(0.975, len(gained) - 1) * error
    return gained.mean() - reach, gained.mean() + reach


# %% tags=["check"]
check.ex_13_1(paired_interval)

# %%
every = ledger.contrasts(deciding=False)
rows = {}
for claim in ("emo-rl-eswr", "emo-rl-transfer", "r1-omni-rlvr"):
    arms = 100 * ledger.runs_of(claim)
    first, second = (arms.iloc[:, i].dropna() for i in (0, 1))
    both = first.index.intersection(second.index)
    first, second = first[both], second[both]
    paired = ledger.over_seeds(first.to_numpy(), second.to_numpy())
    apart = (first.var() + second.var()) / len(both)
    reach = ledger.t_quantile(2 * len(both) - 2) * apart**0.5
    rows[f"{claim}: {first.name} - {second.name}"] = {
        "difference": paired.value,
        "±, paired": paired.high - paired.value, "±, unpaired": reach,
        "correlation of arms": np.corrcoef(first, second)[0, 1]}
pd.DataFrame(rows).T.round(2)

# %% [markdown]
# Where the arms move together from seed to seed (a positive correlation),
# the paired interval is the narrower one. Arms of the first row share their
# cold starts. Supervised arms share nothing but the seed's number: there the
# correlation is an accident, and pairing gains nothing. It is still the
# honest interval, since it does not assume that the arms are independent.
#
# ## Seeds are not all that varies
#
# Another sample of *speakers* would have given other scores as well. The
# ledger draws both anew, seeds and talkers. Here are its intervals beside
# those that know of seeds alone, for the differences in UA:

# %%
of_ua = every[every["metric"] == "UA %"].head(10)
names = of_ua["claim"] + ": " + of_ua["difference of"]
figure, axis = plt.subplots(figsize=(8, 4))
for place, (_, row) in enumerate(of_ua.iterrows()):
    seeds = ledger.over_seeds(row["by_seed"])
    axis.plot([100 * seeds.low, 100 * seeds.high], [place - 0.15] * 2,
              lw=3, color="#c7652c", label="seeds" if not place else None)
    axis.plot([100 * row["low"], 100 * row["high"]], [place + 0.15] * 2,
              lw=3, color="#14817b",
              label="seeds and talkers" if not place else None)
axis.axvline(0, color="black", lw=0.8)
axis.set_yticks(range(len(of_ua)), names, fontsize=7)
axis.invert_yaxis()
axis.set(xlabel="difference in UA, points",
         title="Talkers widen most intervals")
axis.legend();

# %% [markdown]
# ## A margin, fixed before
#
# With enough seeds any difference is "significant". A *margin* says what is
# too little to matter. It has to be fixed before the runs. The ledger's rule:

# %%
print(textwrap.fill(ledger.RULE, 76))

# %% [markdown]
# <!-- exercise 13.2 -->
#
# Write the rule for a claim that a difference is positive. `low` and `high`
# are the interval's ends. Return "holds", "does not" or "undecided". With
# fewer than five seeds nothing is decided.

# %% tags=["exercise"] exercise="13.2"
def judged(low, high, margin, seeds):
    """Return the verdict on the claim of a positive difference."""
    if seeds < 5:
        return "undecided"
    if low > 0:
        return "holds"
    return "does not" if high < margin else "undecided"


# %% tags=["check"]
check.ex_13_2(judged)

# %%
decided = ledger.contrasts()
again = [ledger.verdict(row["low"], row["high"], row["sign"],
                        row["margin"], row["seeds"], row["no worse"])
         for _, row in decided.iterrows()]
print(f"{len(decided)} differences decide the ledger's claims")
pd.Series(again).value_counts().to_frame("differences")

# %% [markdown]
# *Does not* and *undecided* are different findings. The first says: the
# effect is smaller than what would matter. The second says: these runs
# cannot tell. "No significant difference" mixes the two up.
#
# ## Many comparisons
#
# Where nothing is different, a 95% interval still lies on the claimed side
# in 2.5% of cases. The ledger made many comparisons. So simulate it with no
# effect anywhere: as many differences, ten seeds each.

# %%
rng = np.random.default_rng(0)
count = len(decided)
nothing = rng.normal(size=(2000, count, 10))
error = nothing.std(-1, ddof=1) / 10**0.5
reach = ledger.t_quantile(9) * error
false = (nothing.mean(-1) - reach > 0).sum(1)
axis = pd.Series(false).value_counts(normalize=True).sort_index().plot.bar(
    rot=0, figsize=(6, 2.8), color="#14817b")
axis.set(xlabel="claims that hold although nothing differs",
         ylabel="share of ledgers", title=f"{count} comparisons, no effect")
print(f"at least one false claim in {(false > 0).mean():.0%} of ledgers")

# %% [markdown]
# <!-- exercise 13.3 -->
#
# Holm's correction keeps the chance of any false claim at 5%. Sort the p
# values. Compare the smallest with 0.05 / n, the next with 0.05 / (n - 1),
# and so on, and stop at the first that is larger. Return, in the order
# given, which of them are rejected (an array of bools).

# %% tags=["exercise"] exercise="13.3"
import numpy as np


def holm(p):
    """Return which hypotheses are rejected, (n,) bools."""
    p = np.asarray(p, float)
    rejected = np.zeros(len(p), bool)
    for i, place in enumerate(np.argsort(p)):
        if p[place] > 0.05 / (len(p) - i):
            break
        rejected[place] = True
    return rejected


# %% tags=["check"]
check.ex_13_3(holm)

# %%
decided["after Holm"] = ledger.holm(decided["p"], 0.025)
held = decided[decided["verdict"] == "holds"]
print(f"{len(held)} differences hold one by one; "
      f"{held['after Holm'].sum()} of them after Holm's correction")
held[["claim", "difference of", "metric", "p", "after Holm"]].round(4)

# %% [markdown]
# The p values are one-sided, so the level is 0.025. A claim that survives
# would survive even if every other difference were nothing. A claim that
# does not survive may still be true. It needs a run of its own, planned for
# it.
#
# ## Tuning on the test set
#
# Now the confession. Suppose that several settings are equally good. Each is
# run once and measured on the *test* clips, and the best score is reported.
# By how much does it flatter? Scores vary with the spread over seeds.

# %%
spread = runs.std().mean()
tries = np.arange(1, 31)
gain = [ledger.flattery(int(n), spread) for n in tries]
plt.plot(tries, gain)
plt.plot([7], [gain[6]], "o", color="#c8383c")
plt.annotate(f"seven runs: +{gain[6]:.1f} points", (7, gain[6]),
             xytext=(9, gain[6] * 0.8))
plt.xlabel("settings tried, one seed each")
plt.ylabel("flattery of the best, points of UA")
plt.ylim(0, None)
plt.title("The best of several looks better than it is");

# %% [markdown]
# This is the size of the flattery if all settings were equally good. If some
# were really better, a part of the gain is real. From the outside nobody can
# tell the parts. The cure costs nothing: choose on a validation split, open
# the test split once.

# %%
rng = np.random.default_rng(1)
true = rng.normal(70, 1, (4000, 7))
on_test, on_val = (true + rng.normal(0, spread, true.shape)
                   for _ in range(2))
picked = {"chosen on test, reported on test": (on_test.argmax(1), on_test),
          "chosen on val, reported on test": (on_val.argmax(1), on_test)}
each = np.arange(len(true))
pd.DataFrame({name: {
    "reported": score[each, place].mean(),
    "true": true[each, place].mean(),
    "flattery": (score - true)[each, place].mean(),
} for name, (place, score) in picked.items()}).T.round(2)

# %% [markdown]
# Both ways choose settings of about the same true quality. Only one of them
# reports it.
#
# <!-- exercise 13.4 -->
#
# Do it by hand once. Four settings are equally good, and their scores vary
# with a standard deviation of 2 points. The best of four is reported. By how
# many points does it flatter, on average? Simulate it, to 0.05 points.

# %% tags=["exercise"] exercise="13.4"
rng = np.random.default_rng(0)
my_answer = rng.normal(0, 2, (200_000, 4)).max(axis=1).mean()

# %% tags=["check"]
check.ex_13_4(my_answer)

# %% [markdown]
# ## Summary
#
# - A difference comes with its seeds, its pairs and an interval that knows
#   of all that varies.
# - A margin, fixed before, tells "too little" from "cannot tell".
# - Many comparisons find something in nothing: correct, or confirm.
# - Choose on validation clips. The best of several test scores flatters.
#
# <!-- exercise 13.5 -->
#
# A paper: "We ran five seeds of each of twelve reward variants. The best
# variant reaches 71.3% with its best seed; the baseline, one seed, reaches
# 69.8%. Our reward improves accuracy by 1.5 points." Which fault would you
# ask the authors to mend first?

# %% tags=["exercise"] exercise="13.5"
# The letter of your answer.
my_answer = "e"

# %% tags=["check"]
check.ex_13_5(my_answer)

# %% [markdown]
# ## Tweak this
#
# How many seeds would have decided the undecided? Half the interval shrinks
# with the root of the seeds. Change `seeds`, and read off which claims of
# the table would then be narrower than their margin. The sentence above the
# table counts them.

# %%
seeds = 30
open_ones = decided[decided["verdict"] == "undecided"].copy()
half = (open_ones["high"] - open_ones["low"]) / 2
open_ones["± now"] = half
open_ones[f"± with {seeds}"] = half * (open_ones["seeds"] / seeds) ** 0.5
open_ones["decides"] = open_ones[f"± with {seeds}"] < open_ones["margin"]
print(f"with {seeds} seeds {open_ones['decides'].sum()} of the "
      f"{len(open_ones)} undecided would be narrower than their margin")
open_ones[["claim", "metric", "margin", "± now", f"± with {seeds}",
           "decides"]].round(3)
