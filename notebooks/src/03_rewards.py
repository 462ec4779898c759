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
# # 03 Rewards: what is an answer worth?
#
# Reinforcement learning asks for no model answer. It asks for a number that
# says how good an answer was. Whatever that number pays for is what the
# model will learn, whether you meant it or not.
#
# **After this notebook you can**
# - compute by hand the rewards that R1-Omni and EMO-RL train with;
# - explain why EMO-RL pays for near misses, and name two traps in its
#   formula;
# - put rewards together in a rubric, and score saved answers again without
#   a model;
# - find out what a reward invites before training does.
#
# **You need** notebook 00. No model is loaded here.
#
# | minutes (cpu) | minutes (gpu) | memory | downloads |
# |---|---|---|---|
# | under 1 | under 1 | 1 GB | none |

# %%
from emolab.course import check, setup

lab = setup("03")
lab

# %% [markdown]
# ## An answer has a form
#
# A reward is computed by a program, so an answer must be readable by one.
# Ours come in blocks: reasons inside `<think>`, the verdict inside
# `<answer>`. One parser reads them, the same for training and for
# evaluation; it says what it found, and what was wrong.

# %%
import pandas as pd

from emolab.parsing import parse, parse_label

completions = {
    "answer only": "<answer>sad</answer>",
    "with reasons": "<think>slow and low</think><answer>sad</answer>",
    "a synonym": "<answer>Sorrow.</answer>",
    "no blocks": "The speaker sounds sad.",
    "two answers": "<answer>sad</answer><answer>angry</answer>",
    "a list": "<answer>sad, angry, happy</answer>",
    "never closed": "<think>hm <answer>sad</answer>",
}
pd.DataFrame(
    {
        "label": {name: parse_label(c) for name, c in completions.items()},
        "problems": {
            name: "; ".join(parse(c).problems)
            for name, c in completions.items()
        },
    }
)

# %% [markdown]
# Look at the last rows: naming every emotion is no way to be right, and an
# answer that hides inside an unfinished thought does not count.
#
# ## Paying for form, paying for being right
#
# R1-Omni's reward is the sum of two: `Format` (are the blocks there?) and
# `Accuracy` (is the label the right one?). A reward takes prompts and
# completions, and whatever columns it needs by name. It returns one number
# for each completion; that is all that the trainer knows of it.

# %%
from emolab.rewards import Accuracy, Format

texts = list(completions.values())
gold = ["sad"] * len(texts)
rewards = {
    "format": Format("any")([""] * len(texts), texts),
    "accuracy": Accuracy()([""] * len(texts), texts, solution=gold),
}
pd.DataFrame(rewards, index=list(completions))

# %% [markdown]
# The two can disagree, and should: "no blocks" is right but badly formed,
# so that a model that is trained on both is pulled towards the form without
# losing the point.
#
# ## Nearly right: EMO-RL's similarity-weighted reward
#
# Taking *disgusted* for *sad* is a smaller mistake than taking *happy* for
# *sad*. Early in training, when a model is rarely right, a reward of 0 or 1
# gives most groups of answers nothing to compare. EMO-RL measures how close
# two emotions are by their angle on Plutchik's circle:
#
# $$S(a, b) = \tfrac{1}{2}\,(\cos \Delta\theta + 1)$$

# %%
import matplotlib.pyplot as plt
import numpy as np

from emolab.emotions import PLUTCHIK_DEGREES
from emolab.plots import EMOTION_COLOURS

figure, axis = plt.subplots(subplot_kw={"projection": "polar"})
for name, degrees in PLUTCHIK_DEGREES.items():
    if name in EMOTION_COLOURS:
        angle = np.radians(degrees)
        axis.plot([0, angle], [0, 1], color=EMOTION_COLOURS[name], lw=3)
        axis.text(angle, 1.25, name, ha="center", va="center")
axis.set_yticks([])
axis.set_xticks(np.radians(np.arange(0, 360, 45)), labels=[""] * 8)
axis.set_title("Plutchik's circle", pad=36);

# %% [markdown]
# *Neutral* has no place on the circle: its similarity to everything is ½.
#
# The reward (ESWR) is 1 for an exact match. For a near miss it is
# $\alpha S$ where $S$ exceeds a threshold $\gamma$, and 0 elsewhere. Over
# training $\alpha$ falls from 1 to 0, so that the partial credit is a ladder
# that is pulled away once the model has climbed it.

# %%
import seaborn as sns

from emolab.emotions import EMOTIONS
from emolab.rewards import ESWR

figure, axes = plt.subplots(1, 3, figsize=(13, 4), sharey=True)
for axis, alpha in zip(axes, (1.0, 0.5, 0.0)):
    reward = ESWR(alpha=alpha)
    credit = [[reward.credit(p, g) for p in EMOTIONS] for g in EMOTIONS]
    sns.heatmap(credit, ax=axis, annot=True, fmt=".2g", cbar=False,
                vmin=0, vmax=1, cmap="Blues",
                xticklabels=EMOTIONS, yticklabels=EMOTIONS)
    axis.set_title(f"reward at alpha = {alpha}")
    axis.set_xlabel("answered")
axes[0].set_ylabel("gold")
figure.tight_layout()

# %% [markdown]
# With the paper's threshold only direct neighbours earn anything: look at
# the row of *happy*, which has none. That is the first trap, a reward that
# helps some emotions and not others.
#
# The second is in the reading of the formula. If similarity is all that
# counts, a *right* "neutral" has $S = ½$, which is below the threshold:

# %%
pd.DataFrame(
    {
        "exact match first": [ESWR(alpha=1.0).credit(e, e) for e in EMOTIONS],
        "formula, literally": [
            ESWR(alpha=1.0, published=True).credit(e, e) for e in EMOTIONS
        ],
    },
    index=list(EMOTIONS),
).T

# %% [markdown]
# A model that is trained on the second row is never paid for hearing that
# somebody feels nothing in particular. It will stop saying so.
#
# ## What does a reward invite?
#
# Before you spend an hour training, ask what the laziest policy earns. Here
# are seven policies that do not listen at all: each gives one answer to
# everything, on data with equally many of each emotion.

# %%
lazy = {
    f"alpha = {alpha}": {
        answer: np.mean([ESWR(alpha=alpha).credit(answer, g)
                         for g in EMOTIONS])
        for answer in EMOTIONS
    }
    for alpha in (0.0, 0.5, 1.0)
}
axis = pd.DataFrame(lazy).plot.bar(figsize=(8, 3.2), width=0.8, rot=0)
axis.axhline(1 / 7, color="black", lw=1, ls=":")
axis.set_ylabel("mean reward")
axis.set_title("What one answer to everything earns (dotted: chance)");

# %% [markdown]
# Partial credit makes some constant answers worth much more than chance:
# those that sit between two neighbours. That is an invitation to hedge. The
# curriculum withdraws it, which is why $\alpha$ must reach 0 while there is
# still training left.
#
# ## A rubric: several rewards as one
#
# A `Rubric` is a weighted sum that keeps every part's column, so that you
# can see *which* part moved when the total moves. This is the one for
# EMO-RL: ESWR plus a smaller reward for the structure of the reasoning
# (what was said, how it sounded, what follows).

# %%
from emolab.rewards.shipped import rubric

think = ("<think><content>plain words</content><acoustics>slow and low"
         "</acoustics><summary>so sad then</summary></think>")
answers = {
    "right, reasoned": f"{think}<answer>sad</answer>",
    "right, bare": "<answer>sad</answer>",
    "near, reasoned": f"{think}<answer>disgusted</answer>",
    "wrong, reasoned": f"{think}<answer>happy</answer>",
    "unreadable": f"{think} sad or happy, who knows",
}
rollouts = {
    "completion": list(answers.values()),
    "solution": ["sad"] * len(answers),
}
scores = rubric("emo_rl").rescore(rollouts, progress=0.25)
pd.DataFrame(scores.table(), index=list(answers)).round(3)

# %% [markdown]
# `rescore` needs the answers only, not the model. Keep the answers that a
# run produced, and you can try another reward on them in a second. Here is
# the same set at the start, the middle and the end of the curriculum:

# %%
pd.DataFrame(
    {
        f"{progress:.0%} of training":
            rubric("emo_rl").rescore(rollouts, progress=progress).total
        for progress in (0.0, 0.5, 1.0)
    },
    index=list(answers),
).round(3)

# %% [markdown]
# To turn weights, gates and parameters by hand and watch the ranking move,
# open the reward lab in a live notebook:
# `from emolab.widgets.reward_lab import reward_lab`, then
# `reward_lab(rubric("emo_rl"), rollouts)`.
#
# ## Attack your own reward
#
# Released code checks the form with a regular expression, and reads the
# first answer block that it finds. Give both scorers answers that nobody
# wants, and see which of them pays:

# %%
attacks = {
    "empty thought": "<think></think><answer>sad</answer>",
    "answer first": "<answer>sad</answer><think>because</think>",
    "two answers": ("<think>hm</think><answer>sad</answer>"
                    "<answer>happy</answer>"),
    "tags in tags": "<think><answer>happy</answer></think>"
                    "<answer>sad</answer>",
}
tried = {"completion": list(attacks.values()), "solution": ["sad"] * 4}
pd.DataFrame(
    {
        name: rubric(name).rescore(tried).total
        for name in ("r1_omni_published", "r1_omni")
    },
    index=list(attacks),
)

# %% [markdown]
# Every number above 0 in the first column that is lower in the second is a
# hole that training could find. A model does not know that it is cheating:
# it only knows what paid.
#
# The package has a red team of such attacks, and one rule for the rewards
# that it ships: no attack earns more than an honest wrong answer. Here is
# what each rubric pays, on average over the seven emotions (in a terminal:
# `emolab reward audit all`). Rubrics called *published* pay as their papers
# say, or as their code does.

# %%
from emolab.rewards.redteam import audit_all, audit_matrix, paying_hacks

audits = audit_all()
pd.DataFrame(audit_matrix(audits)).round(2)

# %%
pd.Series(
    {name: ", ".join(hacks) or "none"
     for name, hacks in paying_hacks(audits).items()}
).to_frame("attacks that pay more than an honest wrong answer")

# %% [markdown]
# Averages hide single cases: the second table names every attack that pays
# for at least one emotion.
#
# ## Summary
#
# - A reward is a function from completions (and columns of the data) to
#   numbers, computed by a program that must first be able to read them.
# - `Accuracy` pays for exact matches, `Format` for the blocks, `ESWR` also
#   for near misses on Plutchik's circle, for a while.
# - Read literally, ESWR never pays for a right "neutral"; and with its
#   threshold, *happy* has no near misses.
# - Ask of every reward what a policy earns that does not listen.
#
# ## Exercise 3.1
#
# Write ESWR yourself. `predicted` is a label, or `None` where the answer
# could not be read. Use `similarity(a, b)` and the threshold 0.7. Mind the
# traps above.

# %% tags=["exercise"] exercise="3.1"
from emolab.emotions import similarity


def eswr(predicted, gold, alpha):
    """Reward 1 for a match, alpha * S for a near miss, else 0."""
    if predicted is None:
        return 0.0
    if predicted == gold:
        return 1.0
    closeness = similarity(predicted, gold)
    return alpha * closeness if closeness > 0.7 else 0.0


# %% tags=["check"]
check.ex_3_1(eswr)

# %% [markdown]
# ## Tweak this
#
# The threshold decides who has neighbours. Lower `gamma` and watch the
# lazy answers earn more; then try `kind="vad"`, which measures distance in
# valence, arousal and dominance instead of on the circle.

# %%
tweaked = ESWR(alpha=1.0, gamma=0.4, kind="plutchik")
pd.Series(
    {a: np.mean([tweaked.credit(a, g) for g in EMOTIONS]) for a in EMOTIONS}
).round(2).to_frame("one answer to everything")
