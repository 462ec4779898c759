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
# A bandit is the smallest thing that can be trained with rewards. It has a
# few answers, a probability for each, and a payment for each. All that GRPO
# does to a large model can be done to a bandit in a second. And on a bandit
# every quantity can be computed exactly, so each claim here is checked
# against the truth.
#
# **After this notebook you can**
# - derive the gradient of an expected reward (the log-derivative trick);
# - show what a baseline does to the variance, and what it leaves alone;
# - say what dividing by the group's spread gains, and what it biases;
# - show when a clipped ratio acts, and compare three estimates of KL.
#
# **You need** notebook 03, and the derivative of a logarithm.
#
# <!-- cost study=100 -->

# %%
from emolab_course import check, setup

lab = setup("03b")
lab

# %% [markdown]
# ## A bandit with four answers
#
# One clip, four possible answers. The clip is sad. A right answer earns 1,
# a near miss a little, the others nothing. The policy $\pi$ is a softmax of
# four numbers $z$, the logits. At first it likes *happy* best.

# %%
import numpy as np
import pandas as pd

answers = ["sad", "disgusted", "angry", "happy"]
pay = np.array([1.0, 0.5, 0.1, 0.0])
logits = np.array([0.0, 0.5, 0.0, 1.5])


# %% tags=["teaching"]
def softmax(z):
    """Probabilities (n,) of logits (n,)."""
    grown = np.exp(z - z.max())
    return grown / grown.sum()


policy = softmax(logits)
print(f"expected reward J = {policy @ pay:.3f}")
pd.DataFrame({"pays": pay, "probability": policy.round(3)}, index=answers)

# %% [markdown]
# ## The log-derivative trick
#
# We want to raise the expected reward $J = \sum_a \pi(a)\, r(a)$. Its
# gradient is $\sum_a r(a)\, \nabla \pi(a)$. A model has too many answers for
# this sum. But it can *sample* answers. For that the sum has to be a mean
# over $\pi$. Because $\nabla \pi = \pi \, \nabla \log \pi$,
#
# $$\nabla J = \sum_a \pi(a)\, r(a)\, \nabla \log \pi(a)
#   = \mathbb{E}_{a \sim \pi}\big[\, r(a)\, \nabla \log \pi(a) \,\big].$$
#
# So sample an answer, take the gradient of its log-probability, multiply by
# its reward, and average. This is REINFORCE (Williams 1992). The reward is
# never differentiated: it may be any program.
#
# <!-- exercise 3b.1 -->
#
# Write the gradient of $\log \pi(a)$ by the logits, where $\pi$ is their
# softmax and $a$ the place of the answer that was given.

# %% tags=["exercise"] exercise="3b.1"
import numpy as np


def score(logits, answer):
    """Return the gradient of the answer's log-probability."""
    p = np.exp(logits - logits.max())
    return np.eye(len(logits))[answer] - p / p.sum()


# %% tags=["check"]
check.ex_3b_1(score)

# %% [markdown]
# Rows of `scores` below are these gradients, one for each answer. The exact
# gradient is their mean under the policy, each times its reward. Estimates
# from samples come closer to it, the more samples there are.

# %%
scores = np.eye(4) - policy
exact = policy @ (pay[:, None] * scores)
rng = np.random.default_rng(0)
sizes = np.array([4, 16, 64, 256, 1024])
errors = np.array([[np.linalg.norm(
    (pay[drawn][:, None] * scores[drawn]).mean(0) - exact)
    for drawn in rng.choice(4, (300, n), p=policy)] for n in sizes])
pd.DataFrame({"gradient of J": exact.round(3)}, index=answers).T

# %%
import matplotlib.pyplot as plt

low, middle, high = np.quantile(errors, [0.1, 0.5, 0.9], axis=1)
plt.fill_between(sizes, low, high, alpha=0.2, label="8 of 10 estimates")
plt.loglog(sizes, middle, "o-", label="median estimate")
plt.loglog(sizes, middle[0] * (sizes[0] / sizes) ** 0.5, "k:",
           label="one over the root of the samples")
plt.xlabel("sampled answers")
plt.ylabel("distance from the exact gradient")
plt.title("Four times the samples halve the error")
plt.legend();

# %% [markdown]
# ## A baseline
#
# Subtract a number $b$ from every reward. The mean of the estimate stays,
# because $\mathbb{E}[\nabla \log \pi] = \sum_a \nabla \pi(a) = \nabla 1 = 0$.
# Its variance does not stay. Both are exact here:

# %% tags=["teaching"]
def moments(rewards, baseline):
    """Mean (n,) and total variance of one sample's estimate."""
    pushes = (rewards - baseline)[:, None] * scores
    mean = policy @ pushes
    return mean, policy @ (pushes**2).sum(1) - mean @ mean


# %%
baselines = np.linspace(-2, 3, 101)
figure, axis = plt.subplots()
for shift in (0.0, 1.0):
    spread = [moments(pay + shift, b)[1] for b in baselines]
    line, = axis.plot(baselines, spread, label=f"rewards + {shift:.0f}")
    axis.axvline(policy @ pay + shift, ls=":", color=line.get_color(),
                 label=f"mean reward, rewards + {shift:.0f}")
axis.set(xlabel="baseline b", ylabel="variance of one sample's estimate",
         title="The mean reward is nearly the best baseline")
axis.legend()
means = [moments(pay + s, b)[0] for s in (0, 1) for b in (-1, 0, 2)]
print("largest difference between the means:",
      f"{np.ptp(means, axis=0).max():.1e}")

# %% [markdown]
# Each curve is a parabola. Its lowest point is near the mean reward. Without
# a baseline ($b = 0$) the second curve is far up: a constant added to all
# rewards tells the model nothing, and makes every estimate noisier.
#
# What this costs in training is visible when both learn. The rewards are
# shifted by 1. Each step takes the mean of four samples.

# %% tags=["teaching"]
def train(baseline, runs=200, steps=60, samples=4, rate=0.4):
    """Expected reward (runs, steps) of REINFORCE on the bandit."""
    draw = np.random.default_rng(1)
    kept = np.zeros((runs, steps))
    for run in range(runs):
        z = logits.copy()
        for step in range(steps):
            p = softmax(z)
            kept[run, step] = p @ pay
            drawn = draw.choice(4, samples, p=p)
            rewards = pay[drawn] + 1.0
            less = rewards.mean() if baseline else 0.0
            pushes = (rewards - less)[:, None] * (np.eye(4)[drawn] - p)
            z += rate * pushes.mean(0)
    return kept


curves = {"no baseline": train(False), "mean of the samples": train(True)}

# %%
for name, kept in curves.items():
    line, = plt.plot(kept.mean(0), label=name)
    low, high = np.quantile(kept, [0.1, 0.9], axis=0)
    plt.fill_between(range(len(low)), low, high, alpha=0.15)
plt.xlabel("step")
plt.ylabel("expected reward")
plt.title("A baseline makes runs alike (bands: 8 of 10 runs)")
plt.legend();
for name, kept in curves.items():
    print(f"{name}: a tenth of the runs ends below "
          f"{np.quantile(kept[:, -1], 0.1):.2f}")

# %% [markdown]
# ## Why groups
#
# A batch holds many prompts. Some are easy: most answers are right. Others
# are hard. A baseline over the whole batch then mostly tells easy prompts
# from hard ones, and every answer to an easy prompt is pushed up. GRPO takes
# the mean over the answers to the *same* prompt: the group.

# %%
chances = np.array([0.95, 0.8, 0.2, 0.05])
right = rng.random((4000, 4, 8)) < chances[:, None]
by_batch = right - right.mean((1, 2), keepdims=True)
by_group = right - right.mean(2, keepdims=True)
pushed = {"baseline of the batch": by_batch, "of the group": by_group}
table = pd.DataFrame({name: push.mean((0, 2)) for name, push in
                      pushed.items()},
                     index=[f"{c:.0%} right" for c in chances])
table.plot.bar(figsize=(7, 3), rot=0, xlabel="prompts",
               ylabel="mean push (of the group: 0)",
               title="The batch's mean pushes whole prompts, the group's none")
pd.DataFrame({name: {"standard deviation of a push": push.std()}
              for name, push in pushed.items()}).round(2)

# %% [markdown]
# With the group's mean every prompt's pushes sum to zero. What is left
# compares answers to one question, which is what the policy can choose.
#
# <!-- exercise 3b.2 -->
#
# The mean of a group contains the answer's own reward. Some papers (RLOO)
# leave it out: the baseline of an answer is the mean of the *other*
# rewards. Write these advantages for one group of at least two rewards.
# Then find out by which factor they differ from reward less mean.

# %% tags=["exercise"] exercise="3b.2"
import numpy as np


def leave_one_out(rewards):
    """Return each reward less the mean of the others (n,)."""
    rewards = np.asarray(rewards, float)
    others = (rewards.sum() - rewards) / (len(rewards) - 1)
    return rewards - others


# %% tags=["check"]
check.ex_3b_2(leave_one_out)

# %% [markdown]
# ## Why divide by the spread, and what that biases
#
# GRPO also divides by the standard deviation of the group. So a reward that
# is ten times as large gives the same push, and one learning rate serves all
# rewards. The price: each prompt gets another weight. Take rewards of 0 and
# 1, and a prompt whose answers are right with chance $p$. How strong is the
# expected push towards right answers, for groups of eight? This is computed
# exactly, over all numbers of right answers.

# %%
from scipy.stats import binom

chance = np.linspace(0.01, 0.99, 99)
hits = np.arange(1, 8)  # groups without signal push nothing
weight = binom.pmf(hits, 8, chance[:, None])
share = hits / 8
plain = share * (1 - share)
deviation = np.sqrt(plain * 8 / 7) + 1e-4
push = {"group mean only (Dr. GRPO)": weight @ plain,
        "divided by the spread (GRPO)": weight @ (plain / deviation)}
for name, values in push.items():
    plt.plot(chance, values / values.max(), label=name)
plt.xlabel("chance p of a right answer")
plt.ylabel("push, relative to its largest")
plt.title("Dividing lifts prompts that are nearly always or never solved")
plt.legend();

# %%
at = [list(np.round(chance, 2)).index(p) for p in (0.5, 0.9, 0.97)]
pd.DataFrame({name: values[at] / values[at[0]] for name, values in
              push.items()}, index=["p = 0.5", "p = 0.9", "p = 0.97"]
             ).round(2)

# %% [markdown]
# The gradient of the expected reward is the first curve: it is $p(1-p)$ up
# to a constant. Division by the spread bends it. A prompt that is solved 97
# times of 100 then weighs more than it should, compared with one that is
# solved half of the time. Liu et al. 2025 ("Dr. GRPO") leave the division
# out for this reason. Others keep it, since a step of known size is easier
# to tune. `loss_type` and `scale` of `emolab_course.scratch` have both.
#
# ## Several updates on one batch: ratio and clip
#
# Sampling from a large model is slow, so one batch is used for several
# updates. After the first one the policy is no longer the one that sampled.
# Each answer is weighed by the ratio
# $\rho = \pi(a) / \pi_\mathrm{old}(a)$, and PPO's loss
#
# $$-\min\big(\rho A,\ \mathrm{clip}(\rho, 1-\varepsilon, 1+\varepsilon) A
#   \big)$$
#
# is flat beyond $1 \pm \varepsilon$ on the side that the advantage $A$
# wants. Here are 15 updates on one group of eight answers, with and without
# the clip, by the package's own function.

# %% tags=["teaching"]
import torch

from emolab_course import scratch


def reuse(epsilon, updates=15, rate=0.5):
    """Policies (updates + 1, 4) while one group of 8 is reused."""
    drawn = torch.tensor([0, 1, 1, 2, 3, 3, 3, 3])
    rewards = torch.tensor(pay)[drawn]
    gains = scratch.group_advantages(rewards, 8)
    z = torch.tensor(logits, requires_grad=True)
    old = z.log_softmax(0)[drawn, None].detach()
    kept = [z.softmax(0).detach().numpy()]
    for _ in range(updates):
        now = z.log_softmax(0)[drawn, None]
        loss = scratch.clipped_loss(now, old, gains, torch.ones(8, 1),
                                    epsilon)
        (push,) = torch.autograd.grad(loss, z)
        z = (z - rate * push).detach().requires_grad_()
        kept.append(z.softmax(0).detach().numpy())
    return np.array(kept)


# %%
reused = {"no clip": reuse(1e9), "clip at 0.2": reuse(0.2)}
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
for axis, (name, kept) in zip(axes, reused.items()):
    axis.axhspan(0.8, 1.2, alpha=0.15, color="grey", label="1 ± 0.2")
    for i, answer in enumerate(answers):
        axis.plot(kept[:, i] / kept[0, i], label=answer)
    axis.set(title=name, xlabel="updates on one batch")
axes[0].set_ylabel("ratio to the policy that sampled")
axes[0].legend();

# %%
first = {name: np.abs(kept[1] / kept[0] - 1).max() for name, kept in
         reused.items()}
print("the first update is the same:",
      np.allclose(reused["no clip"][1], reused["clip at 0.2"][1]))
{name: f"KL from the sampler after 15 updates: "
       f"{kept[-1] @ np.log(kept[-1] / kept[0]):.3f}"
 for name, kept in reused.items()}

# %% [markdown]
# At the first update every ratio is 1, and the clip changes nothing. It can
# only act from the second update on. With the clip the curves flatten soon
# after they leave the grey band. They do leave it: a clipped answer gets no
# push, but it still moves when others are pushed. So the clip is a brake
# and not a wall.
#
# <!-- exercise 3b.3 -->
#
# Predict before you run: does a token with this `ratio` and this
# `advantage` still get a gradient from the clipped loss? Return True or
# False. Try the four corners in your head: a good and a bad answer, each
# above and below the band. Ratios exactly on the edge do not occur here.

# %% tags=["exercise"] exercise="3b.3"
def gets_a_push(ratio, advantage, epsilon):
    """Return whether the clipped loss still moves this token."""
    if advantage > 0:
        return ratio < 1 + epsilon
    if advantage < 0:
        return ratio > 1 - epsilon
    return False


# %% tags=["check"]
check.ex_3b_3(gets_a_push)

# %% [markdown]
# ## How far has it moved? Three estimates of KL
#
# A penalty keeps the policy $\pi$ near a reference $q$. Its size is
# $\mathrm{KL}(\pi \| q) = \mathbb{E}_\pi[\log \pi - \log q]$. A model again
# has to estimate it from samples $a \sim \pi$. With $r = q(a) / \pi(a)$,
# Schulman (2020) compares
#
# $$k_1 = -\log r, \qquad k_2 = \tfrac{1}{2} (\log r)^2, \qquad
#   k_3 = r - 1 - \log r.$$

# %% tags=["teaching"]
def estimates(now, reference):
    """Mean and deviation of each estimate, exactly, over KL."""
    log_r = np.log(reference) - np.log(now)
    each = {"k1": -log_r, "k2": log_r**2 / 2,
            "k3": np.exp(log_r) - 1 - log_r}
    true = now @ each["k1"]
    means = {name: now @ k for name, k in each.items()}
    return {name: {"KL": true, "bias": means[name] - true,
                   "deviation": np.sqrt(now @ (k - means[name]) ** 2),
                   "smallest value": k.min()}
            for name, k in each.items()}


# %%
target = np.array([0.1, 0.2, 0.3, -0.6])
near = estimates(softmax(logits + 0.3 * target), policy)
far = estimates(softmax(logits + 4 * target), policy)
pd.concat({"near": pd.DataFrame(near).T, "far": pd.DataFrame(far).T}
          ).round(4)

# %%
steps = np.linspace(0.1, 6, 60)
found = [estimates(softmax(logits + s * target), policy) for s in steps]
figure, axes = plt.subplots(1, 2, figsize=(9, 3))
for name, line in (("k1", "-"), ("k2", "-"), ("k3", "--")):
    kl = [f[name]["KL"] for f in found]
    axes[0].plot(kl, [f[name]["bias"] / f[name]["KL"] for f in found],
                 line, label=name)
    axes[1].loglog(kl, [f[name]["deviation"] / f[name]["KL"]
                        for f in found], line, label=name)
axes[0].set(title="Bias, over KL (k1 and k3: none)", xlabel="true KL",
            ylabel="bias / KL")
axes[1].set(title="Deviation of one sample, over KL", xlabel="true KL",
            ylabel="deviation / KL")
axes[1].legend();

# %% [markdown]
# - $k_1$ has no bias, and near the reference the largest spread. It can be
#   negative, although KL cannot.
# - $k_2$ is never negative and spreads little near the reference, but it has
#   a bias, which grows with the distance.
# - $k_3$ has no bias, because $\mathbb{E}_\pi[r] = 1$, and is never negative,
#   because $\log r \le r - 1$. Near the reference it spreads as little as
#   $k_2$. Far away it spreads most of the three. A penalty keeps the policy
#   near, so GRPO uses $k_3$.
#
# <!-- exercise 3b.4 -->
#
# How large is the bias of $k_2$? Compute it exactly for two distributions
# `now` and `reference` over the same answers: the mean of $k_2$ under `now`,
# less the true KL.

# %% tags=["exercise"] exercise="3b.4"
import numpy as np


def bias_of_k2(now, reference):
    """Return the mean of k2 under `now`, less KL(now, reference)."""
    log_ratio = np.log(reference) - np.log(now)
    return float(now @ (log_ratio**2 / 2 + log_ratio))


# %% tags=["check"]
check.ex_3b_4(bias_of_k2)

# %% [markdown]
# ## Summary
#
# - $\nabla J = \mathbb{E}[r\, \nabla \log \pi]$: sampling turns any program
#   that pays into a gradient.
# - A baseline leaves the mean of that gradient alone and shrinks its
#   variance. A group's mean is a baseline for each prompt.
# - Division by the spread makes steps comparable, and weighs prompts that
#   are almost always or never solved too heavily.
# - A clip acts from the second update on one batch. It brakes.
# - $k_3$ estimates KL without bias and is never negative.
#
# <!-- exercise 3b.5 -->
#
# A colleague logs $k_1$ for a run with a penalty. The curve is below zero
# for some steps. She says: "The policy has come closer to the reference than
# the reference itself." What happened?

# %% tags=["exercise"] exercise="3b.5"
# The letter of your answer.
my_answer = "c"

# %% tags=["check"]
check.ex_3b_5(my_answer)

# %% [markdown]
# ## Tweak this
#
# How many answers should a group have, if the total of samples is fixed:
# many noisy steps or a few good ones? At this learning rate the noisy steps
# win. Change the `rate` until they do not.

# %%
budget = 240
for group in (2, 4, 8, 16):
    kept = train(True, runs=100, steps=budget // group, samples=group,
                 rate=0.4)
    print(f"{group:2} answers a step, {budget // group:3} steps: "
          f"{kept[:, -1].mean():.2f} on average")
