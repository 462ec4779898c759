"""Coalitions that begin alike are run once: scores of answers over a tree of prompts, stage by stage through the
key-value cache.

Two coalitions that agree on every player up to some position have the same states up to there. The prompt is cut
where players begin; each stage runs only the different continuations, on the cache of their parents; the answers
follow in one packed stage. For three modalities and four donors that is about half of the tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from emolab.errors import AttributionError
from emolab.lalm.batch import Completions

if TYPE_CHECKING:
    from emolab.attribution.values import EmbeddingGame

MAX_CUTS = 4
LOGITS_BUDGET = 1 << 24


@torch.no_grad()
def tree_scores(game: EmbeddingGame, kept: Tensor, ways: Tensor, texts: Sequence[str]) -> Tensor:
    """Summed log-probability (K, G) of each answer after the prompts of `kept` (K, n) bool with the ways (K,) of
    being absent.

    Equals `lalm.text_scores` on `game.embeddings(kept, ways)` up to rounding. Raises AttributionError for a padded
    prompt.
    """
    from transformers import DynamicCache

    lalm, width = game.lalm, game.batch.embeds.shape[1]
    if len(game.batch) != 1 or int(game.batch.lengths[0]) != width:
        raise AttributionError("a game is about one prompt without padding; encode the sample alone")
    states = torch.where(kept, -1, ways[:, None])
    cache, parents = DynamicCache(), torch.zeros(len(states), dtype=torch.long)
    hidden = torch.empty(0)
    for begin, end in pairwise([0, *cuts(game), width]):
        live = [i for i, p in enumerate(game.players) if p.positions and min(p.positions) < end]
        seen = torch.cat([torch.zeros_like(states[:, :1]), states[:, live]], 1)  # unique needs a column
        prefixes, back = seen.unique(dim=0, return_inverse=True)
        chosen = torch.zeros(len(prefixes), dtype=torch.long)
        chosen[back] = torch.arange(len(back))  # any row with that prefix
        cache.batch_select_indices(parents[chosen].to(lalm.device))
        embeds = game.embeddings(kept[chosen], ways[chosen])[:, begin:end]
        mask = torch.ones(end - begin, end, dtype=torch.bool, device=lalm.device).tril(begin)
        hidden = _run(game, embeds, game.batch.positions[:, :, begin:end], mask, cache)[:, -1]
        parents = back
    return _answers(game, texts, hidden, cache)[parents.to(lalm.device)]


def cuts(game: EmbeddingGame) -> list[int]:
    """At most MAX_CUTS positions at which players begin, in order: where the prompt is cut."""
    starts = sorted({min(p.positions) for p in game.players if p.positions} - {0})
    if len(starts) <= MAX_CUTS:
        return starts
    return [starts[len(starts) * i // MAX_CUTS] for i in range(MAX_CUTS)]


def _run(game: EmbeddingGame, embeds: Tensor, positions: Tensor, mask: Tensor, cache: object) -> Tensor:
    """Hidden states of one stage: `embeds` (K, T, D), `positions` (R, 1, T), `mask` (T, all keys) bool."""
    blocked = torch.zeros(mask.shape, dtype=embeds.dtype, device=embeds.device)
    blocked.masked_fill_(~mask, torch.finfo(embeds.dtype).min)
    rows = positions.expand(-1, len(embeds), -1)
    out: Tensor = game.lalm.decoder(
        inputs_embeds=embeds,
        attention_mask=blocked[None, None].expand(len(embeds), 1, -1, -1),
        position_ids=rows if len(rows) > 1 else rows[0],
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    return out


def _answers(game: EmbeddingGame, texts: Sequence[str], last: Tensor, cache: object) -> Tensor:
    """Scores (K, G) of the answers behind K prompts whose last states are `last` (K, D): all answers as one packed
    stage.
    """
    lalm, width = game.lalm, game.batch.embeds.shape[1]
    answers = Completions.from_texts(lalm.tokenizer, [texts], lalm.end_id, lalm.device)
    ids, lengths = answers.ids[0], answers.mask[0].sum(-1)
    owner = torch.arange(len(texts), device=lalm.device).repeat_interleave(lengths - 1)
    step = torch.cat([torch.arange(int(n) - 1, device=lalm.device) for n in lengths])
    own = (owner[:, None] == owner[None, :]) & (step[:, None] >= step[None, :])
    mask = torch.cat([torch.ones(len(owner), width, dtype=torch.bool, device=lalm.device), own], 1)
    embeds = lalm.table(ids[owner, step]).expand(len(last), -1, -1).to(last.dtype)
    positions = game.batch.positions[:, :, -1:] + 1 + step
    states = _run(game, embeds, positions, mask, cache)
    scores = torch.zeros(len(last), len(texts), device=lalm.device)
    first = _logprobs(game, last[:, None])[:, 0]
    for g in range(len(texts)):
        scores[:, g] = first[:, ids[g, 0]]
    chunk = max(1, LOGITS_BUDGET // (len(owner) * lalm.table.weight.shape[0]))
    for begin in range(0, len(last), chunk):
        part = slice(begin, begin + chunk)
        found = _logprobs(game, states[part])
        after = ids[owner, step + 1].expand(len(found), -1)[..., None]
        scores[part].index_add_(1, owner, found.gather(-1, after)[..., 0])
    return scores


def _logprobs(game: EmbeddingGame, states: Tensor) -> Tensor:
    return (game.lalm.head(states).float() / game.lalm.logits_scaling).log_softmax(-1)
