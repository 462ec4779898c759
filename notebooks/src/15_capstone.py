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
# You make one claim about a reward, and find out whether it holds.
#
# **After this notebook you can**
# - register a claim before you test it;
# - write a reward that passes the audit;
# - run paired seeds, and judge the difference by the ledger's rule;
# - write two pages that somebody else can check.
#
# **You need** notebooks 04, 05 and 13.
#
# <!-- cost study=600 -->

# %%
from emolab_course import check, setup

lab = setup("15")
lab

# %% [markdown]
# ## Summary
#
# - A claim is registered, tested once, and reported whatever came out.
#
# <!-- exercise 15.1 -->
#
# How many seeds do you need? Paired differences vary with the standard
# deviation `spread`. Return the smallest number of seeds (at least 2) whose
# 95% interval (Student's t) reaches at most `margin` to each side.

# %% tags=["exercise"] exercise="15.1"
import numpy as np
from scipy.stats import t


def seeds_needed(spread, margin):
    """Return how many paired seeds reach the margin."""
    n = 2
    while t.ppf(0.975, n - 1) * spread / np.sqrt(n) > margin:
        n += 1
    return n


# %% tags=["check"]
check.ex_15_1(seeds_needed)

# %% [markdown]
# ## Tweak this
#
# Change an argument of your function, and predict the result first.
