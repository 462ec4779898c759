"""Attribution methods by name: `attribute(game, "Shapley")`.

Shapley values share out what players do together. The cheaper scores (leave one out, only one in) do not. Other methods
are registered from outside, as the course does with Banzhaf values, integrated gradients and attention rollout, to
compare them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab.attribution.game import Game
from emolab.attribution.players import Player
from emolab.attribution.shapley import EXACT_PLAYERS, Attribution, from_versions, shapley, tables_of
from emolab.errors import AttributionError
from emolab.registry import Registry
from emolab.samples import MODALITIES

Floats = NDArray[np.float64]
Method = Callable[..., Attribution]


def attribute(
    game: Game,
    method: str = "Shapley",
    seed: int = 0,
    max_pairs: int = 16,
    target_error: float = 0.0,
    steps: int = 4,
    exact_up_to: int = EXACT_PLAYERS,
) -> Attribution:
    """What each player of `game` gets by one of METHODS.

    Shapley values are exact for at most `exact_up_to` players. More players are sampled, with a standard error, until
    that is `target_error` or `max_pairs` pairs are drawn. Raises AttributionError for another method.
    """
    options = {"seed": seed, "max_pairs": max_pairs, "target_error": target_error, "exact_up_to": exact_up_to}
    found = METHODS.find(method)(game, steps=steps, **options)
    return replace(found.of(game), method=method)


def _shapley(game: Game, steps: int, **options: Any) -> Attribution:
    return shapley(game, **options)


def _ablated(game: Game, without: bool, **options: Any) -> Attribution:
    """What the value loses without a player alone, or gains by a player alone. Both miss what players do together."""
    n = len(game.players)
    one = ~np.eye(n, dtype=bool) if without else np.eye(n, dtype=bool)
    tables = tables_of(game, np.concatenate([np.zeros((1, n), bool), np.ones((1, n), bool), one]))

    def gains(table: Floats) -> Floats:
        return table[..., 1:2] - table[..., 2:] if without else table[..., 2:] - table[..., :1]

    return from_versions(gains, tables, (0, 1))


METHODS: Registry[Method] = Registry(
    "method",
    {
        "Shapley": _shapley,
        "leave one out": partial(_ablated, without=True),
        "only one in": partial(_ablated, without=False),
    },
    AttributionError,
)
"""A method is a function of a game and of `attribute`'s options. `emolab.register("method", name)` adds one."""


def shares(values: Floats) -> Floats:
    """|φᵢ| / Σ|φ| along the last axis (MM-SHAP, Parcalabescu & Frank 2023, eq. 3 and 4); zeros where every φ is zero.

    A share hides the sign, and noise never cancels in it: a modality that says nothing still gets one. Report shares
    together with φ and with `null_band`.
    """
    size = np.abs(values)
    total = size.sum(-1, keepdims=True)
    return np.divide(size, total, out=np.zeros_like(size), where=total > 0)


def modality_shares(values: Floats, players: Sequence[Player]) -> dict[str, float]:
    """MM-SHAP shares of the modalities from the φ (n,) of fine players: Σ|φ| of a modality's players over all Σ|φ|."""
    found = dict.fromkeys((m for m in MODALITIES if any(p.modality == m for p in players)), 0.0)
    for share, player in zip(shares(values), players, strict=True):
        found[player.modality] += float(share)
    return found
