"""Log-probabilities of many completions from one packed row: each prompt is run once, however many it has.

    [prompt 1 | c11[:-1] | c12[:-1] | … | prompt 2 | c21[:-1] | …]

Position ids of each completion restart behind its prompt, attention is `attention.TreeLayout`, and nothing is
padded. A prompt's last state scores every first token, and a completion's last token needs no state of its own.
Tokens fall from G·(P + C) to P + G·(C − 1). Logits exist only where a token is scored, in chunks.

The decoder is called with embeddings, and the head with the states that are scored. A wrapper that synchronises in its
own forward (DDP, FSDP, DeepSpeed) is called whole instead, with the embedding and the head exchanged inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from emolab.errors import ModelError
from emolab.lalm.accel.attention import TreeLayout

if TYPE_CHECKING:
    from emolab.lalm.batch import FlatCompletions, PromptBatch
    from emolab.lalm.contract import Family

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


def packed_tokens(batch: PromptBatch, flat: FlatCompletions) -> int:
    """Length of the packed row of these completions: what bounds the memory of `packed_logprobs`."""
    lengths = flat.mask.sum(-1)
    used = torch.unique(flat.owner[lengths > 0])
    return int(batch.lengths[used].sum() + (lengths - 1).clamp(min=0).sum())


def pack(batch: PromptBatch, flat: FlatCompletions) -> PackedRow | None:
    """Lay completions out behind their prompts; None if every completion is empty."""
    count, found = len(flat.owner), torch.cat([flat.mask.long().sum(-1), flat.owner, batch.lengths]).cpu()
    lengths, owner, sizes = found[:count], found[count : 2 * count], found[2 * count :].tolist()
    order = torch.argsort(owner, stable=True)
    order = order[lengths[order] > 0]
    if not len(order):
        return None
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
    longest = max(sizes[row] + int(lengths[owner == row].max()) for row in prompts)
    return _fill(batch, flat.ids, order, prompts, (torch.tensor(starts), lengths[order] - 1, last), (at, longest))


def _fill(
    batch: PromptBatch,
    ids: Tensor,
    order: Tensor,
    prompts: dict[int, list[int]],
    own: tuple[Tensor, Tensor, Tensor],
    sizes: tuple[int, int],
) -> PackedRow:
    """The row itself. `own` holds of each completion (N,) its first position, length, and its prompt's last position;
    `sizes` the length of the row and of the longest context."""
    (start, size, last), (total, longest) = own, sizes
    device, width = ids.device, batch.embeds.shape[1]
    prompt_at = torch.cat([torch.arange(begin, end) for begin, end, _ in prompts.values()]).to(device)
    prompt_from = torch.cat(
        [torch.arange(width * (row + 1) - (end - begin), width * (row + 1)) for row, (begin, end, _) in prompts.items()]
    ).to(device)
    steps = torch.arange(int(size.max()))
    # Positions (N, longest completion), clamped to the completion's last token, and which of them are real.
    grid, real = start[:, None] + torch.minimum(steps, (size - 1)[:, None]), steps < size[:, None]
    inside, step = grid[real].to(device), steps.expand_as(grid)[real]
    which = torch.arange(len(order))[:, None].expand_as(grid)[real]
    tokens = ids.new_zeros(total)
    tokens[prompt_at] = batch.input_ids.flatten()[prompt_from]
    tokens[inside] = ids.flatten()[(order[which] * ids.shape[1] + step).to(device)]
    positions = batch.positions.new_zeros(batch.positions.shape[0], total)
    positions[:, prompt_at] = batch.positions.flatten(1)[:, prompt_from]
    positions[:, inside] = positions[:, last[which].to(device)] + 1 + step.to(device)
    media = batch.media.flatten()[prompt_from].nonzero()[:, 0]
    media_at = prompt_at[media]
    tokens[media_at] = 0  # some models look for placeholders in the ids that they are given
    every = torch.arange(grid.shape[1] + 1)
    scored = every <= size[:, None]
    before = torch.where(every == 0, last[:, None], start[:, None] + every - 1)[scored].to(device)
    cell = (order[:, None] * ids.shape[1] + every)[scored].to(device)
    back = real[size > 0].flatten().nonzero()[:, 0].to(device)
    spans = [(b, e, f) for b, e, f in prompts.values()]
    layout = TreeLayout(spans, grid[size > 0].to(device), back, inside, longest)
    embeds, target = batch.embeds.flatten(0, 1)[prompt_from[media]], ids.flatten()[cell]
    return PackedRow(tokens[None], positions[:, None], media_at, embeds, before, target, cell, layout)


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
def rerouted(module: Any, forward: Callable[..., Tensor]) -> Iterator[None]:
    """Let `module` compute `forward` instead of its own, for as long as the context lasts."""
    before = module.__dict__.get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before


def unwrapped(model: torch.nn.Module) -> Any:
    """The transformers model inside DDP, FSDP, accelerate or PEFT. Raises ModelError if there is none."""
    from transformers import PreTrainedModel

    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            return module
    raise ModelError(
        f"{type(model).__name__} wraps no transformers model; pass the model that the Family was made of, wrapped"
    )


def synchronises(model: torch.nn.Module, inner: torch.nn.Module) -> bool:
    """Whether `model` wraps the transformers model `inner` so that its parts may only run inside its own forward: DDP,
    FSDP and DeepSpeed do, PEFT does not."""
    sharded = any("FSDP" in kind.__name__ for kind in type(model).__mro__)
    return sharded or not (model is inner or hasattr(model, "get_base_model"))


def packed_logprobs(
    lalm: Family,
    batch: PromptBatch,
    flat: FlatCompletions,
    model: torch.nn.Module | None = None,
    entropy: bool = False,
    temperature: float = 1.0,
) -> Any:
    """`emolab.lalm.accel.logprobs`, with the same arguments, in one packed forward."""
    row, shape = pack(batch, flat), flat.ids.shape
    out = torch.zeros(flat.ids.numel(), 2, device=flat.ids.device)
    if row is not None:
        scored = _run(lalm, row, lalm.model if model is None else model, entropy, temperature)
        out = out.index_copy(0, row.cell, scored[0].float())
    return (out[:, 0].view(shape), out[:, 1].view(shape).detach()) if entropy else out[:, 0].view(shape)


def _run(lalm: Family, row: PackedRow, model: torch.nn.Module, entropy: bool, temperature: float) -> Tensor:
    """Log-probability and entropy (1, n, 2) of each scored token of the row."""
    inner = unwrapped(model)
    table, head = inner.get_input_embeddings(), inner.get_output_embeddings()
    size = max(1, LOGITS_BUDGET // table.weight.shape[0])
    options: dict[str, Any] = {
        "attention_mask": torch.ones(1, 1, 1, 1, device=row.input_ids.device),
        "position_ids": row.positions[0] if len(row.positions) == 1 else row.positions,
        "use_cache": False,
        "packed": row.layout,
    }

    def score(logits: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return score_packed(logits, row, temperature, entropy, lalm.logits_scaling, size)

    if synchronises(model, inner):  # the only place where a forward is exchanged: its wrapper must see the whole call
        with rerouted(table, embed_packed(table.forward, row)), rerouted(head, score(head.forward)):
            return torch.as_tensor(model(input_ids=row.input_ids, **options).logits)
    decoder = inner.get_submodule(lalm.decoder_name)
    decoder = lalm.running_decoder if decoder is lalm.decoder else decoder
    hidden = decoder(inputs_embeds=embed_packed(table, row)(row.input_ids), **options).last_hidden_state
    return score(head)(hidden) / lalm.logits_scaling
