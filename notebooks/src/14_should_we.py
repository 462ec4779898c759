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
# # 14 Should we? Law, consent, culture, misuse
#
# A system that works can still be wrong to build. This notebook is about
# people who are judged by a model of this kind.
#
# **After this notebook you can**
# - say which uses the law forbids, and which it regulates;
# - compute how many people a good classifier accuses wrongly;
# - measure how a model treats groups;
# - write a model card that says what it is not for.
#
# **You need** notebook 00.
#
# <!-- cost study=60 -->

# %%
from emolab_course import check, setup

lab = setup("14")
lab

# %% [markdown]
# ## Summary
#
# - A rare state and a small error make mostly false alarms.
#
# <!-- exercise 14.1 -->
#
# A system flags angry callers. `share` of all callers are angry, `recall` of
# these are flagged, and `false_alarm` of the others too. Of those who are
# flagged, what share is not angry?

# %% tags=["exercise"] exercise="14.1"
def wrongly_flagged(share, recall, false_alarm):
    """Return the share of flagged people who are not angry."""
    angry, calm = share * recall, (1 - share) * false_alarm
    return calm / (angry + calm)


# %% tags=["check"]
check.ex_14_1(wrongly_flagged)

# %% [markdown]
# ## Tweak this
#
# Change an argument of your function, and predict the result first.
