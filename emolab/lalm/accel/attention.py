"""Attention of a packed row: completions that share a prompt read its keys once, and no mask is ever built.

A packed row holds `[prompt 1 | its completions | prompt 2 | its completions …]` without padding (see `packing`). A
completion token attends to its prompt and to its own completion so far. The two parts are computed apart and joined
by their log-sum-exps, as in online softmax (Milakov & Gimelshein 2018) and FlashAttention (Dao et al. 2022, §3.1):

    out = exp(l1 - l) out1 + exp(l2 - l) out2,   l = log(exp l1 + exp l2)

and the backward of each part is the flash kernel's own, called with the joined `out` and `l`. The work is P²/2 +
P·GC + G·C²/2 instead of (P + GC)².
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from emolab.errors import ModelError

NAME = "emolab_packed"
aten = torch.ops.aten
log = logging.getLogger("emolab.lalm")


@dataclass
class TreeLayout:
    """Where the prompts and completions of a packed row lie.

    `prompts` holds (start, prompt end, end of its last completion) for each prompt; `own` (N, L) indexes each
    completion's tokens in the row, rows of unequal length filled with their last token. Completions that begin alike
    may index the same tokens: `back` (n,) picks each token once out of the flattened `own`, in row order; `inside` (n,)
    are their positions in the row; `longest` is the longest context.
    """

    prompts: list[tuple[int, int, int]]
    own: Tensor
    back: Tensor
    inside: Tensor
    longest: int

    def attend(self, module: Any, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        """Attention output, (1, T, H, d)."""
        query, key = query.to(value.dtype), key.to(value.dtype)  # rotation leaves float32 under autocast
        kernel = kernel_for(query.device.type, query.dtype, query.shape[-1])
        if kernel.startswith("flash") and not dropout:
            return TreeAttention.apply(query, key, value, self, scale).transpose(1, 2)
        if not kernel.startswith("flash"):
            _said(kernel)
        return dense_attention(query, key, value, self, scale, dropout).transpose(1, 2)

    def parts(self) -> Iterator[tuple[slice, slice, bool]]:
        """Which positions read a prompt, which positions that is, and whether causally: the prompt itself, then all of
        its completions."""
        for start, prompt, end in self.prompts:
            for first, last, causal in ((start, prompt, True), (prompt, end, False)):
                if last > first:
                    yield slice(first, last), slice(start, prompt), causal

    @cached_property
    def masks(self) -> list[Tensor]:
        """For each prompt with its completions (S, S) bool, True where a query may look."""
        return [self._mask(*span) for span in self.prompts]

    def _mask(self, start: int, prompt: int, end: int) -> Tensor:
        at = torch.arange(start, end, device=self.own.device)
        mask = (at[:, None] >= at) & (at < prompt)
        own = self.own[(self.own >= prompt).all(1) & (self.own < end).all(1)] - start
        query, key = torch.tril_indices(self.own.shape[1], self.own.shape[1], device=at.device)
        mask[own[:, query], own[:, key]] = True
        return mask


def kernel_for(device: str, dtype: torch.dtype, head_dim: int) -> str:
    """Which kernel attends packed rows there: "flash (cpu)", "flash (cuda)", or "dense: …" with the reason.

    A flash kernel must give log-sum-exps and take them back in its backward: PyTorch's for the CPU does, and its
    FlashAttention 2 for CUDA does in 16 bits, for heads of at most 256 values, a multiple of 8.
    """
    if device == "cpu" and dtype in (torch.float32, torch.bfloat16, torch.float16):
        return "flash (cpu)"
    if device != "cuda":
        return f"dense: no flash kernel with log-sum-exps on {device}"
    if dtype not in (torch.bfloat16, torch.float16):
        return f"dense: the flash kernel of CUDA takes 16 bits, not {dtype}"
    if head_dim % 8 or head_dim > 256:
        return f"dense: the flash kernel of CUDA takes heads of 8 to 256 values, not {head_dim}"
    if torch.cuda.is_available() and torch.cuda.get_device_capability() < (8, 0):
        return "dense: the flash kernel of CUDA needs compute capability 8.0 or newer"
    return "flash (cuda)"


@cache
def _said(kernel: str) -> None:
    """Log once that packed rows are attended with a dense mask, whose size grows with the square of their length."""
    log.warning("packed attention is %s; it takes more memory and time than a flash kernel", kernel)


@dataclass
class Flashed:
    """What a flash forward gives: output (B, H, L, d), log-sum-exp (B, H, L) in float32, and its random state."""

    out: Tensor
    lse: Tensor
    seed: tuple[Tensor, Tensor] | None = None


def _flash(query: Tensor, key: Tensor, value: Tensor, causal: bool, scale: float) -> Flashed:
    if query.device.type == "cpu":
        flash = aten._scaled_dot_product_flash_attention_for_cpu
        return Flashed(*flash(query, key, value, 0.0, causal, scale=scale))
    key, value = _repeated(key, query), _repeated(value, query)
    done = aten._scaled_dot_product_flash_attention(query, key, value, 0.0, causal, False, scale=scale)
    return Flashed(done[0], done[1], (done[6], done[7]))


def _flash_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, given: Flashed, causal: bool, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of query, key and value, with the output and the log-sum-exp that are given."""
    out, lse, seed = given.out, given.lse, given.seed
    if query.device.type == "cpu":
        backward = aten._scaled_dot_product_flash_attention_for_cpu_backward
        return backward(grad, query, key, value, out, lse, 0.0, causal, scale=scale)
    shape, lengths = key.shape, (query.shape[2], key.shape[2])
    key, value = _repeated(key, query), _repeated(value, query)
    kept = (out, lse.contiguous(), None, None, *lengths, 0.0, causal)
    seed = seed or (query.new_zeros(2, dtype=torch.uint64),) * 2
    backward = aten._scaled_dot_product_flash_attention_backward
    q, k, v = backward(grad, query, key, value, *kept, *seed, scale=scale)[:3]
    if k.shape != shape:  # heads that share keys: their gradients add up
        k, v = (x.view(shape[0], shape[1], -1, *shape[2:]).sum(2) for x in (k, v))
    return q, k, v


def _repeated(x: Tensor, query: Tensor) -> Tensor:
    return x if x.shape[1] == query.shape[1] else x.repeat_interleave(query.shape[1] // x.shape[1], 1)


class TreeAttention(torch.autograd.Function):
    """Packed-row attention: query (1, H, T, d), key and value (1, K, T, d) -> (1, H, T, d)."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, layout: TreeLayout, scale: float) -> Tensor:
        """Two parts for each prompt's span of the row, one call for all completions' own parts."""
        out = query.new_empty(1, query.shape[2], query.shape[1], query.shape[3]).transpose(1, 2)
        lse, seed = query.new_empty(query.shape[:3], dtype=torch.float32), None
        for at, read, causal in layout.parts():
            part = _flash(query[:, :, at], key[:, :, read], value[:, :, read], causal, scale)
            out[:, :, at], lse[:, :, at], seed = part.out, part.lse, part.seed
        if len(layout.inside):
            q, k, v = (_gather(x, layout) for x in (query, key, value))
            own = _flash(q, k, v, True, scale)
            _join(out, lse, own.out, own.lse, layout)
        ctx.save_for_backward(query, key, value, out, lse)
        ctx.layout, ctx.scale, ctx.seed = layout, scale, seed
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Each part's flash backward with the joined output and log-sum-exp."""
        query, key, value, out, lse = ctx.saved_tensors
        layout, scale, grad = ctx.layout, ctx.scale, grads[0]
        dq, dk, dv = torch.zeros_like(query), torch.zeros_like(key), torch.zeros_like(value)
        for at, read, causal in layout.parts():
            given = Flashed(out[:, :, at], lse[:, :, at], ctx.seed)
            given_to = (query[:, :, at], key[:, :, read], value[:, :, read])
            dq[:, :, at], k, v = _flash_backward(grad[:, :, at], *given_to, given, causal, scale)
            dk[:, :, read] += k
            dv[:, :, read] += v
        if len(layout.inside):
            own_lse = lse[0][:, layout.own].transpose(0, 1).contiguous()
            kept = grad.new_zeros(layout.own.numel(), dtype=torch.bool)
            kept[layout.back] = True
            own_grad = _gather(grad, layout) * kept.view(layout.own.shape)[:, None, :, None]
            q, k, v = (_gather(x, layout) for x in (query, key, value))
            given = Flashed(_gather(out, layout), own_lse, ctx.seed)
            parts = _flash_backward(own_grad, q, k, v, given, True, scale)
            for total, part in zip((dq, dk, dv), parts, strict=True):  # shared tokens: their gradients add up
                every = part.transpose(1, 2).flatten(0, 1).transpose(0, 1)
                total[0].index_add_(1, layout.own.flatten(), every)
        return dq, dk, dv, None, None


def _gather(x: Tensor, layout: TreeLayout) -> Tensor:
    """(1, H, T, d) -> every completion as a row of its own, (N, H, L, d)."""
    return x[0].transpose(0, 1)[layout.own].transpose(1, 2)


def _join(out: Tensor, lse: Tensor, own: Tensor, own_lse: Tensor, layout: TreeLayout) -> None:
    """Fold the completions' own parts into what they read from their prompts, in place."""
    at = layout.inside
    first, second = lse[0][:, at], own_lse.transpose(1, 2).reshape(-1, lse.shape[1])[layout.back].T
    joined = torch.logaddexp(first, second.float())
    both = out[0][:, at] * (first - joined).exp()[..., None]
    fresh = own.transpose(1, 2).flatten(0, 1)[layout.back].transpose(0, 1)
    both = both + fresh * (second - joined).exp()[..., None]
    out[0].index_copy_(1, at, both.to(out.dtype))
    lse[0].index_copy_(1, at, joined)


def dense_attention(
    query: Tensor, key: Tensor, value: Tensor, layout: TreeLayout, scale: float, dropout: float = 0.0
) -> Tensor:
    """The same with one masked `scaled_dot_product_attention` for each prompt: any device, any type, dropout."""
    parts = []
    for (start, _, end), mask in zip(layout.prompts, layout.masks, strict=True):
        q, k, v = (x[:, :, start:end] for x in (query, key, value))
        parts.append(F.scaled_dot_product_attention(q, _repeated(k, q), _repeated(v, q), mask, dropout, scale=scale))
    return torch.cat(parts, 2)


def packed_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packed: Any = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """What the decoders call: stock SDPA, unless a layout came along as the keyword `packed`."""
    if packed is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    window = kwargs.get("sliding_window")
    if window is not None and packed.longest > window:
        raise ModelError(
            f"a context of {packed.longest} tokens exceeds this model's attention window of {window}; "
            "use shorter clips or prompts"
        )
    scale = kwargs.get("scaling")
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    return packed.attend(module, query, key, value, scale, kwargs.get("dropout", 0.0)), None


def install(decoder: torch.nn.Module) -> None:
    """Make a decoder's layers call `packed_attention`. Other calls of the model behave as with SDPA."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, packed_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    for module in decoder.modules():
        config = getattr(module, "config", None)
        if config is not None and hasattr(config, "_attn_implementation"):
            config._attn_implementation = NAME
