"""4-bit weights (NF4, Dettmers et al. 2023) and low-rank adapters, on the CPU and on a GPU.

Only the decoder's linear layers are quantised: the towers are small and frozen, and the head decides
log-probabilities. Adapters stay in float32: at a learning rate of 1e-6, an update of a bf16 weight rounds away.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from emolab.errors import ModelError
from emolab.lalm.contract import Family

Model = TypeVar("Model", bound="Family")
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")
TARGETS = {"attention": ATTENTION, "all-linear": ATTENTION + MLP}


def keep_trainable(decoder: nn.Module) -> None:
    """Forbid bitsandbytes its inference-only CPU format.

    On CPUs with AVX512-BF16 a forward without gradient repacks the weights for good, for a kernel that computes in
    bf16 and through which no gradient flows: after the first rollout, training would be wrong or fail.
    """
    for module in decoder.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def is_quantised(lalm: Family) -> bool:
    """Whether any of the decoder's weights are in 4 bits."""
    return any(type(p).__name__ == "Params4bit" for p in lalm.decoder.parameters())


def add_lora(
    lalm: Model, rank: int = 16, alpha: int = 32, targets: str | Sequence[str] = "all-linear", dropout: float = 0.0
) -> Model:
    """Wrap the model with float32 LoRA adapters (Hu et al. 2021) on its decoder, in place. Everything else is frozen.

    `targets` is "all-linear" (attention and MLP), "attention", or names of layers. Raises ModelError if there is none.
    """
    from peft import LoraConfig, get_peft_model

    names = set(TARGETS.get(targets, (targets,)) if isinstance(targets, str) else targets)
    prefix = lalm.decoder_name
    found = [f"{prefix}.{name}" for name, _ in lalm.decoder.named_modules() if name.rsplit(".", 1)[-1] in names]
    if not found:
        raise ModelError(f"{lalm.name}: no layer called {', '.join(sorted(names))} in its decoder to adapt")
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=found)
    with without_notes():
        lalm.model = get_peft_model(lalm.model, config)
    adapters_in_float32(lalm.model)
    cast_in_forward(lalm.model)
    return lalm


class CastLinear(nn.Linear):
    """A, or B, of an adapter: float32 weights, multiplied in the dtype of what comes in.

    PEFT casts the input to float32 instead, and autograd keeps that copy for every adapted layer: in 16 bits, more than
    half of all activations. While decoding, `held` keeps the weights cast (see `adapters_in`).
    """

    held: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight.to(x.dtype) if self.held is None or self.held.dtype != x.dtype else self.held
        return nn.functional.linear(x, weight, None if self.bias is None else self.bias.to(x.dtype))


def cast_in_forward(model: nn.Module) -> None:
    """Let every plain adapter of a model multiply in the dtype of the activations; its weights stay what they are."""
    for layer in model.modules():
        if hasattr(layer, "lora_A") and hasattr(layer, "cast_input_dtype_enabled"):
            parts = [*layer.lora_A.values(), *layer.lora_B.values()]
            if all(type(part) in (nn.Linear, CastLinear) for part in parts):
                layer.cast_input_dtype_enabled = False
                for part in parts:
                    part.__class__ = CastLinear


@contextmanager
def adapters_in(lalm: Family, dtype: torch.dtype) -> Iterator[None]:
    """Keep the adapters cast to `dtype` for as long as this lasts: decoding need not cast them at every step."""
    parts = [m for m in lalm.decoder.modules() if isinstance(m, CastLinear) and m.weight.dtype != dtype]
    for part in parts:
        part.held = part.weight.detach().to(dtype)
    try:
        yield
    finally:
        for part in parts:
            part.held = None


def adapters_in_float32(model: Any) -> None:
    """Cast every parameter that trains to float32, as after TRL or accelerate made it half precision."""
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dtype in (torch.float16, torch.bfloat16):
            parameter.data = parameter.data.float()


@contextmanager
def without_notes(*messages: str) -> Iterator[None]:
    """As long as this lasts: no deprecation notes that transformers gives peft and TRL, and no warnings that begin with
    one of `messages`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`(is_)?gradient_checkpointing", category=FutureWarning)
        for message in messages:
            warnings.filterwarnings("ignore", message=message)
        yield
