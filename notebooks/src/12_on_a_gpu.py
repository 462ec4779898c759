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
# of them fits on your card can be computed before you rent it. Here you do
# it by hand, part by part, and compare with the planner that splits every
# training step of this package.
#
# **After this notebook you can**
# - compute what a training step takes: weights, adapters, activations,
#   cache;
# - say which setting makes which part smaller;
# - choose a profile, and say what it changes;
# - judge fifty steps of a run by more than its last value.
#
# **You need** notebook 04. A card is not needed: on a CPU everything runs
# with a small stand-in. What a card measured was measured before.
#
# <!-- cost study=70 -->

# %%
from emolab_course import check, setup

lab = setup("12")
lab

# %% [markdown]
# ## The weights
#
# Qwen2-Audio-7B-Instruct, from its published configuration. The planner
# knows what memory depends on:

# %%
import pandas as pd

from emolab.training import planner

size = planner.size_of("Qwen/Qwen2-Audio-7B-Instruct")
pd.Series({
    "layers": size.layers, "hidden size": size.hidden,
    "key-value heads": size.kv_heads, "size of a head": size.head_dim,
    "weights of the decoder's layers": f"{size.decoder_weights:,}",
    "all other weights": f"{size.other_weights:,}",
}).to_frame(size.name)

# %% [markdown]
# <!-- exercise 12.1 -->
#
# Compute the memory of weights in GB ($10^9$ bytes). Weights of less than
# 16 bits are quantised in blocks, and each block has a scale of 4 bytes.

# %% tags=["exercise"] exercise="12.1"
def weights_gb(parameters, bits, block):
    """Return the GB that the weights take."""
    scales = 4 / block if bits < 16 else 0
    return parameters * (bits / 8 + scales) / 1e9


# %% tags=["check"]
check.ex_12_1(weights_gb)

# %% [markdown]
# In 4 bits only the layers of the decoder shrink. The tower, the table of
# words and the head stay in 16 bits.

# %%
weights_gb = check.ours("12.1")
stored = {bits: weights_gb(size.decoder_weights, bits, 64)
         + weights_gb(size.other_weights, 16, 64) for bits in (16, 8, 4)}
pd.Series(stored).round(1).rename_axis("bits").to_frame("GB of weights")

# %% [markdown]
# ## The adapters
#
# Each linear layer of the decoder gets an $A$ and a $B$. They are stored in
# float32. Training adds the gradient and Adam's two moments, each as large.
#
# <!-- exercise 12.2 -->
#
# `linears` lists the (in, out) sizes of the linear maps of one layer. Return
# the GB that LoRA of a `rank` takes in training: weights, gradient and two
# moments, 4 bytes each, for all `layers`.

# %% tags=["exercise"] exercise="12.2"
def adapters_gb(linears, layers, rank):
    """Return the GB of adapters in training."""
    numbers = layers * sum(rank * (a + b) for a, b in linears)
    return 4 * 4 * numbers / 1e9


# %% tags=["check"]
check.ex_12_2(adapters_gb)

# %% [markdown]
# ## Sampling: the cache of keys and values
#
# While a model writes, it keeps a key and a value for each position, layer
# and key-value head, so that it does not compute them again. This package
# encodes a prompt once and shares it among the answers of its group.
#
# <!-- exercise 12.3 -->
#
# Return the GB of keys and values in 16 bits (2 bytes) for `prompts`
# prompts of P positions with G answers of C positions each, where a prompt
# is kept once for its whole group.

# %% tags=["exercise"] exercise="12.3"
def cache_gb(layers, kv_heads, head_dim, prompts, P, G, C):
    """Return the GB of the cache while sampling."""
    positions = prompts * (P + G * C)
    return 2 * 2 * layers * kv_heads * head_dim * positions / 1e9


# %% tags=["check"]
check.ex_12_3(cache_gb)

# %% [markdown]
# ## By hand and by the planner
#
# One step of the `gpu-24gb` profile's kind: four prompts of about 300
# positions, six answers of up to 256.

# %%
load = planner.Workload(prompts=4, group=6, prompt_tokens=300,
                        completion_tokens=256, quantise="nf4")
planned = planner.predict(size, load)
adapters_gb, cache_gb = check.ours("12.2"), check.ours("12.3")
by_hand = {
    "weights": stored[4],
    "adapters": adapters_gb(size.linears, size.layers, 16),
    "cache": cache_gb(size.layers, size.kv_heads, size.head_dim,
                      4, 300, 6, 256),
}
pd.DataFrame({"by hand": by_hand, "planner": planned}).round(2)

# %% [markdown]
# The three that you computed agree. The largest part is one that you did
# not compute: *activations*, all the tensors that the backward pass needs.
# They grow with the positions of a forward pass. Two settings shrink them.
# *Micro-batches* send fewer prompts through at a time. *Gradient
# checkpointing* keeps one tensor a layer, and computes the rest again.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt

cases = {"4 prompts at once": load, "1 prompt at a time":
         replace(load, prompts=1, step_prompts=4)}
cases["1, checkpointing"] = replace(cases["1 prompt at a time"],
                                    checkpointing=True)
table = pd.DataFrame({name: planner.predict(size, case)
                      for name, case in cases.items()}).T
axis = table.plot.barh(stacked=True, figsize=(9, 3), width=0.6)
for name, room in (("16 GB", 16), ("24 GB", 24), ("80 GB", 80)):
    axis.axvline(room, color="black", lw=0.8, ls=":")
    axis.text(room, 2.45, name, fontsize=8)
axis.invert_yaxis()
axis.set(xlabel="GB, update and sampling parts together",
         title="Activations decide, and can be cut")
axis.legend(fontsize=7, ncols=3, loc="upper center",
            bbox_to_anchor=(0.5, -0.25));

# %% [markdown]
# Activations and cache do not live at the same time, so the peak is smaller
# than the sum. The planner takes the larger of the two peaks, and picks the
# fewest micro-batches that fit:

# %%
from emolab.errors import TrainingError

rows = {}
for room in (8, 12, 16, 24, 40, 80):
    try:
        chosen = planner.choose(size, replace(load, prompts=1), room, 4)
    except TrainingError:
        rows[f"{room} GB"] = {"micro-batches": "does not fit"}
        continue
    rows[f"{room} GB"] = {
        "micro-batches": chosen.micro_batches,
        "checkpointing": chosen.gradient_checkpointing,
        "update, GB": round(chosen.plan.update, 1),
        "sampling, GB": round(chosen.plan.rollout, 1)}
pd.DataFrame(rows).T.fillna("")

# %% [markdown]
# ## Is the planner right?
#
# On the machine at hand, measure what can be measured: the bytes of the
# model that the lab loads, beside what the planner's formula says of them.

# %%
lalm = lab.model()
held = sum(p.numel() * p.element_size() for p in lalm.model.parameters())
mine = planner.size_of_model(lalm)
width = lalm.dtype.itemsize
expected = planner.predict(mine, planner.Workload(
    quantise="nf4" if lab.profile.quantise else None, lora_rank=0,
    bytes_per_value=width))["weights"]
print(f"{lalm.name} on {lalm.device}: {held / 1e6:.1f} MB held, "
      f"{1000 * expected:.1f} MB planned, "
      f"{100 * (1000 * expected / (held / 1e6) - 1):+.1f}%")

# %% [markdown]
# A test counts activations in a real backward pass of a small model, and
# holds the whole prediction within 15% of the measured peak there. And on a
# card? `make gpu` walks a model of full size and random weights through
# every phase. These are the peaks of its committed runs, in GB:

# %%
import json

from emolab.paths import CHECKOUT

rows = []
results = CHECKOUT / "benchmarks" / "results" / "gpu"
for path in sorted(results.glob("*/rehearse*.json")):
    run = json.loads(path.read_text(encoding="utf-8"))
    done = run["result"]
    rows += [{"card": run["card"], "model": done["model"],
              "phase": phase["phase"], "measured": phase["peak_gb"],
              "planned": phase["planned_gb"]}
             for phase in (done["phases"] if done else ())
             if phase["peak_gb"]]
peaks = pd.DataFrame(rows)
off = (peaks.planned / peaks.measured - 1).abs().max()
print(f"{', '.join(peaks.card.unique())}: off by at most {off:.0%}")
peaks.pivot_table(["measured", "planned"], "phase", "model", sort=False)

# %% [markdown]
# There the plan is close, too. It is one kind of card, so the two constants
# that stand for CUDA itself may be other ones on yours.
#
# ## Profiles
#
# `EMOLAB_PROFILE` is the one dial. It chooses model, bits, batch and steps.
# Settings in the last column are choices that no run has proven yet.

# %%
from emolab.profiles import PROFILES

pd.DataFrame({name: {
    "model": p.model.split("/")[-1], "bits": p.quantise or p.dtype,
    "prompts × answers": f"{p.prompts_per_step} × {p.group_size}",
    "answer, tokens": p.max_new_tokens, "learning rate": p.learning_rate,
    "not proven": len(p.not_measured),
} for name, p in PROFILES.items()}).T

# %% [markdown]
# ## What fifty steps look like
#
# A rented hour is often enough for fifty steps, and not for five hundred.
# What can one see by then? These are committed runs, of the stand-in on a
# CPU: the first 50 of 250 steps of `emolab bench quantised`, three seeds in
# 4 bits. The dotted line is the mean of their last 50 steps.

# %%
import numpy as np

from emolab.plots.training import smooth

saved = lab.result("quantised")
arm = next(a for a in saved["arms"] if a["name"] == "nf4")
rewards = np.array(arm["reward"])
for seed, curve in zip(saved["seeds"], rewards):
    line, = plt.plot(curve[:50], lw=0.6, alpha=0.5)
    plt.plot(smooth(curve[:50], 9), color=line.get_color(),
             label=f"seed {seed}")
plt.axhline(rewards[:, -50:].mean(), color="black", ls=":",
            label=f"last 50 of {rewards.shape[1]} steps, mean")
plt.xlabel("step")
plt.ylabel("reward of a step")
plt.title("Fifty steps show a direction, and not an end")
plt.legend();

# %%
steps = np.arange(50)
slopes = [np.polyfit(steps, curve[:50], 1)[0] for curve in rewards]
noise = np.mean([np.std(curve[:50] - smooth(curve[:50], 9))
                 for curve in rewards])
rises = [round(float(50 * slope), 2) for slope in slopes]
print(f"rise in 50 steps: {rises} by seed; "
      f"step to step noise {noise:.2f}")
start, now, end = (rewards[:, part].mean() for part in (
    slice(0, 5), slice(40, 50), slice(-50, None)))
print(f"of the whole rise, 50 steps show {(now - start) / (end - start):.0%}")

# %% [markdown]
# So ask three things of fifty steps on a card: does the reward rise by more
# than its noise, do answers stay readable, and are there groups with
# signal. Do not ask whether one setting beats another.
#
# ## Summary
#
# - A budget has parts, and each has its own setting: bits for the weights,
#   rank for the adapters, micro-batches and checkpointing for activations,
#   answers and their length for the cache.
# - The planner computes it from a configuration, before anything is loaded.
# - A profile is a starting point. What no run has proven is marked.
# - Fifty steps tell whether a run works, and not how well it ends.
#
# <!-- exercise 12.4 -->
#
# A run stops with "out of memory" in the update of its first step. The
# planner said: weights 6 GB, adapters 1 GB, activations 21 GB, logits 0.2
# GB, cache 3 GB. The card has 24 GB. What do you change first?

# %% tags=["exercise"] exercise="12.4"
# The letter of your answer.
my_answer = "c"

# %% tags=["check"]
check.ex_12_4(my_answer)

# %% [markdown]
# ## Tweak this
#
# How long may answers be on your card? Change the card's size and the group.

# %%
room, group = 24, 8
fits = {}
for tokens in (128, 256, 512, 1024, 2048):
    case = replace(load, prompts=1, group=group, completion_tokens=tokens)
    try:
        chosen = planner.choose(size, case, room, 4)
        fits[tokens] = (f"micro-batches: {chosen.micro_batches}"
                        + (", checkpointing" * chosen.gradient_checkpointing))
    except TrainingError:
        fits[tokens] = "does not fit"
pd.Series(fits).rename_axis("tokens an answer").to_frame(f"{room} GB")
