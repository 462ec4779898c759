"""Attribution methods to compare with Shapley values. They are registered with `emolab` (`emolab attribute --method`).

Banzhaf values weigh all coalitions alike. Integrated gradients and attention rollout look inside the model:
rollout says where attention went, not what changed the answer, and stands here as a caution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolab.attribution.game import Game, answers
from emolab.attribution.methods import shares
from emolab.attribution.players import Player
from emolab.attribution.shapley import (
    Attribution,
    GameFunction,
    coalitions,
    exact_from_table,
    from_versions,
    tables_of,
)
from emolab.errors import AttributionError
from emolab.training.planner import rows_within, size_of_model

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.lalm.batch import PromptBatch

Floats = NDArray[np.float64]
UNITLESS = ("MM-SHAP share", "attention rollout", "chance")
"""Methods whose values are no log-probabilities, so that they cannot sum to the answer's value."""


# As `emolab` calls them ----------------------------------------------------------------------------------------------


def banzhaf_values(game: Game, seed: int = 0, max_pairs: int = 16, exact_up_to: int = 4, **options: Any) -> Attribution:
    """Banzhaf values, exact for at most `exact_up_to` players, else sampled."""
    n = len(game.players)
    if n <= exact_up_to:
        return from_versions(banzhaf, tables_of(game, coalitions(n)), (0, -1))
    return sampled_banzhaf(game, n, np.random.default_rng(seed), max_pairs * n)


def gradient_values(game: Game, steps: int = 4, **options: Any) -> Attribution:
    """Integrated gradients as an attribution."""
    return _with_ends(game, integrated_gradients(game, steps), steps * len(game.masked))


def rollout_values(game: Game, **options: Any) -> Attribution:
    """Attention rollout as an attribution, in shares of attention."""
    values = attention_rollout(game.model, game.batch, game.players, template=game.template, labels=game.labels)
    return replace(_with_ends(game, values, 1), unit="share of attention")


def _with_ends(game: GameFunction, values: Floats, evaluations: int) -> Attribution:
    n = len(values)
    empty, full = game(np.array([[False] * n, [True] * n]))
    return Attribution(values, np.zeros(n), float(empty), float(full), evaluations)


# From tables of all coalition values ----------------------------------------------------------------------------------


def from_table(table: Floats) -> dict[str, Floats]:
    """The methods that need nothing but coalition values: (…, n) each, from tables (…, 2ⁿ) of all of them."""
    phi = exact_from_table(table)
    return {
        "Shapley": phi,
        "leave one out": leave_one_out(table),
        "only one in": only_one_in(table),
        "Banzhaf": banzhaf(table),
        "MM-SHAP share": shares(phi),
    }


def leave_one_out(table: Floats) -> Floats:
    """v(N) − v(N \\ i): (…, n) from tables (…, 2ⁿ). It misses what another player says as well."""
    n, last = _sizes(table)
    return table[..., -1:] - table[..., last - (1 << np.arange(n))]


def only_one_in(table: Floats) -> Floats:
    """v({i}) − v(∅): (…, n) from tables (…, 2ⁿ). It misses what players only say together."""
    n, _ = _sizes(table)
    return table[..., 1 << np.arange(n)] - table[..., :1]


def banzhaf(table: Floats) -> Floats:
    """Mean gain over all coalitions of the others, each counted once (Banzhaf 1965): (…, n) from tables (…, 2ⁿ)."""
    n, _ = _sizes(table)
    signs = np.where(coalitions(n), 1.0, -1.0) / 2 ** (n - 1)
    return table @ signs


def _sizes(table: Floats) -> tuple[int, int]:
    n = int(table.shape[-1]).bit_length() - 1
    return n, 2**n - 1


def sampled_banzhaf(game: GameFunction, n: int, rng: np.random.Generator, pairs: int) -> Attribution:
    """Banzhaf values from random coalitions and their complements. Each tells about every player (maximum sample
    reuse, Wang & Jia 2023, in antithetic pairs), and the standard error is over pairs.

    φᵢ is the mean over pairs of ±(v(S) − v(Sᶜ)), with a plus where i is in S. Raises AttributionError for fewer than
    two pairs.
    """
    if pairs < 2:
        raise AttributionError("a standard error needs at least two pairs of coalitions")
    drawn = rng.random((pairs, n)) < 0.5
    ends = np.array([[False] * n, [True] * n])
    values = np.asarray(game(np.concatenate([ends, drawn, ~drawn])), float)
    gains = np.where(drawn, 1.0, -1.0) * (values[2 : 2 + pairs] - values[2 + pairs :])[:, None]
    error = gains.std(0, ddof=1) / np.sqrt(pairs)
    return Attribution(
        gains.mean(0), error, float(values[0]), float(values[1]), 2 + 2 * pairs, errors_over="random coalitions"
    )


def null_band(null_values: Floats, quantile: float = 0.95) -> dict[str, Floats]:
    """What a modality gets that knows nothing: mean (n,) and upper `quantile` (n,) of its share and of its signed φ.

    `null_values` (N, n, n): entry [i, m] holds the φ of sample i with modality m taken from another sample, so that m
    cannot know the answer (see `emolab_course.measure.null_values`).
    """
    m = np.arange(null_values.shape[1])
    share, signed = shares(null_values)[:, m, m], null_values[:, m, m]
    return {
        "share_mean": share.mean(0),
        "share_upper": np.quantile(share, quantile, axis=0),
        "phi_mean": signed.mean(0),
        "phi_upper": np.quantile(signed, quantile, axis=0),
    }


# From inside the model ------------------------------------------------------------------------------------------------


def over_players(positions: Floats, players: Sequence[Player]) -> Floats:
    """Sum an attribution over positions (P,) into players (n,)."""
    return np.array([positions[list(p.positions)].sum() for p in players])


def integrated_gradients(game: Game, steps: int = 16) -> Floats:
    """Integrated gradients (Sundararajan et al. 2017, eq. 1) of the game's value on the embeddings, summed over
    players: (n,).

    The path runs from each version of the masker to the prompt, with `steps` points of Gauss–Legendre quadrature. The
    result is the mean over the versions. It sums to v(all) − v(none) up to the error of the integral. Raises
    AttributionError for fewer than one step.
    """
    if steps < 1:
        raise AttributionError(f"an integral needs at least one step, got {steps}")
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    alphas, parts = torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)
    per_position = torch.zeros(game.batch.embeds.shape[1], dtype=torch.float64)
    present = game.batch.embeds.detach()
    size, width = size_of_model(game.model), game.model.dtype.itemsize
    rows = min(game.rows_per_call, rows_within(size, len(per_position), width, gradient=True))
    for start in game.masked:
        gap = (present[0] - start).to(present)
        gradient = torch.zeros_like(gap)
        for alpha, part in zip(alphas.split(rows), parts.split(rows), strict=True):
            path = start + alpha.to(gap)[:, None, None] * gap
            gradient += torch.einsum("k,kpd->pd", part.to(gap), _gradients(game, path))
        per_position += (gap * gradient).sum(-1).double().cpu() / len(game.masked)
    return over_players(per_position.numpy(), game.players)


def _gradients(game: Game, path: Tensor) -> Tensor:
    """∂ v(path_k) / ∂ path_k of every point: (K, P, D)."""
    path = path.detach().requires_grad_(True)
    with torch.enable_grad():
        value = game.differentiable(game.batch.repeat(len(path)).with_embeds(path)).sum()
    (gradient,) = torch.autograd.grad(value, path)
    return gradient


@torch.no_grad()
def attention_rollout(
    model: LALM,
    batch: PromptBatch,
    players: Sequence[Player],
    row: int = 0,
    template: str = "<answer>{label}</answer>",
    labels: Sequence[str] = (),
) -> Floats:
    """Attention rollout (Abnar & Zuidema 2020, eq. 1) from where the label is answered to the players: (n,), all ≥ 0.

    Each layer mixes half identity with the mean over heads. The position that is read predicts the first token in
    which the answers of the `labels` differ. Raises AttributionError if the decoder returns no attention weights.
    """
    weights = _attentions(model, batch.select([row]), _opening(model, template, labels))
    rollout = torch.eye(weights[0].shape[-1], dtype=torch.float64)
    for layer in weights:
        mixed = 0.5 * layer[0].double().mean(0).cpu() + 0.5 * torch.eye(layer.shape[-1], dtype=torch.float64)
        rollout = (mixed / mixed.sum(-1, keepdim=True).clamp_min(1e-12)) @ rollout
    return over_players(rollout[-1, : batch.embeds.shape[1]].numpy(), players)


def _opening(model: LALM, template: str, labels: Sequence[str]) -> list[int]:
    """The tokens that the answers of all labels begin with. A tokenizer may merge a tag with the label behind it, so
    whole answers are compared."""
    texts = answers(labels, template) if len(labels) > 1 else [template.split("{")[0]]
    ids = [model.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    same = 0
    while all(len(row) > same and row[same] == ids[0][same] for row in ids):
        same += 1
    return list(ids[0][:same])


def _attentions(model: LALM, batch: PromptBatch, opening: list[int]) -> tuple[Any, ...]:
    tokens = torch.tensor([opening], dtype=torch.long, device=batch.embeds.device)
    extra = model.table(tokens).to(batch.embeds)
    steps = torch.arange(1, tokens.shape[1] + 1, device=batch.positions.device)
    positions = torch.cat([batch.positions, batch.positions[..., -1:] + steps], -1)
    mask = torch.cat([batch.mask, batch.mask.new_ones(1, tokens.shape[1])], 1)
    config = model.decoder.config
    before = config._attn_implementation
    model.decoder.set_attn_implementation("eager")
    try:
        out = model.decoder(
            inputs_embeds=torch.cat([batch.embeds, extra], 1),
            attention_mask=mask,
            use_cache=False,
            position_ids=positions if len(positions) > 1 else positions[0],
            output_attentions=True,
        )
    finally:
        model.decoder.set_attn_implementation(before)
    if not out.attentions or out.attentions[0] is None:
        raise AttributionError(
            f"{model.name}: its decoder returns no attention weights, so attention rollout cannot be computed"
        )
    return tuple(out.attentions)
