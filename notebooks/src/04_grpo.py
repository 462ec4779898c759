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
# Nobody shows the model a right answer here. The model answers each question
# several times, a program scores the answers, and training makes the better
# ones more likely. This is GRPO, *group relative policy optimisation*. In
# this notebook you build it in six small steps on real answers. Then a
# trainer does the same, faster.
#
# **After this notebook you can**
# - write down how rewards become a gradient: groups, advantages, clipping,
#   a KL penalty;
# - load a model in 4 bits, attach adapters, and train only these;
# - run GRPO on audio with a reward of your own, and read its curves;
# - tell a model that has learned to listen from one that has not.
#
# **You need** notebooks 02 and 03.
#
# <!-- cost study=90 -->

# %%
from emolab_course import at_most, check, listen, practice, setup

lab = setup("04")
lab

# %% [markdown]
# ## Four bits, and a few trainable numbers
#
# The weights of the model are stored in 4 bits each and never change. Next
# to every matrix sit two thin ones in full precision, the LoRA adapters.
# Only the adapters are trained. So a large model can be trained on one
# card.
#
# ## A cold start
#
# Reinforcement learning can only reward what the model already does now and
# then. If the model never writes a readable answer, every reward is 0, and
# there is nothing to learn from. So it first sees a few examples: too few
# to learn the task, enough to learn the form.

# %%
practised = practice(lab)
lalm, recipe, parts = practised.lalm, practised.recipe, practised.parts
labels = parts.train.labels
parameters = list(lalm.model.named_parameters())
trained = sum(p.numel() for _, p in parameters if p.requires_grad)
frozen = sum(p.numel() for _, p in parameters if not p.requires_grad)
print(f"{trained:,} trainable numbers beside {frozen:,} stored elements")
print({name: len(part) for name, part in vars(parts).items()})

# %%
prompt = recipe.prompt(labels)
before = recipe.measure(lalm, parts.test, prompt, progress=False)
print(f"after the cold start: UA {before['ua']:.3f}, "
      f"chance {labels.chance:.3f}, {before['parse_rate']:.0%} readable")

# %% [markdown]
# ## Real answers to learn from
#
# Take a few clips. The model answers each of them eight times, with chance
# deciding between likely words. Then the reward pays each answer.

# %%
import emolab as el
from emolab.training import scratch

clips = practised.clips[:at_most(16, 4)]
reward = el.Accuracy(labels)
rollout = scratch.roll_out(lalm, clips, prompt, reward, group_size=8,
                           max_new_tokens=recipe.max_new_tokens, seed=1)
print(f"{len(clips)} clips, {len(rollout.rewards)} answers, "
      f"{int(rollout.rewards.sum())} of them right")
listen({f"{c.emotion} | {t[0][:40]}": c
        for c, t in zip(clips[:3], rollout.completions.texts)})

# %% [markdown]
# ## Rung 1: the plain policy gradient
#
# The log-probability of an answer is the sum of the log-probabilities
# $\log \pi(t)$ of its tokens $t$. Raise it in proportion to the reward $r$:
# the loss is $-r \log \pi(t)$, averaged over tokens.

# %%
import inspect

print(inspect.getsource(scratch.plain_loss))

# %% [markdown]
# What does one step with a loss do? This function takes the step from the
# cold start, and measures how far the log-probability of a right and of a
# wrong answer has moved.

# %% tags=["teaching"]
import torch


def one_step(loss_of, rate=5e-4):
    """Mean change of an answer's log-probability after one step."""
    practised.reset()
    weights = [p for p in lalm.model.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(weights, lr=rate)
    old = rollout.logprobs().detach()
    loss_of(rollout.logprobs(), old).backward()
    optimiser.step()
    optimiser.zero_grad()
    with torch.no_grad():
        moved = ((rollout.logprobs() - old) * rollout.mask).sum(1)
    practised.reset()
    right = rollout.rewards > 0
    return {"right answers": float(moved[right].mean()),
            "wrong answers": float(moved[~right].mean())}


steps = {"1 plain": one_step(lambda now, old: scratch.plain_loss(
    now, rollout.rewards, rollout.mask))}

# %% [markdown]
# ## Rung 2: the group is the baseline
#
# With a reward of 0 or 1, the loss of rung 1 says nothing about wrong
# answers. They become less likely only because the probabilities of all
# answers sum to one. What should matter is how much better an answer was
# than the other answers *to the same clip*. This is its advantage
#
# $$A_i = \frac{r_i - \mathrm{mean}(r)}{\mathrm{std}(r) + 10^{-4}}$$
#
# where mean and standard deviation run over the group.

# %%
gained = scratch.group_advantages(rollout.rewards, 8).view(-1, 8)
paid = rollout.rewards.view(-1, 8)
el.plot.advantages(paid[:6].tolist(), gained[:6].tolist())

# %%
import pandas as pd

steps["2 group advantage"] = one_step(
    lambda now, old: scratch.advantage_loss(
        now, rollout.rewards, rollout.mask, 8))
flat = scratch.flat_groups(rollout.rewards, 8).float().mean()
print(f"{flat:.0%} of the groups have equal rewards and teach nothing")
pd.DataFrame(steps).T.round(3)

# %% [markdown]
# A positive number means "more likely now". Compare the distance between
# the two columns in the two rows: it is what a step gains.
#
# ## Rung 3: several updates on one batch
#
# Sampling is expensive, so a batch is used for several updates. After the
# first update the policy is no longer the one that sampled. Each token is
# weighed by the ratio $\rho = \pi(t) / \pi_\mathrm{old}(t)$. Outside
# $1 \pm \varepsilon$ the loss is flat, so one batch cannot carry the model
# away.

# %%
print(inspect.getsource(scratch.clipped_tokens))

# %% tags=["teaching"]
def inner_updates(loss_of, count=8, rate=5e-4):
    """Ratios and distance from the cold start after each update."""
    practised.reset()
    weights = [p for p in lalm.model.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(weights, lr=rate)
    old, mask = rollout.logprobs().detach(), rollout.mask.bool()
    rows = []
    for update in range(count + 1):
        with torch.no_grad():
            now = rollout.logprobs()
        ratio = (now - old).exp()[mask]
        rows.append({"update": update, "ratios": ratio,
                     "outside the band": float(
                         ((ratio - 1).abs() > 0.2).float().mean()),
                     "KL": float(scratch.kl_k3(now, old)[mask].mean())})
        loss_of(rollout.logprobs(), old).backward()
        optimiser.step()
        optimiser.zero_grad()
    practised.reset()
    return rows


# %%
advantages = gained.reshape(-1)
runs = {"no clip": inner_updates(lambda now, old: scratch.clipped_loss(
            now, old, advantages, rollout.mask, epsilon=1e9)),
        "clip at 0.2": inner_updates(lambda now, old: scratch.clipped_loss(
            now, old, advantages, rollout.mask))}

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(10, 3))
for name, rows in runs.items():
    axes[0].plot([row["update"] for row in rows],
                 [row["outside the band"] for row in rows], label=name)
    axes[1].hist(rows[-1]["ratios"].clamp(0, 3).tolist(), bins=40,
                 alpha=0.6, label=name)
axes[0].set(xlabel="updates on one batch", ylim=(0, 1),
            title="Share of tokens outside 1 ± 0.2")
axes[1].axvspan(0.8, 1.2, alpha=0.15)
axes[1].set(xlabel="ratio after the last update", title="Ratios")
axes[1].legend();

# %% [markdown]
# Before the first update every ratio is 1, and nothing is clipped. Tokens
# leave the band after it, and from then on the clipped loss gives those
# that have moved the way their advantage wants no further push.
#
# ## Rung 4: stay near the reference
#
# A penalty of $\beta$ times the distance to the cold start keeps the
# model's language. The distance is the KL divergence, estimated for each
# token by $k_3 = r - \log r - 1$, where $r$ is the token's probability in
# the reference divided by its probability now.

# %%
for beta in (0.04, 2.0):
    runs[f"clip, beta = {beta}"] = inner_updates(
        lambda now, old, beta=beta: scratch.penalised_loss(
            now, old, old, advantages, rollout.mask, beta=beta))
figure, axis = plt.subplots(figsize=(6, 2.8))
for name, rows in runs.items():
    axis.plot([row["update"] for row in rows[1:]],
              [row["KL"] for row in rows[1:]], label=name)
axis.set(xlabel="updates on one batch", yscale="log",
         title="Distance from the cold start (KL per token)")
axis.legend();

# %% [markdown]
# ## Rung 5: pay for the form
#
# A reward can have several parts. The form of the answer is one.

# %%
print(inspect.getsource(scratch.format_reward))

# %% [markdown]
# ## Rung 6: does the loss hear?
#
# An audio model has two places where it runs: when it samples, and when the
# loss is computed. If the sound is missing in the second place, nothing
# breaks, and the model learns to answer without listening. So exchange the
# sound for silence, and look whether the log-probabilities move.

# %%
moved = scratch.moved_by_hearing(lalm, clips, prompt, rollout.completions)
print(f"log-probabilities move by up to {moved:.2f}: the loss hears")

# %% [markdown]
# The trainer makes this check on its first batch, and refuses to train a
# model that is deaf.
#
# ## Train, with a reward of your own
#
# `el.Rubric.of` puts rewards together. Replace `brevity` by your own
# function from notebook 03. It counts only where the answer is right, so
# that nothing is paid for silence. The curves grow while the run trains.

# %% tags=["teaching"]
from emolab.rewards import Part


def brevity(completions, **columns):
    """1 for an empty answer, falling to 0 at 80 characters."""
    return [max(0.0, 1 - len(text) / 80) for text in completions]


mine = el.Rubric.of(
    [*recipe.rewards(labels).parts, Part(brevity, 0.1, gate="eswr")], "mine")

# %%
curves = el.plot.LiveCurves(every=10)
run = practised.train(mine, recipe.steps,
                      lambda rows: curves.update(rows) or True)
curves.update(run["rows"], force=True)
seconds = sum(row["seconds_step"] for row in run["rows"])
print(f"{recipe.steps} steps, {recipe.prompts_per_step} clips a step, "
      f"{recipe.group_size} answers each: {seconds:.0f} s")

# %% [markdown]
# Read the curves together. *Parsed answers* tells whether a rise of the
# reward is form or content. *Groups without signal* grows when the model
# becomes sure of itself, right or wrong. *Entropy* says the same.
#
# ## Did it learn to listen?
#
# Held-out speakers, and two controls: silence, and somebody else's voice in
# another emotion.

# %%
after = recipe.measure(lalm, parts.test, prompt, ("silent", "swapped"),
                       progress=False)
el.plot.score_bars({
    "cold start": before,
    "after this short run": after,
    "silent voices": after["controls"]["silent"],
    "swapped voices": after["controls"]["swapped"],
})

# %%
from emolab_course import verdict

print(verdict("UA", before, after, key="ua"))
print(verdict("UA without the voice", after, after["controls"]["silent"],
              key="ua"))

# %% [markdown]
# Some clips that the model got wrong before and gets right now:

# %%
better = [i for i, (b, a) in enumerate(zip(before["rows"], after["rows"]))
          if b["predicted"] != b["gold"] and a["predicted"] == a["gold"]]
by_id = {s.id: s for s in parts.test}
heard = [by_id[after["rows"][i]["id"]] for i in better[:3]]
from emolab.samples import resolve

listen({f"{s.emotion}, before: {before['rows'][i]['predicted']}":
        resolve(s, parts.test.root) for s, i in zip(heard, better)})

# %% [markdown]
# ## The long run
#
# `emolab bench walk` runs the same recipe for a few minutes instead of one,
# on the embedded corpus, with several seeds and with everything that it
# should be compared with. This is its saved result:

# %%
saved = lab.result("walk")
table = pd.DataFrame(saved["rows"]).set_index("name")
table[["ua", "ua_ci", "parse_rate", "silent", "swapped"]].round(3)

# %% [markdown]
# ## Summary
#
# - GRPO compares answers to the same prompt, so it needs no second network.
# - It cannot teach what is never sampled: the cold start is for that.
# - Clipping acts from the second update on one batch; KL keeps the
#   language.
# - Weights stay in 4 bits; only the adapters learn.
# - A rising reward proves nothing before held-out voices and controls do.
#
# <!-- exercise 4.1 -->
#
# Write the advantages yourself. `rewards` is an array in which the answers
# of one prompt stand next to each other, `group_size` of them. From each
# reward take the mean of its group, and divide by the group's standard
# deviation (of a sample, so n - 1) plus 0.0001.

# %% tags=["exercise"] exercise="4.1"
import numpy as np


def advantages_of(rewards, group_size):
    """Return how much each reward beats the mean of its group."""
    groups = rewards.reshape(-1, group_size)
    centred = groups - groups.mean(axis=1, keepdims=True)
    spread = groups.std(axis=1, ddof=1, keepdims=True) + 1e-4
    return (centred / spread).reshape(-1)


# %% tags=["check"]
check.ex_4_1(advantages_of)

# %% [markdown]
# ## Tweak this
#
# Group size decides how often a group has anything to compare. With reward
# 1 for a right answer and 0 otherwise, how many groups are without signal?
# Change the group size, or the share of right answers. Then change
# `group_size` in `practice(lab, group_size=4)` above and run the notebook
# again.

# %%
share = np.linspace(0.01, 0.99, 99)
for size in (2, 4, 8, 16):
    plt.plot(share, share**size + (1 - share) ** size, label=f"{size}")
plt.xlabel("share of right answers")
plt.ylabel("groups without signal")
plt.legend(title="answers to a prompt");
