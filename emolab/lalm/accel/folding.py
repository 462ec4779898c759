"""Folding: a decoder whose linear layers are dequantised once, with their adapters added, for many decoding steps.

A decoding step multiplies few rows, so that on a CPU dequantising a layer and the adapter's two small products cost as
much as the layer itself, or more. The folded decoder is a second tree of modules: it shares everything with the first,
except the layers that are folded. No module's `forward` is exchanged.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from emolab.lalm.contract import Family

VARIABLE = "EMOLAB_ACCEL"
BUDGET = 2 << 30  # bytes that folded weights may take


def enabled() -> bool:
    """Whether the accelerated paths are taken: unless `EMOLAB_ACCEL` is 0."""
    return os.environ.get(VARIABLE, "1") != "0"


@contextmanager
def folded(lalm: Family, budget: int = BUDGET) -> Iterator[None]:
    """Let `lalm.running_decoder` be the folded decoder for as long as this lasts.

    Nothing changes on a GPU, where nothing is to be folded, or where the weights would take more than `budget` bytes.
    No gradient flows through folded weights.
    """
    layers = folded_layers(lalm, budget)
    before, lalm.folded_decoder = lalm.folded_decoder, _copy(lalm.decoder, layers) if layers else lalm.folded_decoder
    try:
        yield
    finally:
        lalm.folded_decoder = before


def folded_layers(lalm: Family, budget: int = BUDGET) -> set[nn.Module]:
    """The layers of the decoder that `folded` replaces."""
    if lalm.device.type != "cpu" or not enabled():
        return set()
    found = {m for m in lalm.decoder.modules() if foldable(m)}
    inner = {part for m in found for part in m.modules() if part is not m}
    size = sum(m.in_features * m.out_features for m in found - inner) * lalm.dtype.itemsize
    return found - inner if size <= budget else set()


def foldable(module: Any) -> bool:
    """Whether a layer is a plain LoRA layer with one running adapter, or a 4-bit layer without one."""
    if hasattr(module, "lora_A"):
        special = module.merged or any(module.use_dora.values()) or any(module.lora_bias.values())
        return isinstance(module.get_base_layer(), nn.Linear) and not special
    return type(module).__name__ == "Linear4bit"


def folded_linear(layer: Any) -> nn.Linear:
    """A layer with full weights, its running adapters added."""
    base = layer.get_base_layer() if hasattr(layer, "get_base_layer") else layer
    weight = dense_weight(base).detach()
    if base is not layer and not layer.disable_adapters:
        for name in layer.active_adapters:
            if name in layer.lora_A:
                weight = weight + layer.get_delta_weight(name).to(weight.dtype)
    new = nn.Linear(base.in_features, base.out_features, bias=False, device="meta")
    new.weight, new.bias = nn.Parameter(weight, requires_grad=False), base.bias
    return new


def dense_weight(layer: Any) -> Tensor:
    """The weight (O, I) of a linear layer, dequantised where it is in 4 bits."""
    if type(layer.weight).__name__ != "Params4bit":
        return torch.as_tensor(layer.weight)
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(layer.weight.data, layer.weight.quant_state)


def _copy(module: nn.Module, layers: set[nn.Module]) -> Any:
    """A module tree that shares parameters and buffers with `module`, except for `layers`, which are folded."""
    if module in layers:
        return folded_linear(module)
    new = copy.copy(module)
    new.__dict__["_modules"] = {
        name: None if child is None else _copy(child, layers) for name, child in module._modules.items()
    }
    return new
