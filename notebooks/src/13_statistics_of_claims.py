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
# Two runs, two scores, and the second is larger. This notebook asks what
# that shows.
#
# **After this notebook you can**
# - tell the spread over seeds from an effect;
# - pair what can be paired, and give an interval;
# - judge a difference by a margin that was fixed before;
# - say what choosing among many runs does to a score.
#
# **You need** notebook 06.
#
# <!-- cost study=75 -->

# %%
from emolab_course import check, setup

lab = setup("13")
lab

# %% [markdown]
# ## Summary
#
# - A difference comes with its seeds, its pairs and its margin.
#
# <!-- exercise 13.1 -->
#
# Two arms were run with the same seeds. Return the 95% interval of their
# mean difference: Student's t, paired by seed.

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

# %% [markdown]
# ## Tweak this
#
# Change an argument of your function, and predict the result first.
