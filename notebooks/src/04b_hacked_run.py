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
# # 04b A hacked run: the model does what you pay for
#
# A reward says what it pays for, and not what you meant. Here a published
# rubric trains a model until the model exploits it.
#
# **After this notebook you can**
# - see a policy exploit a reward, in its answers;
# - tell from the curves that this happens;
# - find the hole with an audit, before training;
# - close it, and show that it is closed.
#
# **You need** notebook 04.
#
# <!-- cost study=60 -->

# %%
from emolab_course import check, setup

lab = setup("04b")
lab

# %% [markdown]
# ## Summary
#
# - A reward is attacked by training; attack it first.
#
# <!-- exercise 4b.1 -->
#
# A policy that does not listen gives one answer to every clip. `pay` holds
# what each answer (column) earns on each clip (row). Return what the best
# of these policies earns on average.

# %% tags=["exercise"] exercise="4b.1"
import numpy as np


def best_blind(pay):
    """Return the mean pay of the best single answer."""
    return float(np.mean(pay, axis=0).max())


# %% tags=["check"]
check.ex_4b_1(best_blind)

# %% [markdown]
# ## Tweak this
#
# Change an argument of your function, and predict the result first.
