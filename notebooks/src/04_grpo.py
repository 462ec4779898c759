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
# # 04 The loop: GRPO on a model that hears
#
# Nobody shows the model a right answer here. The model answers each question
# several times, a program scores the answers, and training makes the better
# ones more likely. Notebook 03b did this to four numbers. Now it is done to
# an audio language model: first rung by rung, with code that you assemble
# and test against the trainer, then with the trainer itself.
#
# **After this notebook you can**
# - name the parts of an audio language model, and the positions of a prompt;
# - compute a LoRA layer and a 4-bit weight by hand;
# - assemble the loss of GRPO, and show that a trainer takes the same step;
# - run GRPO on audio with a reward of your own, and read its curves;
# - tell from its curves what broke a run, and from controls whether a model
#   listens.
#
# **You need** notebooks 02, 03 and 03b.
#
# <!-- cost study=150 -->

# %%
from emolab_course import at_most, check, figures, listen, practice, setup

lab = setup("04")
lab

# %% [markdown]
# ## A cold start
#
# Reinforcement learning can only reward what the model already does now and
# then. If the model never writes a readable answer, every reward is 0, and
# there is nothing to learn from. So it first sees a few examples: too few
# to learn the task, enough to learn the form. One of the saved runs at the
# end of this notebook left this out: it shows when you need it.

# %%
practised = practice(lab)
lalm, recipe, parts = practised.lalm, practised.recipe, practised.parts
labels = parts.train.labels
print({name: len(part) for name, part in vars(parts).items()})

# %%
prompt = recipe.prompt(labels)
before = recipe.measure(lalm, parts.test, prompt, progress=False)
print(f"after the cold start: UA {before['ua']:.3f}, "
      f"chance {labels.chance:.3f}, {before['parse_rate']:.0%} readable")

# %% [markdown]
# ## What is inside
#
# An audio language model has a *tower* that turns sound into vectors, a
# table with a vector for each word piece, and a *decoder* that reads all
# these vectors in a row. The tower is frozen here. Next to every matrix of
# the decoder sit two thin ones, the LoRA adapters. Only these are trained.

# %%
import pandas as pd

held = {"tower": 0, "word table and head": 0, "decoder": 0,
        "adapters (trained)": 0}
towers = {id(p) for tower in lalm.towers for p in tower.parameters()}
for name, weight in lalm.model.named_parameters():
    part = ("adapters (trained)" if weight.requires_grad else
            "tower" if id(weight) in towers else
            "decoder" if ".layers." in name else "word table and head")
    packed = type(weight).__name__ == "Params4bit"
    held[part] += weight.numel() * (2 if packed else 1)
pd.Series(held, name="numbers").to_frame()

# %% [markdown]
# One prompt, drawn: the row of positions that the decoder reads. Text fills
# some of them. Each audio position holds what the tower made of a short
# stretch of sound, and the decoder does not know which are which.

# %%
import matplotlib.pyplot as plt
import numpy as np

import emolab as el
from emolab_course import adapted_layer, code_book_errors, positions_picture

clip = practised.clips[0]
positions_picture(lalm, clip, prompt)

# %%
listen({clip.emotion: clip})

# %% [markdown]
# ## LoRA by hand
#
# A layer computes $y = W x$. With LoRA (Hu et al. 2021) it computes
#
# $$y = W x + \frac{\alpha}{r}\, B A x,$$
#
# where $A$ has only $r$ rows and $B$ only $r$ columns. $W$ stays as it is.
# $B$ starts at zero, so training starts from the model as it was.
#
# <!-- exercise 4.1 -->
#
# Write it for one vector `x`. `W` has shape (out, in), `A` (r, in), `B`
# (out, r); take r from the shape of `A`.

# %% tags=["exercise"] exercise="4.1"
def lora(x, W, A, B, alpha):
    """Return W x plus the adapter's part."""
    rank = A.shape[0]
    return W @ x + alpha / rank * (B @ (A @ x))


# %% tags=["check"]
check.ex_4_1(lora)

# %% [markdown]
# Take one adapted layer out of the model, and compare. Then look at the
# *singular values* of $W$ and of the adapter's $BA$: how strongly each
# matrix stretches its strongest, second strongest, … direction.

# %%
layer = adapted_layer(lalm)
W, A, B, x = (layer[name] for name in ("W", "A", "B", "x"))
mine = (W + layer["alpha"] / len(A) * B @ A) @ x
print("largest difference from the layer's own output:",
      f"{np.abs(mine - layer['y']).max():.1e}")

# %%
for name, matrix in (("W, frozen", W), ("B A, after the cold start", B @ A)):
    values = np.linalg.svd(matrix, compute_uv=False).clip(min=1e-9)
    plt.semilogy(range(1, len(values) + 1), values, "o-", ms=3, label=name)
plt.axvline(len(A) + 0.5, ls=":", color="grey", label=f"rank r = {len(A)}")
plt.xlabel("its rank, from the largest")
plt.ylabel("singular value")
plt.title("An adapter changes a matrix in r directions only")
plt.legend();

# %% [markdown]
# Beyond the dotted line the adapter's values are zero, up to rounding. That
# is what *low rank* means: the change lives in r directions, and it takes
# r (in + out) numbers in place of in × out.
#
# ## Four bits
#
# The frozen matrices are stored in 4 bits a weight. NF4 (Dettmers et al.
# 2023) cuts them into blocks of 64, divides each block by its largest
# absolute value, and keeps for each weight the nearest of sixteen numbers.
# The sixteen lie close together near zero, where normally distributed
# weights are dense.

# %%
from bitsandbytes.functional import get_4bit_type

book = get_4bit_type("nf4", device="cpu").numpy()
print(book.round(3))

# %% [markdown]
# <!-- exercise 4.2 -->
#
# Write the round trip of one block: what comes back for each weight. `book`
# holds the sixteen numbers, from -1 to 1.

# %% tags=["exercise"] exercise="4.2"
import numpy as np


def round_trip(block, book):
    """Return the block as 4 bits and one scale remember it."""
    scale = np.abs(block).max()
    if scale == 0:
        return np.zeros_like(block)
    nearest = np.abs(block[:, None] / scale - book).argmin(1)
    return scale * book[nearest]


# %% tags=["check"]
check.ex_4_2(round_trip)

# %%
code_book_errors(book)

# %% [markdown]
# NF4's typical error is below that of sixteen even steps, because most
# weights are small. The adapters stay in full precision, and they can learn
# to make up for a part of the error.
#
# %% [markdown]
# ## Real answers to learn from
#
# Take a few clips. The model answers each of them eight times, with chance
# deciding between likely words. Then the reward pays each answer.

# %%
import torch

from emolab_course import scratch

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
figures.advantages(paid[:6].tolist(), gained[:6].tolist())

# %%
steps["2 group advantage"] = one_step(
    lambda now, old: scratch.advantage_loss(
        now, rollout.rewards, rollout.mask, 8))
flat = scratch.flat_groups(rollout.rewards, 8).float().mean()
print(f"{flat:.0%} of the groups have equal rewards and teach nothing")
pd.DataFrame(steps).T.round(3)

# %% [markdown]
# A positive number means "more likely now". What counts is the distance
# between the columns of a row: how far one step moves right answers away
# from wrong ones. Both rungs raise right answers and lower wrong ones. Rung 2
# pulls them further apart, since it also says how bad a wrong answer was.
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
figure, axes = plt.subplots(1, 2, figsize=(10, 3))
for name, rows in runs.items():
    axes[0].plot([row["update"] for row in rows],
                 [row["outside the band"] for row in rows], label=name)
    axes[1].hist(rows[-1]["ratios"].clamp(0, 3).tolist(), bins=40,
                 alpha=0.6, label=name)
axes[0].set(xlabel="updates on one batch", ylim=(0, 1),
            ylabel="share of tokens", title="Outside the band 1 ± 0.2")
axes[1].axvspan(0.8, 1.2, alpha=0.15, label="the band")
axes[1].set(xlabel="ratio after the last update (3: or more)",
            ylabel="tokens", yscale="log", title="How far they went")
axes[0].legend()
axes[1].legend();

# %% [markdown]
# Before the first update every ratio is 1, and nothing is clipped. Tokens
# leave the band after it, and from then on the clipped loss gives those
# that have moved the way their advantage wants no further push. As on the
# bandit of notebook 03b, the clip acts from the second update on, and it is
# a brake and no wall: about as many tokens leave the band with the clip as
# without, and those that leave do not go as far. The next figure measures
# how far: its curve with the clip stays below the one without.
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
         ylabel="KL per token, nats",
         title="Clip and penalty keep the model near the cold start")
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
# ## Assemble the ladder, and test it against the trainer
#
# <!-- exercise 4.3 -->
#
# Put the rungs together: one loss, from the log-probabilities `logprobs`
# (N, C), those of the policy that sampled `old`, the `rewards` (N,) of
# answers whose groups stand next to each other, and a `mask` (N, C) of real
# tokens. Advantages by group (n - 1, plus 0.0001), the clipped ratio, the
# mean over all real tokens. Use torch.

# %% tags=["exercise"] exercise="4.3"
def my_loss(logprobs, old, rewards, mask, group_size, epsilon):
    """Return GRPO's loss on one batch."""
    groups = rewards.view(-1, group_size)
    spread = groups.std(1, keepdim=True) + 1e-4
    gain = ((groups - groups.mean(1, keepdim=True)) / spread).view(-1, 1)
    ratio = (logprobs - old).exp()
    near = ratio.clamp(1 - epsilon, 1 + epsilon)
    losses = -(ratio * gain).minimum(near * gain)
    return (losses * mask).sum() / mask.sum()


# %% tags=["check"]
check.ex_4_3(my_loss)

# %% [markdown]
# Is this what the trainer does? Let the trainer sample answers to a few
# clips and update twice on them, so that the second update has ratios that
# are not 1. Then put the weights back, and take the same two updates with
# the rungs. `my_loss` may stand in place of them.

# %% tags=["teaching"]
from emolab_course import trainers_step


def from_rungs(now, old, rewards, mask):
    gains = scratch.group_advantages(rewards, step.group_size)
    return scratch.clipped_loss(now, old, gains, mask)


step = trainers_step(practised, el.Accuracy(labels))
pd.Series(step.compare(from_rungs)).map("{:.1e}".format).to_frame("")

# %% [markdown]
# The two ends differ by rounding, although the trainer computes in another
# way: it encodes each prompt once, and scores all answers to it in one row,
# where answers that begin alike share those tokens.
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
}, title="UA on held-out speakers, and without their voices")

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
# ## Broken runs
#
# The runs of your own models will break. `emolab bench broken` trained the
# same recipe several times: once as it is, and five times with one thing
# changed. Four of the changes break the run. One does no harm here. Grey
# curves are the sound run. All curves are running means over three steps.

# %%
from emolab_course import broken_answers, broken_curves

broken_curves(lab.result("broken"))

# %%
broken_answers(lab.result("broken"))

# %% [markdown]
# <!-- exercise 4.4 -->
#
# Which run has which change? The changes are "no cold start", "constant
# reward", "learning rate × 10", "audio not fed" and "labels of other
# clips". Then say to yourself which of the five is not broken, and why.

# %% tags=["exercise"] exercise="4.4"
# For each letter the change: {"A": "…", "B": "…", and so on up to "E": "…"}
my_diagnosis = {"A": "constant reward", "B": "audio not fed",
                "C": "no cold start", "D": "learning rate × 10",
                "E": "labels of other clips"}

# %% tags=["check"]
check.ex_4_4(my_diagnosis)

# %% [markdown]
# ## Summary
#
# - GRPO compares answers to the same prompt, so it needs no second network.
# - It cannot teach what is never sampled: the cold start is for that. A
#   model that writes the form already can do without one.
# - Clipping acts from the second update on one batch; KL keeps the
#   language.
# - Weights stay in 4 bits; only the adapters learn, in r directions.
# - A broken run shows in its curves: learn them before you need them.
# - A rising reward proves nothing before held-out voices and controls do.
#
# <!-- exercise 4.5 -->
#
# Write the advantages yourself. `rewards` is an array in which the answers
# of one prompt stand next to each other, `group_size` of them. From each
# reward take the mean of its group, and divide by the group's standard
# deviation (of a sample, so n - 1) plus 0.0001.

# %% tags=["exercise"] exercise="4.5"
import numpy as np


def advantages_of(rewards, group_size):
    """Return how much each reward beats the mean of its group."""
    groups = rewards.reshape(-1, group_size)
    centred = groups - groups.mean(axis=1, keepdims=True)
    spread = groups.std(axis=1, ddof=1, keepdims=True) + 1e-4
    return (centred / spread).reshape(-1)


# %% tags=["check"]
check.ex_4_5(advantages_of)

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
plt.ylabel("share of groups without signal")
plt.title("Larger groups have more often something to compare")
plt.legend(title="answers to a prompt");
