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
# # 12 On a GPU: the same run, two thousand times larger
#
# The recipes are written for models of several billion weights. Whether one
# of them fits on your card can be computed before you rent it.
#
# **After this notebook you can**
# - compute by hand what a training step takes, part by part;
# - choose a profile, and say what it changes;
# - read the curves of a run on a card.
#
# **You need** notebook 04.
#
# <!-- cost study=60 -->

# %%
from emolab_course import check, setup

lab = setup("12")
lab

# %% [markdown]
# ## Summary
#
# - Memory can be planned: weights, adapters, activations, cache.
#
# <!-- exercise 12.1 -->
#
# Compute the memory of a model's weights in GB ($10^9$ bytes). Weights of
# less than 16 bits are quantised in blocks, and each block has a scale of 4
# bytes.

# %% tags=["exercise"] exercise="12.1"
def weights_gb(parameters, bits, block):
    """Return the GB that the weights take."""
    scales = 4 / block if bits < 16 else 0
    return parameters * (bits / 8 + scales) / 1e9


# %% tags=["check"]
check.ex_12_1(weights_gb)

# %% [markdown]
# ## Tweak this
#
# Change an argument of your function, and predict the result first.
