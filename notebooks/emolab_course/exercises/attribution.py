"""The exercises of notebook 05: attribution."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, Mistake

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


def _both_ends(value: Game) -> dict[str, float]:
    alone, left = _alone(value), _left_out(value)
    return {p: (alone[p] + left[p]) / 2 for p in PLAYERS}


def _absolute(value: Game) -> dict[str, float]:
    return {p: abs(phi) for p, phi in _shapley(value).items()}


def _shares(value: Game) -> dict[str, float]:
    phi = _absolute(value)
    total = math.fsum(phi.values()) or 1.0
    return {p: amount / total for p, amount in phi.items()}


SHAPLEY_VALUES = FunctionExercise(
    number="5.1",
    title="Exact Shapley values",
    kind="implement",
    stars=2,
    minutes=20,
    why=(
        "with three modalities there are eight coalitions, so the value can be exact and nobody has to trust a sampler."
    ),
    hints=(
        (
            "A player's worth depends on who is there already. List, for one player, the four coalitions that "
            "it can join."
        ),
        (
            "For each coalition S without the player: the gain value[S | {player}] - value[S]. The four gains "
            "are weighted 1/3, 1/6, 1/6, 1/3."
        ),
        (
            "The weight is |S|! (n - |S| - 1)! / n!: the share of the orders in which exactly S came in "
            "before the player."
        ),
    ),
    reasoning=(
        "Of the six orders in which three players can come in, a player is first in two, second in two "
        "(once after each of the others) and last in two. So the empty and the full coalition weigh 1/3 "
        "each, and each coalition of one weighs 1/6. Summed over players, every intermediate value "
        "cancels, and what is left is *everything* minus *nothing*. Equal weights of 1/4 (Banzhaf) break "
        "that sum."
    ),
    reference=_shapley,
    inputs=_game_inputs,
    mistakes={
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
        "both ends": Mistake(
            _both_ends, "you average the first and the last place only; a player can come in second as well (1/6 each)"
        ),
        "absolute": Mistake(_absolute, "keep the sign: a modality can argue against the answer"),
        "shares": Mistake(_shares, "do not divide by the total: the values themselves sum to everything minus nothing"),
    },
)

EXERCISES = (SHAPLEY_VALUES,)
