"""The exercises of notebook 05: attribution."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import ChoiceExercise, FunctionExercise, Mistake

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


def _summed_over_orders(value: Game) -> dict[str, float]:
    return {p: 6 * phi for p, phi in _shapley(value).items()}


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
        "summed over orders": Mistake(
            _summed_over_orders, "three players come in six orders: take the mean over them, not the sum"
        ),
        "absolute": Mistake(_absolute, "keep the sign: a modality can argue against the answer"),
        "shares": Mistake(_shares, "do not divide by the total: the values themselves sum to everything minus nothing"),
    },
)


Orders = list[tuple[str, ...]]


def _sampled(value: Game, orders: Orders) -> dict[str, float]:
    """The mean gain of each player over the orders and their reverses."""
    return _over(value, [way for order in orders for way in (order, order[::-1])])


def _over(value: Game, orders: Orders) -> dict[str, float]:
    gains = dict.fromkeys(PLAYERS, 0.0)
    for order in orders:
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            gains[player] += value[before | {player}] - value[before]
    return {player: gain / len(orders) for player, gain in gains.items()}


def _sampled_games(rng: np.random.Generator) -> Iterator[tuple[Game, Orders]]:
    for count in (1, 2, 5, 4, 3, 6):
        game = {s: round(float(v), 2) for s, v in zip(_subsets(PLAYERS), rng.normal(-2, 1, 8), strict=True)}
        yield game, [tuple(rng.permutation(PLAYERS).tolist()) for _ in range(count)]


def _without_reverses(value: Game, orders: Orders) -> dict[str, float]:
    return _over(value, orders)


def _half(value: Game, orders: Orders) -> dict[str, float]:
    return {p: 2 * phi for p, phi in _sampled(value, orders).items()}


def _exact_instead(value: Game, orders: Orders) -> dict[str, float]:
    return _shapley(value)


def _against_nothing(value: Game, orders: Orders) -> dict[str, float]:
    return _alone(value)


def _cumulative(value: Game, orders: Orders) -> dict[str, float]:
    """The value of the coalition that a player completes, without what was there before."""
    found = dict.fromkeys(PLAYERS, 0.0)
    ways = [way for order in orders for way in (order, order[::-1])]
    for way in ways:
        for place, player in enumerate(way):
            found[player] += value[frozenset(way[: place + 1])] / len(ways)
    return found


PERMUTATION_SHAPLEY = FunctionExercise(
    number="5.2",
    title="Shapley values from drawn orders",
    kind="implement",
    stars=2,
    minutes=20,
    why="words and parts of a face are too many for all coalitions; drawn orders are how their bars are made.",
    hints=(
        "Let the players come in one after the other, in the drawn order. What does each add when it comes in?",
        "Walk through an order: the gain of a player is the value with it and all before it, less the value before.",
        "Do the same for the reversed order, sum each player's gains, and divide by twice the number of orders.",
    ),
    reasoning=(
        "The exact value is the mean gain over *all* orders, so the mean over drawn orders estimates it without bias. "
        "In every single order the gains add up to *everything* minus *nothing*, so their means do as well. "
        "The reverse of an order balances it: one who came in early comes in late. Errors of the two partly cancel, "
        "so the same number of calls of the model gives a smaller standard error."
    ),
    reference=_sampled,
    inputs=_sampled_games,
    mistakes={
        "without reverses": Mistake(
            _without_reverses, "go through each order backwards as well, and average over both"
        ),
        "not halved": Mistake(_half, "each order is used twice, so divide by twice the number of orders"),
        "exact": Mistake(_exact_instead, "use the orders that are given; the exact values need all six"),
        "alone": Mistake(
            _against_nothing, "compare with the coalition of those who came in before, not with the empty one"
        ),
        "not a gain": Mistake(_cumulative, "take off the value of the coalition before the player came in"),
    },
)


def _peak_p_value(heat: Floats, random: Floats) -> float:
    return float((1 + (np.abs(random).max(axis=(1, 2)) >= np.abs(heat).max()).sum()) / (1 + len(random)))


def _maps(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    yield np.array([[0.0, -3.0], [1.0, 0.5]]), np.array([[[1.0, 2.0], [0.0, 0.0]], [[0.0, -4.0], [1.0, 1.0]]])
    for count in (4, 9, 19, 6):
        yield rng.normal(0, 1.2, (3, 4)).round(2), rng.normal(0, 1, (count, 3, 4)).round(2)


def _peaks(random: Floats) -> Floats:
    return np.abs(random).max(axis=(1, 2))


def _without_itself(heat: Floats, random: Floats) -> float:
    return float((_peaks(random) >= np.abs(heat).max()).mean())


def _signed_peak(heat: Floats, random: Floats) -> float:
    return float((1 + (random.max(axis=(1, 2)) >= heat.max()).sum()) / (1 + len(random)))


def _smaller(heat: Floats, random: Floats) -> float:
    return float((1 + (_peaks(random) < np.abs(heat).max()).sum()) / (1 + len(random)))


def _every_cell(heat: Floats, random: Floats) -> float:
    return float((1 + (np.abs(random) >= np.abs(heat).max()).sum()) / (1 + random.size))


def _mean_heat(heat: Floats, random: Floats) -> float:
    means = np.abs(random).mean(axis=(1, 2))
    return float((1 + (means >= np.abs(heat).mean()).sum()) / (1 + len(random)))


RANDOM_WEIGHTS = FunctionExercise(
    number="5.3",
    title="Is the face map noise?",
    kind="diagnose",
    stars=2,
    minutes=20,
    why="a heat map always shows something; a model with random weights, which knows nothing, shows something too.",
    hints=(
        "If the map means something, a model that knows nothing should not get such a map. How hot do its maps get?",
        "Compare the largest absolute value of the map with that of each random map.",
        "p = (1 + number of random maps whose peak is at least as large) / (1 + number of random maps).",
    ),
    reasoning=(
        "The peak is what a reader sees, so the peak is tested. Its size counts, not its sign: a cell can argue "
        "against the answer. The observed map belongs to the set of maps that could have come out if the weights "
        "meant nothing, so 1 is added above and below; without it p could be 0, which no finite number of draws can "
        "show. A map with a large p is noise with a colour scale. One with a small p has a peak that needs a reason."
    ),
    reference=_peak_p_value,
    inputs=_maps,
    mistakes={
        "without itself": Mistake(
            _without_itself, "count the map itself as well, above and below: (1 + …) / (1 + n); p is never 0"
        ),
        "signed": Mistake(_signed_peak, "a cell can argue against the answer: take absolute values before the maximum"),
        "smaller": Mistake(_smaller, "you count the random maps with a smaller peak; count those with one as large"),
        "every cell": Mistake(_every_cell, "compare peaks: one number for each map, not all cells"),
        "mean": Mistake(_mean_heat, "compare the largest cell of each map, not its mean"),
    },
)

SHARE_BELOW_NULL = ChoiceExercise(
    number="5.4",
    title="A share below its null",
    kind="read",
    stars=1,
    minutes=5,
    why="shares are printed in papers as if each were a finding; below the null none of them is.",
    hints=(
        "What share does a modality get that comes from another clip, and so can say nothing about this one?",
        "A share is made of absolute values, in which noise does not cancel. Is 0.28 more than noise gets?",
        "If it is not above the null, the measurement cannot tell this modality from one that says nothing.",
    ),
    reasoning=(
        "An uninformative face, taken from somebody else, gets a share of up to 0.34 by accident, because shares are "
        "built from absolute values. The real face gets 0.28, less than that. So nothing was shown about the face. "
        "It was not shown either that the model ignores it: the interval of the signed value may still reach far on "
        "both sides. The way on is more clips, or the signed value with its interval."
    ),
    options={
        "a": "The face contributes 28% of the answer.",
        "b": "The model ignores the face.",
        "c": "The face speaks against the answer.",
        "d": "The measurement cannot tell the face from one that says nothing.",
        "e": "The voice and the words contribute 72% together.",
        "f": "The measurement is wrong, because a share cannot be below its null.",
    },
    right="d",
    mistakes={
        "a": Mistake("a", "A face that says nothing gets up to 34%. So 28% are no contribution."),
        "b": Mistake("b", "Nothing was shown. That is not the same as showing that there is nothing."),
        "c": Mistake("c", "A share has no sign, so it cannot say for or against. Look at the signed value."),
        "e": Mistake("e", "The rest is not shown to be theirs: noise takes part in each of the three."),
        "f": Mistake(
            "f", "It can: the null is what noise reaches at most, and an uninformative face is often below it."
        ),
    },
)

EXERCISES = (SHAPLEY_VALUES, PERMUTATION_SHAPLEY, RANDOM_WEIGHTS, SHARE_BELOW_NULL)
