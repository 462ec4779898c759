"""Acceleration behind one door: what is fast, when it is on, and the plain path that it must equal.

The plain paths are `emolab.lalm.plain`: one row for each completion, and a whole forward for each sampled token. These
make them fast, and each is tested equal to them:

- **packing** (`packing.py`): a prompt is run once, and so is each beginning that its completions share;
- **attention** (`attention.py`): the packed row is attended in two parts, joined by their log-sum-exps, with the flash
  kernel of the CPU or of CUDA; elsewhere one dense mask for each prompt;
- **folding** (`folding.py`): on a CPU, decoding reads 4-bit weights dequantised once, their adapters added;
- **merging** (`emolab.lalm.sampling`): on a CPU, completions of a prompt that are equal so far are decoded as one row;
- **recording** (`recording.py`): on a CUDA card, a decoding step is one graph, launched at once.

`EMOLAB_ACCEL=0` switches all of it off. Everything is chosen here: `logprobs` and `sample` take the path, and
`describe` says which paths a model takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from emolab.lalm.accel.attention import kernel_for
from emolab.lalm.accel.folding import VARIABLE, enabled, folded, folded_layers
from emolab.lalm.accel.packing import packed_logprobs
from emolab.lalm.accel.recording import recorder_for
from emolab.lalm.plain import plain_logprobs

if TYPE_CHECKING:
    from emolab.lalm.batch import FlatCompletions, PromptBatch
    from emolab.lalm.contract import Family

__all__ = ["VARIABLE", "describe", "enabled", "folded", "logprobs"]


def logprobs(
    lalm: Family,
    batch: PromptBatch,
    flat: FlatCompletions,
    model: torch.nn.Module | None = None,
    entropy: bool = False,
    temperature: float = 1.0,
) -> Any:
    """Log-probabilities (N, C) of completions by the packed or the plain path: float32, 0 where masked, differentiable.

    `model` is called instead of `lalm.model`: the same model wrapped, or a copy of it. With `entropy` also the
    entropies (N, C) of the distributions, detached. Both are of softmax(logits / temperature).
    """
    path = packed_logprobs if enabled() else plain_logprobs
    return path(lalm, batch, flat, model, entropy, temperature)


def describe(lalm: Family) -> dict[str, str]:
    """What a model runs on, in words: the rows of scoring, the attention's kernel, and how decoding reads weights."""
    if not enabled():
        return dict.fromkeys(("packing", "attention", "folding", "decoding"), f"off ({VARIABLE}=0)")
    config, layers = lalm.decoder.config, len(folded_layers(lalm))
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return {
        "packing": "on: prompts, and beginnings that completions share, are run once",
        "attention": kernel_for(lalm.device.type, lalm.dtype, head_dim),
        "folding": f"on: {layers} layers are read with their adapters added" if layers else "off: nothing to fold",
        "decoding": recorder_for(lalm),
    }
