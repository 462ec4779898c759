"""Linear layers on a CPU through oneDNN, for as long as a forward lasts.

PyTorch multiplies float32 matrices with MKL, which keeps to AVX2 on processors of AMD; oneDNN, which PyTorch ships too,
uses AVX-512 wherever it is. Measured on an AMD EPYC, 805 × 512 by 512 × 2048, one thread: 98 against 212 GFLOP/s
forward, 100 against 196 and 98 against 178 backward. Results differ in the last bits only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WORTH = 1 << 20  # multiplications below which a call costs more than it saves


@functools.cache
def available() -> bool:
    """Whether this processor and this PyTorch have what `onednn` needs."""
    wide = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return wide and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def onednn(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (…, I) times weight (O, I) transposed, plus bias; no gradient. `weight` may be a transposed view."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def suits(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN should multiply these: plain float32 on the CPU, and enough of it."""
    return (
        x.dtype == weight.dtype == torch.float32
        and x.device.type == weight.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
        and x.numel() * weight.shape[0] >= WORTH
    )


class Linear(torch.autograd.Function):
    """`F.linear`, forward and backward, through oneDNN."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x (…, I), weight (O, I), bias (O,) or None -> (…, O)."""
        ctx.save_for_backward(x, weight)
        return onednn(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of those that need one."""
        x, weight = ctx.saved_tensors
        grad = grads[0].reshape(-1, weight.shape[0])
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            onednn(grad, weight.t()).view_as(x) if of_x else None,
            onednn(grad.t(), x.reshape(-1, weight.shape[1]).t()) if of_weight else None,
            grad.sum(0) if of_bias else None,
        )


class Linear4bit(torch.autograd.Function):
    """The same with a frozen 4-bit weight, dequantised for the forward and again for the backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Any) -> Tensor:
        """x (…, I) -> (…, O)."""
        ctx.layer = layer
        return onednn(x, dense_weight(layer), layer.bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None]:
        """The gradient of x alone."""
        return onednn(grads[0], dense_weight(ctx.layer).t()), None


def dense_weight(layer: Any) -> Tensor:
    """The weight (O, I) of a linear layer, dequantised where it is in 4 bits."""
    if type(layer.weight).__name__ != "Params4bit":
        return layer.weight
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(layer.weight.data, layer.weight.quant_state)


def forward_of(layer: Any) -> Callable[[Tensor], Tensor] | None:
    """The forward of a plain or 4-bit linear layer through oneDNN where that suits; None for any other layer."""
    usual = layer.forward
    if hasattr(layer, "lora_A"):  # PEFT's wrappers bear the names of what they wrap; their parts come by themselves
        return None
    if type(layer) is nn.Linear:
        return lambda x: Linear.apply(x, layer.weight, layer.bias) if suits(x, layer.weight) else usual(x)
    if type(layer).__name__ == "Linear4bit" and not getattr(layer.bias, "requires_grad", False):
        table = torch.empty(layer.out_features, 0)
        return lambda x: Linear4bit.apply(x, layer) if _plain(layer) and suits(x, table) else usual(x)
    return None


def _plain(layer: Any) -> bool:
    """Whether a 4-bit layer computes in float32 and has not been repacked for another kernel."""
    state = layer.weight.quant_state
    return state is not None and state.dtype == torch.float32 and not getattr(state, "packing_format_for_cpu", False)


@contextmanager
def fast_linears(*modules: nn.Module) -> Iterator[None]:
    """Let all linear layers inside `modules` multiply through oneDNN.

    Not where layers are computed again in the backward, which lies outside of the context.
    """
    layers = [layer for module in modules for layer in module.modules()] if available() else []
    if any(getattr(layer, "gradient_checkpointing", False) and layer.training for layer in layers):
        layers = []
    with ExitStack() as stack:
        for layer in layers:
            if (forward := forward_of(layer)) is not None:
                stack.enter_context(rerouted(layer, forward))
        yield


@contextmanager
def rerouted(module: nn.Module, forward: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Let `module` compute `forward` instead of its own, for as long as the context lasts."""
    before = module.__dict__.get("forward")
    module.forward = forward  # type: ignore[method-assign]
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before  # type: ignore[method-assign]


def packed(weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    """A linear map without gradient, its weight laid out once for many calls: twice as fast again for few rows."""
    if not available() or weight.dtype != torch.float32 or weight.device.type != "cpu":
        return lambda x: F.linear(x, weight.to(x.dtype), bias)
    laid_out = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
    return lambda x: onednn(x, laid_out, bias)
