"""Prompts as embeddings, completions as tokens: what a language model's room hands to every other room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from emolab.errors import ModelError


def finite(scores: Tensor, name: str) -> Tensor:
    """The scores themselves, as they leave the model called `name`.

    Raises ModelError where one is NaN or infinite: a ranking of such scores would look like an answer.
    """
    if not bool(torch.isfinite(scores).all()):
        raise ModelError(
            f"{name}: it scores its answers with NaN or infinity, so its weights are damaged; load another checkpoint, "
            "or train again with a smaller learning rate"
        )
    return scores


@dataclass(frozen=True)
class Span:
    """One atom of a prompt's evidence: positions `start:end` of its row, counted after padding.

    There is one span for each audio embedding (`t0`, `t1` in seconds), for each video embedding (`frame`, the first
    frame it covers, `region`, its (row, column) in the merged grid, `t0`, `t1`), and for each word of the transcript
    (`word`). Instructions and special tokens have none.
    """

    modality: str
    start: int
    end: int
    t0: float | None = None
    t1: float | None = None
    frame: int | None = None
    region: tuple[int, int] | None = None
    word: str | None = None

    def moved(self, by: int) -> Span:
        """The same span `by` positions further right."""
        return replace(self, start=self.start + by, end=self.end + by)


@dataclass
class PromptBatch:
    """B prompts, left-padded to P positions.

    `embeds` (B, P, D); `mask` (B, P) long, 1 where a position is real; `positions` (R, B, P), R = 1 or 3 (M-RoPE);
    `input_ids` (B, P); `media` (B, P) bool: where `embeds` is used as it is. Elsewhere the model looks its live
    embedding table up, so that training the table (or a tied head) is exact; `with_embeds` makes every position use
    `embeds`. `ids` names the samples.
    """

    embeds: Tensor
    mask: Tensor
    positions: Tensor
    input_ids: Tensor
    media: Tensor
    spans: list[list[Span]]
    ids: list[str]

    def __len__(self) -> int:
        return self.embeds.shape[0]

    @property
    def lengths(self) -> Tensor:
        """Real positions of each row, (B,)."""
        return self.mask.sum(-1)

    def select(self, indices: Sequence[int] | Tensor) -> PromptBatch:
        """The given rows, in the given order; padding stays as it is."""
        index = torch.as_tensor(indices, dtype=torch.long, device=self.embeds.device)
        rows = indices.tolist() if isinstance(indices, Tensor) else list(indices)
        embeds, mask, ids, media = (x[index] for x in (self.embeds, self.mask, self.input_ids, self.media))
        spans, names = [self.spans[i] for i in rows], [self.ids[i] for i in rows]
        return PromptBatch(embeds, mask, self.positions[:, index], ids, media, spans, names)

    def repeat(self, n: int) -> PromptBatch:
        """Each row `n` times in a row: a, a, b, b."""
        return self.select(torch.arange(len(self), device=self.embeds.device).repeat_interleave(n))

    def with_embeds(self, embeds: Tensor) -> PromptBatch:
        """The same prompts read from `embeds` (B, P, D) at every real position: for perturbations and gradients."""
        return replace(self, embeds=embeds, media=self.mask.bool())

    def positions_of(self, row: int, modality: str) -> Tensor:
        """Positions of a modality's spans in a row, (n,) long."""
        found = [i for span in self.spans[row] if span.modality == modality for i in range(span.start, span.end)]
        return torch.tensor(found, dtype=torch.long, device=self.embeds.device)


@dataclass(frozen=True)
class FlatCompletions:
    """N completions in any order, any number for each prompt: `ids`, `mask` (N, C), right-padded, and `owner` (N,), the
    row of a `PromptBatch` that each belongs to. Raises ModelError if the shapes do not fit."""

    ids: Tensor
    mask: Tensor
    owner: Tensor

    def __post_init__(self) -> None:
        if self.ids.shape != self.mask.shape or self.owner.shape != self.ids.shape[:1]:
            raise ModelError(
                f"completions {tuple(self.ids.shape)}, mask {tuple(self.mask.shape)} and owner "
                f"{tuple(self.owner.shape)} do not fit; expected (N, C), (N, C) and (N,)"
            )


@dataclass
class Completions:
    """G completions of each of B prompts, right-padded to C tokens.

    `ids` (B, G, C); `mask` (B, G, C) long, which includes the end-of-turn token; `texts` without special tokens;
    `logprobs` (B, G, C) of the sampled tokens under softmax(logits / temperature), before any truncation, or None.
    """

    ids: Tensor
    mask: Tensor
    texts: list[list[str]]
    logprobs: Tensor | None = None

    def flat(self) -> FlatCompletions:
        """The same completions one below the other, (B·G, C), each with its prompt's row."""
        count, size, width = self.ids.shape
        owner = torch.arange(count, device=self.ids.device).repeat_interleave(size)
        return FlatCompletions(self.ids.reshape(-1, width), self.mask.reshape(-1, width), owner)

    @classmethod
    def from_texts(
        cls,
        tokenizer: Any,
        texts: Sequence[Sequence[str]],
        eos_id: int | None = None,
        device: torch.device | str = "cpu",
    ) -> Completions:
        """Tokenise given answers, the same number for each prompt; `eos_id` is appended to each when given."""
        end = [] if eos_id is None else [eos_id]
        rows = [[tokenizer(text, add_special_tokens=False)["input_ids"] + end for text in row] for row in texts]
        width = max(1, max(len(ids) for row in rows for ids in row))
        ids = torch.full((len(rows), len(rows[0]), width), tokenizer.pad_token_id or 0, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for b, row in enumerate(rows):
            for g, tokens in enumerate(row):
                ids[b, g, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
                mask[b, g, : len(tokens)] = 1
        return cls(ids.to(device), mask.to(device), [list(row) for row in texts])
