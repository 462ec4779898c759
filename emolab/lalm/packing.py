"""Log-probabilities of many completions from one packed row: each prompt is run once, however many it has.

    [prompt 1 | c11[:-1] | c12[:-1] | … | prompt 2 | c21[:-1] | …]

Position ids of each completion restart behind its prompt, attention is `attention.TreeLayout`, and nothing is
padded: a prompt's last state scores every first token, and a completion's last token needs no state of its own.
Tokens fall from G·(P + C) to P + G·(C − 1). The model's own forward is called once, with the embedding and the head
rerouted inside it, so that wrappers that synchronise there (DDP, FSDP, PEFT, accelerate) keep working; logits exist
only where a token is scored, in chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from emolab.errors import ModelError
from emolab.lalm.attention import TreeLayout
from emolab.lalm.linear import fast_linears, rerouted

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.lalm.batch import PromptBatch

LOGITS_BUDGET = 1 << 24  # elements of float32 logits that may exist at a time


@dataclass
class PackedRow:
    """One packed row and what to score in it.

    `input_ids` (1, T); `positions` (R, 1, T); `media_at` (m,) positions that take `media` (m, D) instead of the
    embedding table; `source` (n,) the position whose state predicts `target` (n,); `cell` (n,) where the result goes
    in the flattened (N, C) output.
    """

    input_ids: Tensor
    positions: Tensor
    media_at: Tensor
    media: Tensor
    source: Tensor
    target: Tensor
    cell: Tensor
    layout: TreeLayout


def packed_tokens(batch: PromptBatch, mask: Tensor, owner: Tensor) -> int:
    """Length of the packed row of these completions: what bounds the memory of `packed_logprobs`."""
    lengths = mask.sum(-1)
    used = torch.unique(owner[lengths > 0])
    return int(batch.lengths[used].sum() + (lengths - 1).clamp(min=0).sum())


def pack(batch: PromptBatch, ids: Tensor, mask: Tensor, owner: Tensor) -> PackedRow | None:
    """Lay completions `ids` (N, C) out behind their prompts `owner` (N,); None if every completion is empty."""
    lengths, owner = mask.long().sum(-1).cpu(), owner.cpu()
    order = torch.argsort(owner, stable=True)
    order = order[lengths[order] > 0]
    if not len(order):
        return None
    sizes = batch.lengths.tolist()
    prompts: dict[int, list[int]] = {}  # prompt row -> start, end of the prompt, end of its last completion
    starts, at = [], 0
    for row, length in zip(owner[order].tolist(), lengths[order].tolist(), strict=True):
        if row not in prompts:
            prompts[row] = [at, at + sizes[row], at + sizes[row]]
            at += sizes[row]
        starts.append(at)
        at += length - 1
        prompts[row][2] = at
    last = torch.tensor([prompts[row][1] - 1 for row in owner[order].tolist()])
    own = _Own(torch.tensor(starts), lengths[order] - 1, last)
    longest = max(sizes[row] + int(lengths[owner == row].max()) for row in prompts)
    return _fill(batch, ids, order, prompts, own, at, longest)


@dataclass
class _Own:
    """Of each completion (N,): where its tokens start in the row, how many there are, its prompt's last position."""

    start: Tensor
    size: Tensor
    last: Tensor

    def grid(self, width: int) -> tuple[Tensor, Tensor]:
        """Positions (N, width), clamped to the completion's last token, and which of them are real."""
        steps = torch.arange(width)
        return (self.start[:, None] + torch.minimum(steps, (self.size - 1)[:, None]), steps < self.size[:, None])


def _fill(
    batch: PromptBatch, ids: Tensor, order: Tensor, prompts: dict[int, list[int]], own: _Own, total: int, longest: int
) -> PackedRow:
    device, width = ids.device, batch.embeds.shape[1]
    prompt_at = torch.cat([torch.arange(begin, end) for begin, end, _ in prompts.values()])
    prompt_from = torch.cat(
        [torch.arange(width * (row + 1) - (end - begin), width * (row + 1)) for row, (begin, end, _) in prompts.items()]
    ).to(device)
    grid, real = own.grid(int(own.size.max()))
    inside, steps = grid[real], torch.arange(grid.shape[1]).expand_as(grid)[real]
    which = torch.arange(len(order))[:, None].expand_as(grid)[real]
    tokens = ids.new_zeros(total)
    tokens[prompt_at.to(device)] = batch.input_ids.flatten()[prompt_from]
    tokens[inside.to(device)] = ids.flatten()[(order[which] * ids.shape[1] + steps).to(device)]
    positions = batch.positions.new_zeros(batch.positions.shape[0], total)
    positions[:, prompt_at.to(device)] = batch.positions.flatten(1)[:, prompt_from]
    positions[:, inside.to(device)] = positions[:, own.last[which].to(device)] + 1 + steps.to(device)
    media = batch.media.flatten()[prompt_from]
    media_at = prompt_at.to(device)[media]
    tokens[media_at] = 0  # some models look for placeholders in the ids that they are given
    every = torch.arange(grid.shape[1] + 1)
    scored = every <= own.size[:, None]
    before = torch.where(every == 0, own.last[:, None], own.start[:, None] + every - 1)[scored].to(device)
    cell = (order[:, None] * ids.shape[1] + every)[scored].to(device)
    some = own.size > 0
    layout = TreeLayout(
        [(b, e, f) for b, e, f in prompts.values()],
        grid[some].to(device),
        real[some].flatten().nonzero()[:, 0].to(device),
        inside.to(device),
        longest,
    )
    return PackedRow(
        tokens[None],
        positions[:, None],
        media_at,
        batch.embeds.flatten(0, 1)[prompt_from[media]],
        before,
        ids.flatten()[cell],
        cell,
        layout,
    )


def embed_packed(table: Callable[[Tensor], Tensor], row: PackedRow) -> Callable[[Tensor], Tensor]:
    """The embedding lookup of a packed row, its media positions taken from the row."""

    def forward(ids: Tensor) -> Tensor:
        looked_up = table(ids)
        if not len(row.media_at):
            return looked_up
        return looked_up.index_copy(1, row.media_at, row.media[None].to(looked_up.dtype))

    return forward


def score_packed(
    head: Callable[[Tensor], Tensor], row: PackedRow, temperature: float, entropy: bool, scaling: float, size: int
) -> Callable[[Tensor], Tensor]:
    """The head of a packed row: states (1, T, D) -> (1, n, 2), log-probability and entropy of each scored token.

    `scaling` is what the model divides its logits by after the head; it is applied inside, and undone for what comes
    after. At most `size` rows of logits exist at a time; with a gradient, chunks are computed again in the backward.
    """

    def chunk(states: Tensor, target: Tensor) -> Tensor:
        logits = head(states).float() / (temperature * scaling)
        logprob = -F.cross_entropy(logits, target, reduction="none")
        if not entropy:
            return torch.stack([logprob, torch.zeros_like(logprob)], -1)
        with torch.no_grad():
            every = logits.log_softmax(-1)
            spread = -(every.exp() * every).sum(-1)
        return torch.stack([logprob, spread], -1)

    def forward(hidden: Tensor) -> Tensor:
        states = hidden[0][row.source]
        if len(states) <= size:
            return chunk(states, row.target)[None] * scaling
        parts = zip(states.split(size), row.target.split(size), strict=True)
        if torch.is_grad_enabled():
            from torch.utils.checkpoint import checkpoint

            scored = [checkpoint(chunk, *part, use_reentrant=False, preserve_rng_state=False) for part in parts]
        else:
            scored = [chunk(*part) for part in parts]
        return torch.cat(scored)[None] * scaling

    return forward


@contextmanager
def read_only_at(layer: Any, rows: Tensor) -> Iterator[None]:
    """Let the last layer compute queries, attention outputs and its MLP for the positions `rows` alone.

    No other state behind it is read: of a prompt, keys and values are all that is still wanted, but for its last
    position. A layer that is computed again in the backward, where nothing is rerouted, stays whole.
    """
    with ExitStack() as stack:
        if not (layer.gradient_checkpointing and layer.training):
            for part in (layer.self_attn.q_proj, layer.self_attn.o_proj, layer.mlp):
                stack.enter_context(rerouted(part, spread_from(part.forward, rows)))
        yield


def spread_from(forward: Callable[[Tensor], Tensor], rows: Tensor) -> Callable[[Tensor], Tensor]:
    """`forward` of the given positions of (B, T, D), and zeros at the others."""

    def some(states: Tensor) -> Tensor:
        done = forward(states[:, rows])
        return done.new_zeros(*states.shape[:2], done.shape[-1]).index_copy(1, rows, done)

    return some


def unwrapped(model: torch.nn.Module) -> Any:
    """The transformers model inside DDP, FSDP, accelerate or PEFT. Raises ModelError if there is none."""
    from transformers import PreTrainedModel

    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            return module
    raise ModelError(
        f"{type(model).__name__} wraps no transformers model; pass the model that the LALM was made of, wrapped"
    )


def packed_logprobs(
    lalm: LALM,
    batch: PromptBatch,
    ids: Tensor,
    mask: Tensor,
    owner: Tensor,
    model: torch.nn.Module | None = None,
    entropy: bool = False,
    temperature: float = 1.0,
) -> Any:
    """Log-probabilities of completions in any order, any number for each prompt, in one packed forward.

    `ids`, `mask` (N, C) right-padded completions; `owner` (N,) the row of `batch` that each belongs to; `model` what is
    called instead of `lalm.model`: the same model wrapped, or a copy of it. Returns (N, C) float32, 0 where the mask
    is 0, differentiable; with `entropy` also the entropies (N, C) of the distributions, detached. Both are of
    softmax(logits / temperature).

    Raises ModelError if the shapes do not fit.
    """
    if ids.shape != mask.shape or owner.shape != ids.shape[:1]:
        raise ModelError(
            f"completions {tuple(ids.shape)}, mask {tuple(mask.shape)} and owner {tuple(owner.shape)} do "
            f"not fit; expected (N, C), (N, C) and (N,)"
        )
    row = pack(batch, ids, mask, owner)
    out = torch.zeros(ids.numel(), 2, device=ids.device)
    if row is not None:
        called = lalm.model if model is None else model
        inner = unwrapped(called)
        table, head, decoder = (
            inner.get_input_embeddings(),
            inner.get_output_embeddings(),
            inner.get_submodule(lalm.decoder_name),
        )
        with (
            fast_linears(decoder, head),
            rerouted(table, embed_packed(table.forward, row)),
            rerouted(
                head,
                score_packed(
                    head.forward,
                    row,
                    temperature,
                    entropy,
                    lalm.logits_scaling,
                    max(1, LOGITS_BUDGET // table.weight.shape[0]),
                ),
            ),
            read_only_at(decoder.layers[-1], row.source.unique()),
        ):
            scored = called(
                input_ids=row.input_ids,
                attention_mask=torch.ones(1, 1, 1, 1, device=ids.device),
                position_ids=row.positions[0] if len(row.positions) == 1 else row.positions,
                use_cache=False,
                packed=row.layout,
            ).logits
        out = out.index_copy(0, row.cell, scored[0].float())
    logprobs = out[:, 0].view(ids.shape)
    return (logprobs, out[:, 1].view(ids.shape).detach()) if entropy else logprobs
