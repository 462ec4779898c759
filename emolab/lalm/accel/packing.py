"""Log-probabilities of many completions from one packed row: each prompt is run once, however many it has.

    [prompt 1 | c11[:-1] | c12[:-1] | … | prompt 2 | c21[:-1] | …]

Position ids of each completion restart behind its prompt, attention is `attention.TreeLayout`, and nothing is
padded. A prompt's last state scores every first token, and a completion's last token needs no state of its own.
Completions that begin alike share those tokens too, so that the row is a prefix tree, and equal ones lie there once.
Tokens fall from G·(P + C) to P + G·(C − 1) or fewer. Logits exist only where a token is scored, in chunks.

The decoder is called with embeddings, and the head with the states that are scored. A wrapper that synchronises in its
own forward (DDP, FSDP, DeepSpeed) is called whole instead, with the embedding and the head exchanged inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, groupby, pairwise
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
    embedding table; `source` (n,) the position whose state predicts `target` (n,); `cell` (k,) of the flattened (N, C)
    output takes result `which` (k,).
    """

    input_ids: Tensor
    positions: Tensor
    media_at: Tensor
    media: Tensor
    source: Tensor
    target: Tensor
    cell: Tensor
    which: Tensor
    layout: TreeLayout


class PrefixTree:
    """Where prompts and completions lie in a row, kept in lists on the host.

    `prompts` holds each prompt's first position and the one behind it. `pairs` numbers what is scored: the position
    whose state predicts, and the token; `which` holds that number for each completion token in turn. `places` holds a
    token's position by that of the token before; `follows` the last position of its prompt, and its distance behind
    that, less 1. `paths` are the positions of completions that bring new tokens, `new` how many.
    """

    def __init__(self) -> None:
        self.prompts: list[tuple[int, int]] = []
        self.pairs: dict[tuple[int, int], int] = {}
        self.places: dict[tuple[int, int], int] = {}
        self.follows: list[tuple[int, int]] = []
        self.paths: list[list[int]] = []
        self.new: list[int] = []
        self.which: list[int] = []
        self.prompt_tokens = self.longest = 0

    def open(self, size: int) -> None:
        """Begin a prompt of so many tokens."""
        self.prompts.append((len(self), len(self) + size))
        self.prompt_tokens += size

    def add(self, tokens: Sequence[int]) -> None:
        """Add a completion to the prompt that was begun last."""
        start, behind = self.prompts[-1]
        place, path, known = behind - 1, list[int](), len(self.places)
        for token in tokens:
            self.which.append(self.pairs.setdefault((place, token), len(self.pairs)))
            if len(path) < len(tokens) - 1:
                place = self.places.setdefault((place, token), len(self))
                path.append(place)
        if grown := len(self.places) - known:  # a path's new tokens stand at its end
            self.paths.append(path)
            self.new.append(grown)
            self.follows += [(behind - 1, step) for step in range(len(path) - grown, len(path))]
        self.longest = max(self.longest, behind - start + len(tokens) - 1)

    def __len__(self) -> int:
        return self.prompt_tokens + len(self.places)

    def layout(self, device: torch.device) -> TreeLayout:
        """What the attention of this row needs."""
        width = max(map(len, self.paths), default=0)
        own = [path + path[-1:] * (width - len(path)) for path in self.paths]
        back = [i * width + at for i, path in enumerate(self.paths) for at in range(len(path) - self.new[i], len(path))]
        spans = [(*prompt, after[0]) for prompt, after in pairwise([*self.prompts, (len(self), 0)])]
        tensors = _integers(own, device, width or 1), _integers(back, device), _integers(self.places.values(), device)
        return TreeLayout(spans, *tensors, self.longest)


def _integers(values: Iterable[Any], device: torch.device, columns: int = 0) -> Tensor:
    made = torch.tensor(list(values), dtype=torch.long)
    return (made.view(-1, columns) if columns else made).to(device)


def pack(batch: PromptBatch, flat: FlatCompletions) -> PackedRow | None:
    """Lay completions out behind their prompts; None if every completion is empty."""
    (count, width), device = flat.ids.shape, flat.ids.device
    read = torch.cat([flat.ids.flatten(), flat.mask.long().sum(-1), flat.owner, batch.lengths]).cpu()  # one wait
    ids, lengths, owners, sizes = (x.tolist() for x in read.split([count * width, count, count, len(batch)]))
    rows = sorted((row for row in range(count) if lengths[row]), key=owners.__getitem__)
    if not rows:
        return None
    tree, prompts = PrefixTree(), list(dict.fromkeys(owners[row] for row in rows))
    for prompt, group in groupby(rows, key=owners.__getitem__):
        tree.open(sizes[prompt])
        for row in group:
            tree.add(ids[row * width : row * width + lengths[row]])
    cell = _integers(chain.from_iterable(range(row * width, row * width + lengths[row]) for row in rows), device)
    layout, full = tree.layout(device), batch.embeds.shape[1]
    prompt_at = _integers(chain.from_iterable(range(*span) for span in tree.prompts), device)
    stands = (range(full * (prompt + 1) - sizes[prompt], full * (prompt + 1)) for prompt in prompts)
    prompt_from = _integers(chain.from_iterable(stands), device)
    tokens, positions = prompt_at.new_zeros(len(tree)), batch.positions.new_zeros(len(batch.positions), len(tree))
    tokens[prompt_at] = batch.input_ids.flatten()[prompt_from]
    tokens[layout.inside] = _integers((token for _, token in tree.places), device)
    positions[:, prompt_at] = batch.positions.flatten(1)[:, prompt_from]
    last, step = _integers(tree.follows, device, 2).unbind(1)
    positions[:, layout.inside] = positions[:, last] + 1 + step
    media = batch.media.flatten()[prompt_from].nonzero()[:, 0]
    media_at, embeds = prompt_at[media], batch.embeds.flatten(0, 1)[prompt_from[media]]
    tokens[media_at] = 0  # some models look for placeholders in the ids that they are given
    source, target = _integers(tree.pairs, device, 2).unbind(1)
    scored = source, target, cell, _integers(tree.which, device)
    return PackedRow(tokens[None], positions[:, None], media_at, embeds, *scored, layout)


def embed_packed(table: Callable[[Tensor], Tensor], row: PackedRow) -> Callable[[Tensor], Tensor]:
    """The embedding lookup of a packed row, its media positions taken from the row."""

    def forward(ids: Tensor) -> Tensor:
        looked_up = table(ids)
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
        spread = torch.zeros_like(logprob)
        if entropy:
            every = logits.detach().log_softmax(-1)
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
        out = out.index_copy(0, row.cell, scored[0].float()[row.which])
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
