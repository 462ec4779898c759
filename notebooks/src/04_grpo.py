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
# # 04 GRPO: teaching a model to listen, with rewards alone
#
# Nobody shows the model a right answer here. It answers each question several
# times; a program scores the answers; and the model is pushed towards those
# that did better than their siblings. That is all there is to GRPO, *group
# relative policy optimisation*, and it is enough to teach a model
# what voices mean.
#
# **After this notebook you can**
# - say how rewards become a gradient: groups, advantages, clipping;
# - load a model in 4 bits, attach adapters, and train only these;
# - run GRPO on audio, and read its curves;
# - tell a model that has learned to listen from one that has not.
#
# **You need** notebooks 02 and 03.
#
# | minutes (cpu) | minutes (gpu) | memory | downloads |
# |---|---|---|---|
# | 3 | 2 | 3 GB | none |

# %%
from emolab.course import check, setup

lab = setup("04")
lab

# %% [markdown]
# ## Four bits, and a few trainable numbers
#
# The weights of the model are stored in 4 bits each and never change. Next
# to every matrix sit two thin ones in full precision, the LoRA adapters.
# Only they are trained. It is what lets a large model train on one
# consumer card, and it works the same on the tiny one.

# %%
import pandas as pd

from emolab.recipes import common
from emolab.recipes.emo_rl import EmoRL, EmoRLSettings

settings = EmoRLSettings.cpu(
    reasoning="direct", cold_per_label=4, cold_epochs=3, steps=90,
    max_new_tokens=12, test_per_label=10)
recipe = EmoRL(settings)
lalm = recipe.load()
parameters = list(lalm.model.named_parameters())
trained = sum(p.numel() for _, p in parameters if p.requires_grad)
frozen = sum(p.numel() for _, p in parameters if not p.requires_grad)
print(f"{trained:,} trainable numbers beside {frozen:,} stored elements")

# %% [markdown]
# ## A cold start
#
# Reinforcement learning can only reward what the model already does now
# and then. If it never writes a readable answer, every reward is 0 and
# there is nothing to learn from. So it first sees a few examples, far too
# few to learn the task, enough to learn the form:

# %%
parts = recipe.parts(lab.corpus)
prompt = recipe.prompt()
losses = recipe.cold_start(lalm, parts.cold, progress=False)
print({name: len(part) for name, part in vars(parts).items()})
pd.DataFrame(losses).plot(x="step", y="loss", figsize=(6, 2.4));

# %%
measure = {"seed": 0, "max_new_tokens": settings.max_new_tokens,
           "progress": False}
before = common.measure(lalm, parts.test, prompt, **measure)
print(f"after the cold start: UA {before['ua']:.3f}, "
      f"{before['parse_rate']:.0%} readable")

# %% [markdown]
# ## Groups and advantages
#
# Take four clips, and let the model answer each of them eight times, with
# chance deciding between likely words. Score the answers. What matters is
# not the reward itself but how much better an answer was than the others
# *to the same clip*: the advantage.

# %%
from emolab.plots.training import advantages as plot_advantages
from emolab.training.scratch import group_advantages

import torch

clips = common.resolved(parts.train[:4])
answers = lalm.generate(lalm.encode(clips, prompt), n=8, seed=1,
                        max_new_tokens=settings.max_new_tokens).texts
reward = recipe.rubric()
rewards = torch.tensor([
    reward([""] * 8, texts, solution=[clip.emotion] * 8)
    for clip, texts in zip(clips, answers)
])
gained = group_advantages(rewards.flatten(), 8).view(4, 8)
plot_advantages(rewards.tolist(), gained.tolist())

# %%
pd.DataFrame({
    "answer": answers[0],
    "gold": clips[0].emotion,
    "reward": rewards[0].tolist(),
    "advantage": gained[0].tolist(),
}).round(2)

# %% [markdown]
# Red answers will become more likely and blue ones less. A group in which
# all answers are equally good teaches nothing: there is nothing to compare.
#
# ## One step, by hand
#
# The loss of one answer token is its advantage times a ratio: how much more
# likely the token is now than when it was sampled. Pushing the ratio up is
# worth something only up to a limit. Beyond it the loss is flat, so that a
# single batch cannot carry the model away. The whole of it, from the
# package:

# %%
import inspect

from emolab.training import scratch

print(inspect.getsource(scratch.token_losses))

# %%
import matplotlib.pyplot as plt
import numpy as np

ratio = np.linspace(0.5, 1.6, 200)
now = torch.tensor(np.log(ratio))[:, None]
figure, axis = plt.subplots(figsize=(6, 2.8))
for advantage in (1.0, -1.0):
    losses = scratch.token_losses(
        now, torch.zeros_like(now), torch.full((200,), advantage),
        scratch.Settings(epsilon=0.2))
    axis.plot(ratio, -losses[:, 0], label=f"advantage {advantage:+.0f}")
axis.axvspan(0.8, 1.2, alpha=0.1)
axis.set(xlabel="probability now / when sampled", ylabel="objective")
axis.legend();

# %% [markdown]
# ## Train
#
# Now for real. Every step takes a few clips, with a group of answers each.
# The sound goes through the model again when the loss is computed, and the
# trainer checks that it matters: it exchanges the audio for silence once,
# and stops if the loss does not notice.

# %%
print(f"{settings.prompts_per_step} clips a step, "
      f"{settings.group_size} answers each")
history = recipe.grpo(lalm, parts.train, lab.folder / "grpo",
                      save_steps=None, resume=False)
print(f"{history[-1]['step']} steps, "
      f"{sum(row['seconds_step'] for row in history):.0f} s")

# %%
from emolab.plots.training import training_curves

training_curves(history)

# %% [markdown]
# Read the curves together. Reward should rise. The share of readable
# answers tells whether the rise is form or content. When more and more
# groups are without signal, the model has become sure of itself, for better
# or worse; entropy says the same.
#
# ## Did it learn to listen?
#
# Held-out talkers, held-out sentences, and the two controls: silence, and
# somebody else's voice.

# %%
from emolab.plots.evaluation import score_bars

after = common.measure(lalm, parts.test, prompt,
                       controls=("silent", "swapped"), **measure)
score_bars({
    "cold start": before,
    "after this short run": after,
    "silent voices": after["controls"]["silent"],
    "swapped voices": after["controls"]["swapped"],
})

# %% [markdown]
# A run this short is not much. Look at the intervals before you celebrate, and
# at the controls before you believe.
#
# ## The long run
#
# `emolab bench walk` runs the same recipe for a few minutes instead, with
# several seeds and everything that it should be compared with. Its saved
# result:

# %%
saved = lab.result("walk")
table = pd.DataFrame(saved["rows"]).set_index("name")
table[["ua", "ua_ci", "parse_rate", "silent", "swapped"]].round(3)

# %% [markdown]
# ## Summary
#
# - GRPO compares answers to the same prompt; no second network is needed.
# - It cannot teach what is never sampled: that is what the cold start is
#   for.
# - Weights stay in 4 bits; only the adapters learn.
# - A rising reward proves nothing before held-out voices and controls do.
#
# ## Exercise 4.1
#
# Write the advantages yourself. `rewards` is an array in which the answers
# of one prompt stand next to each other, `group_size` of them. From each
# reward take the mean of its group, and divide by the group's standard
# deviation (of a sample, so n - 1) plus 0.0001.

# %% tags=["exercise"] exercise="4.1"
import numpy as np


def advantages(rewards, group_size):
    """Return how much each reward beats the mean of its group."""
    groups = rewards.reshape(-1, group_size)
    centred = groups - groups.mean(axis=1, keepdims=True)
    spread = groups.std(axis=1, ddof=1, keepdims=True) + 1e-4
    return (centred / spread).reshape(-1)


# %% tags=["check"]
check.ex_4_1(advantages)

# %% [markdown]
# ## Tweak this
#
# Group size decides how often a group has anything to compare. With reward
# 1 for a right answer and 0 otherwise, how many groups are without signal?
# Change the group size, or the share of right answers. Then change
# `group_size` in the settings above and run the notebook again.

# %%
share = np.linspace(0.01, 0.99, 99)
for size in (2, 4, 8, 16):
    plt.plot(share, share**size + (1 - share) ** size, label=f"{size}")
plt.xlabel("share of right answers")
plt.ylabel("groups without signal")
plt.legend(title="answers to a prompt");
