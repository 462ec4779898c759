"""Attributions from inside the model: integrated gradients on the prompt's embeddings, and attention rollout as a
caution.

Rollout says where attention flowed, not what changed the answer; the truth suite shows what that is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolab.attribution.players import Player
from emolab.attribution.values import TEMPLATE, EmbeddingGame
from emolab.errors import AttributionError

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.lalm.batch import PromptBatch

Floats = NDArray[np.float64]


def over_players(positions: Floats, players: Sequence[Player]) -> Floats:
    """Sum an attribution over positions (P,) into players (n,)."""
    return np.array([positions[list(p.positions)].sum() for p in players])


def integrated_gradients(game: EmbeddingGame, steps: int = 16) -> Floats:
    """Integrated gradients (Sundararajan et al. 2017, eq. 1) of the game's value on the embeddings, summed over
    players: (n,).

    The path runs from each way of being absent to the prompt, with `steps` points of Gauss–Legendre quadrature; the
    result is the mean over the ways. Sums to v(all) − v(none of the spans) up to the error of the integral. Raises
    AttributionError for fewer than one step.
    """
    if steps < 1:
        raise AttributionError(f"an integral needs at least one step, got {steps}")
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    alphas, shares = torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)
    per_position = torch.zeros(game.batch.embeds.shape[1], dtype=torch.float64)
    present = game.batch.embeds.detach()
    for start in game.absent:
        gap = (present[0] - start).to(present)
        gradient = torch.zeros_like(gap)
        for part, share in zip(alphas.split(game.rows_per_call), shares.split(game.rows_per_call), strict=True):
            path = start + part.to(gap)[:, None, None] * gap
            gradient += torch.einsum("k,kpd->pd", share.to(gap), _gradients(game, path))
        per_position += (gap * gradient).sum(-1).double().cpu() / len(game.absent)
    return over_players(per_position.numpy(), game.players)


def _gradients(game: EmbeddingGame, path: Tensor) -> Tensor:
    """∂ v(path_k) / ∂ path_k of every point: (K, P, D)."""
    path = path.detach().requires_grad_(True)
    with torch.enable_grad():
        value = game.differentiable(game.batch.repeat(len(path)).with_embeds(path)).sum()
    (gradient,) = torch.autograd.grad(value, path)
    return gradient


@torch.no_grad()
def attention_rollout(
    lalm: LALM, batch: PromptBatch, players: Sequence[Player], row: int = 0, template: str = TEMPLATE
) -> Floats:
    """Attention rollout (Abnar & Zuidema 2020, eq. 1) from where the label is answered to the players: (n,), all ≥ 0.

    Each layer mixes half identity with the mean over heads; the position read is the one that predicts the label,
    after the opening tag. Raises AttributionError if the decoder returns no attention weights.
    """
    weights = _attentions(lalm, batch.select([row]), template.split("{")[0])
    rollout = torch.eye(weights[0].shape[-1], dtype=torch.float64)
    for layer in weights:
        mixed = 0.5 * layer[0].double().mean(0).cpu() + 0.5 * torch.eye(layer.shape[-1], dtype=torch.float64)
        rollout = (mixed / mixed.sum(-1, keepdim=True).clamp_min(1e-12)) @ rollout
    return over_players(rollout[-1, : batch.embeds.shape[1]].numpy(), players)


def _attentions(lalm: LALM, batch: PromptBatch, opening: str) -> tuple[Tensor, ...]:
    tokens = torch.tensor([lalm.tokenizer(opening, add_special_tokens=False)["input_ids"]], device=batch.embeds.device)
    extra = lalm.table(tokens).to(batch.embeds)
    steps = torch.arange(1, tokens.shape[1] + 1, device=batch.positions.device)
    positions = torch.cat([batch.positions, batch.positions[..., -1:] + steps], -1)
    mask = torch.cat([batch.mask, batch.mask.new_ones(1, tokens.shape[1])], 1)
    config = lalm.decoder.config
    before = config._attn_implementation
    lalm.decoder.set_attn_implementation("eager")
    try:
        out = lalm.decoder(
            inputs_embeds=torch.cat([batch.embeds, extra], 1),
            attention_mask=mask,
            use_cache=False,
            position_ids=positions if len(positions) > 1 else positions[0],
            output_attentions=True,
        )
    finally:
        lalm.decoder.set_attn_implementation(before)
    if not out.attentions or out.attentions[0] is None:
        raise AttributionError(
            f"{lalm.name}: its decoder returns no attention weights, so attention rollout cannot be computed"
        )
    return out.attentions
