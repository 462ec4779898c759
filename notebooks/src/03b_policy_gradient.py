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
# # 03b Policy gradient: how a number becomes a push
#
# A bandit is the smallest thing that can be trained with rewards: a few
# answers, a probability for each, and a payment. All that GRPO does to a
# large model can be done to it in a second, and every quantity can be
# computed exactly.
#
# **After this notebook you can**
# - derive the gradient of an expected reward (the log-derivative trick);
# - show what a baseline does to the variance, and what it leaves alone;
# - say what dividing by the group's spread biases;
# - show when a clipped ratio acts, and compare three estimates of KL.
#
# **You need** notebook 03.
#
# <!-- cost study=90 -->

# %%
from emolab_course import check, setup

lab = setup("03b")
lab

# %% [markdown]
# ## Summary
#
# - A policy gradient raises the log-probability of what was rewarded.
#
# <!-- exercise 3b.1 -->
#
# Write the gradient of $\log \pi(a)$ by the logits, where $\pi$ is their
# softmax and $a$ the answer that was given.

# %% tags=["exercise"] exercise="3b.1"
import numpy as np


def score(logits, answer):
    """Return the gradient of the answer's log-probability."""
    p = np.exp(logits - logits.max())
    return np.eye(len(logits))[answer] - p / p.sum()


# %% tags=["check"]
check.ex_3b_1(score)

# %% [markdown]
# ## Tweak this
#
# Change an argument of your function, and predict the result first.
