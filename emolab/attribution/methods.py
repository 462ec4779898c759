"""Every method by one name and one call: what each player of a game gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emolab.attribution.ablation import banzhaf, leave_one_out, only_one_in
from emolab.attribution.gradients import attention_rollout, integrated_gradients
from emolab.attribution.shapley import Attribution, Game, coalitions, exact_from_table, sampled
from emolab.attribution.shares import shares
from emolab.errors import AttributionError

if TYPE_CHECKING:
    from emolab.attribution.values import EmbeddingGame

Floats = NDArray[np.float64]
METHODS = ("Shapley", "leave one out", "only one in", "Banzhaf", "integrated gradients", "attention rollout")
UNITLESS = ("MM-SHAP share", "attention rollout", "chance")
"""Methods whose values are no log-probabilities, so that they cannot sum to what there is to share out."""


def from_table(table: Floats) -> dict[str, Floats]:
    """The methods that need coalition values only, (…, n) each, from tables of all of them (…, 2ⁿ)."""
    phi = exact_from_table(table)
    return {
        "Shapley": phi,
        "leave one out": leave_one_out(table),
        "only one in": only_one_in(table),
        "Banzhaf": banzhaf(table),
        "MM-SHAP share": shares(phi),
    }


def attribute(
    game: EmbeddingGame,
    method: str = "Shapley",
    seed: int = 0,
    max_pairs: int = 16,
    target_error: float = 0.0,
    steps: int = 4,
    exact_up_to: int = 4,
) -> Attribution:
    """What each player of `game` gets by one of METHODS.

    Shapley and Banzhaf are exact for at most `exact_up_to` players and sampled beyond, with a standard error, until
    that is `target_error` or `max_pairs` pairs are drawn. Raises AttributionError for an unknown method.
    """
    n = len(game.players)
    if method not in METHODS:
        raise AttributionError(f"unknown method {method!r}; choose from {', '.join(METHODS)}")
    if method == "Shapley" and n > exact_up_to:
        return sampled(game, n, np.random.default_rng(seed), target_error, max_pairs, min_pairs=min(4, max_pairs))
    if method == "Banzhaf" and n > exact_up_to:
        return sampled_banzhaf(game, n, np.random.default_rng(seed), max_pairs * n)
    if method in ("Shapley", "Banzhaf"):
        table = game(coalitions(n))
        return Attribution(from_table(table)[method], np.zeros(n), float(table[0]), float(table[-1]), len(table))
    if method == "integrated gradients":
        return _with_ends(game, integrated_gradients(game, steps), steps * len(game.absent))
    if method == "attention rollout":
        return _with_ends(game, attention_rollout(game.lalm, game.batch, game.players, template=game.template), 1)
    return _ablated(game, n, method)


def _with_ends(game: Game, values: Floats, evaluations: int) -> Attribution:
    n = len(values)
    empty, full = game(np.array([[False] * n, [True] * n]))
    return Attribution(values, np.zeros(n), float(empty), float(full), evaluations)


def _ablated(game: Game, n: int, method: str) -> Attribution:
    without = method == "leave one out"
    one = ~np.eye(n, dtype=bool) if without else np.eye(n, dtype=bool)
    table = game(np.concatenate([np.zeros((1, n), bool), np.ones((1, n), bool), one]))
    values = table[1] - table[2:] if without else table[2:] - table[0]
    return Attribution(values, np.zeros(n), float(table[0]), float(table[1]), n + 2)


def sampled_banzhaf(game: Game, n: int, rng: np.random.Generator, pairs: int) -> Attribution:
    """Banzhaf values from random coalitions and their complements, each telling about every player (maximum sample
    reuse, Wang & Jia 2023, in antithetic pairs), with a standard error over pairs.

    φᵢ is the mean over pairs of ±(v(S) − v(Sᶜ)), plus where i is in S. Raises AttributionError for fewer than two
    pairs.
    """
    if pairs < 2:
        raise AttributionError("a standard error needs at least two pairs of coalitions")
    drawn = rng.random((pairs, n)) < 0.5
    ends = np.array([[False] * n, [True] * n])
    values = np.asarray(game(np.concatenate([ends, drawn, ~drawn])), float)
    gains = np.where(drawn, 1.0, -1.0) * (values[2 : 2 + pairs] - values[2 + pairs :])[:, None]
    error = gains.std(0, ddof=1) / np.sqrt(pairs)
    return Attribution(gains.mean(0), error, float(values[0]), float(values[1]), 2 + 2 * pairs)
