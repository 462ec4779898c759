"""Plain weights for sampling: what 4 bits and adapters compute in several small operations, in one.

Decoding a token through a 4-bit layer with LoRA unpacks the weight, multiplies it, and multiplies two low-rank
factors: on a small model the operations cost more than the arithmetic, again for every token. While sampling, the
weights do not move, so W + scale·BA can be made once and used for all of a rollout's tokens. It takes the memory of
the unpacked weights, so large models go without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

MERGED_BYTES = 1 << 29


def dense_weight(layer: Any) -> Tensor:
    """The weight that a LoRA layer with its active adapters amounts to, (out, in), in the adapters' dtype."""
    base = layer.get_base_layer()
    weight = base.weight
    if type(weight).__name__ == "Params4bit":
        from bitsandbytes.functional import dequantize_4bit

        weight = dequantize_4bit(weight.data, weight.quant_state)
    total = weight.detach().float()
    for name in layer.active_adapters:
        if name in layer.lora_A:
            total = total + layer.get_delta_weight(name).detach()
    return total


def _linear(weight: Tensor, bias: Tensor | None) -> Callable[..., Tensor]:
    def forward(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return F.linear(x.to(weight.dtype), weight, bias)

    return forward


@contextmanager
def merged_adapters(model: Any, limit: int = MERGED_BYTES) -> Iterator[bool]:
    """Run the model's LoRA layers as plain linear ones inside the context, without gradient; yields whether it does.

    Nothing happens when the plain weights would take more than `limit` bytes, or when adapters are switched off.
    Outputs differ from the layers' own by rounding only.
    """
    from peft.tuners.lora import LoraLayer

    layers = [m for m in model.modules() if isinstance(m, LoraLayer)]
    size = sum(4 * m.in_features * m.out_features for m in layers)
    plain = all(hasattr(m.get_base_layer(), "in_features") and not m.merged and not m.disable_adapters for m in layers)
    if not layers or size > limit or not plain:
        yield False
        return
    try:
        with torch.no_grad():
            for layer in layers:
                layer.forward = _linear(dense_weight(layer), layer.get_base_layer().bias)
        yield True
    finally:
        for layer in layers:
            layer.__dict__.pop("forward", None)
