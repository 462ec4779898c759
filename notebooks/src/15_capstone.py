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
# # 15 Capstone: one claim of your own
#
# You make one claim about a reward, and find out whether it holds. The work
# takes about two days, most of it thinking. The machine needs about half an
# hour. What counts is not that your claim holds, but that anybody who reads
# your two pages would believe what they say.
#
# **After this notebook you can**
# - register a claim before you test it;
# - write a reward that passes the audit;
# - run paired seeds, and judge the difference by the ledger's rule;
# - write a report that somebody else can check.
#
# **You need** notebooks 04, 04b, 05 and 13.
#
# <!-- cost study=600 -->

# %%
from emolab_course import at_most, capstone, check, setup

lab = setup("15")
lab

# %% [markdown]
# ## 1. A claim
#
# A good claim is one sentence, compares two things that differ in one point,
# and could turn out to be false. Some that nobody here has tested:
#
# - paying for the *arousal* of an answer (high or low) helps early training;
# - a penalty for confident wrong answers improves calibration at equal UA;
# - a reward on the answer alone, with a bonus for short reasons, names the
#   carrier more often;
# - training with noisy copies of clips makes the silent control less
#   confident.
#
# The worked example of this notebook: *plain accuracy as a reward gives a
# higher UA than ESWR with a falling α*. The ledger has run it, so its
# figures are real.
#
# ## 2. Register it
#
# Write down the claim, the margin and the seeds *before* the test clips are
# opened. The file keeps a fingerprint and the date. It refuses to be
# changed: a changed study is a second study, and both are reported.

# %%
import pandas as pd

pd.set_option("display.max_colwidth", None)
pd.Series(capstone.FIELDS).to_frame("what it states")

# %% [markdown]
# <!-- exercise 15.1 -->
#
# Write the registration of your study. (The model answer registers the
# worked example.)

# %% tags=["exercise"] exercise="15.1"
# A dict with every field of the table above.
my_registration = {
    "claim": "Plain accuracy as a reward gives a higher UA than ESWR.",
    "first": "accuracy", "second": "ESWR", "metric": "ua",
    "margin": 0.02, "seeds": 10, "split": "test", "chosen_on": "val",
    "if_not": "The interval, and that ESWR may be as good."}

# %% tags=["check"]
check.ex_15_1(my_registration)

# %%
example = {
    "claim": "Plain accuracy as a reward gives a higher UA than ESWR.",
    "first": "accuracy", "second": "ESWR, α falls 1 → 0",
    "metric": "ua", "margin": 0.02, "seeds": 10, "split": "test",
    "chosen_on": "val", "if_not": "the interval, whatever it is"}
path = lab.folder / "registration.json"
print("registered as", capstone.register(example, path))

# %%
from emolab.errors import EmolabError

try:
    capstone.register({**example, "margin": 0.01}, path)
except EmolabError as refused:
    print(str(refused).replace(str(path), path.name))

# %% [markdown]
# ## 3. How many seeds?
#
# Take the spread of paired differences from the ledger, or from a pilot on
# validation clips. Never from the runs that decide.
#
# <!-- exercise 15.2 -->
#
# Paired differences vary with the standard deviation `spread`. Return the
# smallest number of seeds (at least 2) whose 95% interval (Student's t)
# reaches at most `margin` to each side.

# %% tags=["exercise"] exercise="15.2"
import numpy as np
from scipy.stats import t


def seeds_needed(spread, margin):
    """Return how many paired seeds reach the margin."""
    n = 2
    while t.ppf(0.975, n - 1) * spread / np.sqrt(n) > margin:
        n += 1
    return n


# %% tags=["check"]
check.ex_15_2(seeds_needed)

# %%
from emolab_course import ledger

seeds_needed = check.ours("15.2")
every = ledger.contrasts(deciding=False)
spreads = pd.Series({
    f"{row['claim']}: {row['difference of']}": row["by_seed"].std(ddof=1)
    for _, row in every[every["metric"] == "UA %"].head(6).iterrows()})
pd.DataFrame({"spread of paired differences, points": 100 * spreads,
              "seeds for a margin of 2 points": [
                  seeds_needed(s, 0.02) for s in spreads]}).round(1)

# %% [markdown]
# ## 4. A reward, and the audit
#
# <!-- exercise 15.3 -->
#
# Write the reward of your first arm. It gets `completions` and the column
# `solution`, and has to pass the red team's audit: a right answer earns more
# than a wrong one, and no attack does.

# %% tags=["exercise"] exercise="15.3"
from emolab.parsing import parse_label


def my_reward(completions, solution=(), **columns):
    """Pay a right label, and a little more for a short answer."""
    hits = [float(parse_label(text) == gold)
            for text, gold in zip(completions, solution)]
    return [hit * (1 + 0.2 * (len(text) < 60))
            for hit, text in zip(hits, completions)]


# %% tags=["check"]
check.ex_15_3(my_reward)

# %% [markdown]
# ## 5. Paired runs
#
# `capstone.run_pairs` makes one cold start for each seed, trains each arm
# from there, and measures both on the held-out clips. Seeds that are done
# are kept, so you can stop and go on. Here are the two arms of the example.
# Change `seeds` to `range(5)` or more to start: each seed takes a few
# minutes. (As committed, nothing is run.)

# %%
import emolab as el
from emolab.rewards import Format, LinearSchedule

arms = {
    "accuracy": lambda labels: el.Rubric.of(
        [el.Accuracy(labels), (Format("direct"), 0.2)], "accuracy"),
    "eswr": lambda labels: el.Rubric.of(
        [el.ESWR(labels, alpha=LinearSchedule(1.0, 0.0)),
         (Format("direct"), 0.2)], "eswr"),
}
seeds = range(at_most(0, 2))
mine = capstone.run_pairs(lab, arms, seeds, steps=100)
mine.round(3)

# %% [markdown]
# The ledger's runs of the same comparison, ten seeds:

# %%
runs = ledger.runs_of("emo-rl-eswr")
first, second = runs["accuracy"], runs["ESWR, α falls 1 → 0"]
(100 * runs).round(1)

# %% [markdown]
# ## 6. The verdict, by the rule that was registered

# %%
found = capstone.decide(first, second, margin=example["margin"])
print(f"{example['claim']}\n"
      f"difference {100 * found['difference']:.1f} points "
      f"[{100 * found['low']:.1f}, {100 * found['high']:.1f}], "
      f"{found['seeds']} paired seeds: {found['verdict']}")

# %% [markdown]
# This interval knows of seeds alone. With the answers of each talker at
# hand, `ledger.crossed` draws talkers as well, and is wider: notebook 13.
#
# ## 7. Does it listen?
#
# A model that reads scores may have learned something other than what you
# claim. Every report states what remains without the voice, and what moved
# the answers. For a run of your own, measure the controls
# (`recipe.measure(..., ("silent", "swapped"))`) and the Shapley values of
# notebook 05. These are the committed ones of the shipped model:

# %%
walk = pd.DataFrame(lab.result("walk")["rows"]).set_index("name")
walk.loc[[name for name in walk.index if "GRPO" in name],
         ["ua", "ua_ci", "silent", "swapped"]].round(3)

# %% [markdown]
# ## 8. Two pages
#
# Write them for somebody who was not there: the claim and its registration,
# what differs between the arms, the audit, a table by seed, one figure with
# intervals, the verdict, the controls, what you tried and did not report,
# and what would change your mind. `notebooks/capstone/` has the task as one
# page, a marking rubric, and two graded reports on this very example: one
# good, one bad, both from the same ten runs.

# %%
from IPython.display import Markdown

from emolab_course.paths import notebooks_folder

page = (notebooks_folder() / "capstone" / "README.md").read_text("utf-8")
Markdown(page[page.index("## Marks"):page.index("## The two samples")])

# %% [markdown]
# ## Summary
#
# - A claim is registered, tested once, and reported whatever came out.
# - A reward passes the audit before it trains anything.
# - Paired seeds, an interval, a margin: then a verdict.
# - A score without its controls is half a result.
#
# <!-- exercise 15.4 -->
#
# Mark a report. It says: "Over ten seeds the best run with plain accuracy
# reaches a higher UA than the best run with ESWR, so plain accuracy is
# better." Everything else is in order. How many of the rubric's 20 points
# for *the verdict* does it get?

# %% tags=["exercise"] exercise="15.4"
# The letter of your answer.
my_answer = "b"

# %% tags=["check"]
check.ex_15_4(my_answer)

# %% [markdown]
# ## Tweak this
#
# Change the margin, and watch the verdict change. This is why it is
# registered before.

# %%
{margin: capstone.decide(first, second, margin)["verdict"]
 for margin in (0.005, 0.01, 0.02, 0.05)}
