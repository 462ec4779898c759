"""Exercise 5.1, Shapley values of three modalities."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import Exercise, Mistake

Floats = NDArray[np.float64]
Game = dict[frozenset[str], float]
PLAYERS = ("audio", "video", "text")


def _shapley(value: Game) -> dict[str, float]:
    from emolab.attribution.shapley import exact

    def game(present: NDArray[np.bool_]) -> Floats:
        return np.array([value[frozenset(p for p, here in zip(PLAYERS, row, strict=True) if here)] for row in present])

    return dict(zip(PLAYERS, exact(game, len(PLAYERS)).values.tolist(), strict=True))


def _subsets(players: Sequence[str]) -> list[frozenset[str]]:
    return [frozenset(chosen) for size in range(len(players) + 1) for chosen in combinations(players, size)]


def _game_inputs(rng: np.random.Generator) -> Iterator[tuple[Game]]:
    yield ({s: float("audio" in s) for s in _subsets(PLAYERS)},)
    yield ({s: float({"audio", "video"} <= s) for s in _subsets(PLAYERS)},)
    for _ in range(8):
        yield ({s: round(float(v), 2) for s, v in zip(_subsets(PLAYERS), rng.normal(-2, 1, 8), strict=True)},)


def _alone(value: Game) -> dict[str, float]:
    return {p: value[frozenset({p})] - value[frozenset()] for p in PLAYERS}


def _left_out(value: Game) -> dict[str, float]:
    everyone = frozenset(PLAYERS)
    return {p: value[everyone] - value[everyone - {p}] for p in PLAYERS}


def _equal_weights(value: Game) -> dict[str, float]:
    gains = {p: [value[s | {p}] - value[s] for s in _subsets(PLAYERS) if p not in s] for p in PLAYERS}
    return {p: math.fsum(g) / len(g) for p, g in gains.items()}


SHAPLEY_VALUES = Exercise(
    "5.1",
    _shapley,
    _game_inputs,
    {
        "alone": Mistake(
            _alone, "you give each player only what it brings alone; average over every coalition it can join"
        ),
        "left out": Mistake(
            _left_out, "you measure only what is lost without the player; average over every coalition"
        ),
        "equal weights": Mistake(
            _equal_weights,
            "coalitions weigh differently: with 3 players, sizes 0, 1, 2 weigh 1/3, 1/6, 1/3 (yours is Banzhaf's)",
        ),
    },
)
