"""Shapley values of a game: exact for a few players, and by sampled permutations with a standard error for more.

A game is a function from coalitions to values (K,). Coalitions are a boolean array (K, n) whose row k says which
players are present. They come in batches, because one batch of K prompts costs a language model far less than K calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emolab.errors import AttributionError

if TYPE_CHECKING:
    from emolab.attribution.players import Player

Floats = NDArray[np.float64]
GameFunction = Callable[[NDArray[np.bool_]], Floats]
MAX_EXACT = 16
UNITS = {"posterior": "log-probability of the label", "logprob": "log-probability of a token"}
"""What φ is measured in (natural logarithms), by the measure of the game."""
EXACT_PLAYERS = 4
"""`shapley` enumerates all coalitions of so many players, and draws permutations of more."""


@dataclass(frozen=True)
class Attribution:
    """What each player of a game gets: signed `values` (n,) that say what it adds to the answer's value.

    `errors` (n,) are standard errors: of sampled permutations, or of an exact value over the versions of the masker
    (`errors_over` says which); zero where neither is known. `empty` and `full` are v(∅) and v(N). `evaluations` counts
    the coalitions that were evaluated. `players`, `target` and `unit` come from the game, where it has them.
    """

    values: Floats
    errors: Floats
    empty: float
    full: float
    evaluations: int
    players: tuple[Player, ...] = ()
    target: str = ""
    method: str = "Shapley"
    unit: str = "log-probability"
    errors_over: str = ""

    @property
    def names(self) -> list[str]:
        """The players' names, or their numbers where the game has none."""
        return [p.name for p in self.players] or [str(i) for i in range(len(self.values))]

    def rows(self) -> list[dict[str, Any]]:
        """One row a player: name, modality, t0, t1, frame, region, word, phi and error."""
        fields = ("name", "modality", "t0", "t1", "frame", "region", "word")
        return [
            {key: getattr(player, key) for key in fields} | {"phi": float(value), "error": float(error)}
            for player, value, error in zip(self.players, self.values, self.errors, strict=True)
        ]

    def of(self, game: Any) -> Attribution:
        """The same, with the players, the target and the unit of its game."""
        unit = UNITS.get(getattr(game, "measure", ""), self.unit)
        return replace(self, players=tuple(getattr(game, "players", ())), target=getattr(game, "target", ""), unit=unit)


def coalitions(n: int) -> NDArray[np.bool_]:
    """All 2ⁿ coalitions of n players, (2ⁿ, n); row k holds the bits of k, player 0 the lowest.

    Raises AttributionError above MAX_EXACT players: sample permutations instead.
    """
    if not 0 <= n <= MAX_EXACT:
        raise AttributionError(f"{n} players mean 2^{n} coalitions; use sampled permutations above {MAX_EXACT} players")
    return (np.arange(2**n)[:, None] >> np.arange(n)[None, :] & 1).astype(bool)


@lru_cache(maxsize=MAX_EXACT)
def shapley_matrix(n: int) -> Floats:
    """(n, 2ⁿ) matrix W with φ = W v for v in the order of `coalitions`.

    φᵢ = Σ_{S∌i} |S|!(n−|S|−1)!/n! · [v(S∪i) − v(S)] (Shapley 1953).
    """
    present = coalitions(n)
    size = present.sum(1)
    weight = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)])
    with_player = weight[np.maximum(size - 1, 0)][:, None] * present
    without_player = weight[np.minimum(size, n - 1)][:, None] * ~present
    return (with_player - without_player).T


@lru_cache(maxsize=MAX_EXACT)
def interaction_tensor(n: int) -> Floats:
    """(n, n, 2ⁿ) tensor T with Iᵢⱼ = T[i, j] v: the pairwise Shapley interaction index (Grabisch & Roubens 1999); Iᵢᵢ
    = 0.

    Iᵢⱼ = Σ_{S∌i,j} |S|!(n−|S|−2)!/(n−1)! · [v(S∪ij) − v(S∪i) − v(S∪j) + v(S)]. Positive: the two say more together
    (synergy); negative: they repeat or contradict each other.
    """
    present = coalitions(n)
    tensor = np.zeros((n, n, 2**n))
    for i in range(n):
        for j in range(n):
            if i == j:
                continue
            rest = present.sum(1) - present[:, i] - present[:, j]
            weight = np.array([factorial(s) * factorial(n - s - 2) / factorial(n - 1) for s in range(n - 1)])
            tensor[i, j] = weight[rest] * np.where(present[:, i] == present[:, j], 1.0, -1.0)
    return tensor


def exact_from_table(table: Floats) -> Floats:
    """φ (…, n) from tables of all coalition values (…, 2ⁿ), in the order of `coalitions`."""
    return table @ shapley_matrix(_players(table)).T


def interactions_from_table(table: Floats) -> Floats:
    """Pairwise interaction indices (…, n, n) from tables of all coalition values (…, 2ⁿ)."""
    return np.einsum("ijk,...k->...ij", interaction_tensor(_players(table)), table)


def _players(table: Floats) -> int:
    n = int(table.shape[-1]).bit_length() - 1
    if table.shape[-1] != 2**n:
        raise AttributionError(f"a table of coalition values has 2^n entries, not {table.shape[-1]}")
    return n


def shapley(
    game: Any,
    n: int | None = None,
    *,
    target_error: float = 0.0,
    max_pairs: int = 16,
    seed: int = 0,
    exact_up_to: int = EXACT_PLAYERS,
) -> Attribution:
    """Shapley values of a `Game`, or of a function of coalitions over `n` players.

    At most `exact_up_to` players get exact values. More are sampled, until the largest standard error is
    `target_error` or `max_pairs` pairs of permutations are drawn.

    >>> shapley(lambda present: present @ np.array([1.0, 2.0]), 2).values.tolist()
    [1.0, 2.0]
    """
    players = len(game.players) if n is None else n
    if players <= exact_up_to:
        return exact(game, players).of(game)
    effort = {"target_error": target_error, "max_pairs": max_pairs, "min_pairs": min(4, max_pairs)}
    return sampled(game, players, np.random.default_rng(seed), **effort).of(game)


def exact(game: GameFunction, n: int) -> Attribution:
    """Exact Shapley values of `n` ≤ MAX_EXACT players from 2ⁿ evaluations in one call.

    Where the masker has several versions, `errors` are the standard errors of φ over them.
    """
    return from_versions(exact_from_table, tables_of(game, coalitions(n)), (0, -1))


def from_versions(score: Callable[[Floats], Floats], tables: Floats, ends: tuple[int, int]) -> Attribution:
    """The attribution that `score` (tables (…, K) -> values (…, n)) gives for the mean of tables (versions, K), with
    the standard errors of the versions' own values; `ends` are the columns of v(∅) and v(N).
    """
    mean, several = tables.mean(0), len(tables) > 1
    values = score(mean)
    errors = score(tables).std(0, ddof=1) / np.sqrt(len(tables)) if several else np.zeros(len(values))
    empty, full = (float(mean[i]) for i in ends)
    over = f"{len(tables)} background clips" if several else ""
    return Attribution(values, errors, empty, full, tables.shape[1], errors_over=over)


def tables_of(game: GameFunction, present: NDArray[np.bool_]) -> Floats:
    """Values (versions, K) of coalitions under each version of the masker; one row for a plain function."""
    versions = getattr(game, "versions", None)
    return np.asarray(game(present), float)[None] if versions is None else np.asarray(versions(present), float)


def sampled(game: GameFunction, n: int, rng: np.random.Generator, **options: Any) -> Attribution:
    """Shapley values of `n` players from antithetic permutations: each is used with its reverse (Mitchell et al. 2022).

    Sampling stops when the largest standard error is at most `target_error`, or after `max_pairs` pairs. The error is
    that of the mean over independent *pairs*, so it accounts for the correlation inside a pair. Σφ equals v(N) − v(∅)
    exactly for any number of pairs. `options` are those of `refined`. Raises AttributionError for fewer than two pairs,
    which give no error.
    """
    if min(options.get("max_pairs", 2), options.get("min_pairs", 2)) < 2:
        raise AttributionError("a standard error needs at least two pairs of permutations")
    *_, last = refined(game, n, rng, **options)
    return last


def refined(
    game: GameFunction,
    n: int,
    rng: np.random.Generator,
    target_error: float = 0.0,
    max_pairs: int = 256,
    min_pairs: int = 8,
    pairs_per_call: int = 8,
) -> Iterator[Attribution]:
    """`sampled` step by step: the estimate after every call of the game, which a widget can draw or stop at. One pair
    is an estimate too, whose error is not known (infinite)."""
    ends = np.asarray(game(np.array([[False] * n, [True] * n])), float)
    pairs: list[Floats] = []
    evaluations = 2
    while len(pairs) < max_pairs:
        count = min(pairs_per_call, max_pairs - len(pairs))
        forward = np.stack([rng.permutation(n) for _ in range(count)])
        gains, used = _marginals(game, np.concatenate([forward, forward[:, ::-1]]), ends)
        pairs.extend((gains[:count] + gains[count:]) / 2)
        evaluations += used
        errors = _standard_error(pairs)
        yield Attribution(
            np.mean(pairs, axis=0), errors, ends[0], ends[1], evaluations, errors_over="orders of the players"
        )
        if len(pairs) >= min_pairs and errors.max(initial=0.0) <= target_error:
            break


def _standard_error(pairs: list[Floats]) -> Floats:
    if len(pairs) < 2:
        return np.full(len(pairs[0]), np.inf)
    return np.std(pairs, axis=0, ddof=1) / np.sqrt(len(pairs))


def _marginals(game: GameFunction, orders: NDArray[np.int_], ends: Floats) -> tuple[Floats, int]:
    """Each player's gain when it joins, (orders, n); the coalitions along each order, without its two ends, go in one
    call.
    """
    count, n = orders.shape
    rank = np.argsort(orders, axis=1)
    inner = (rank[:, None, :] < np.arange(1, n)[None, :, None]).reshape(-1, n)
    values = np.asarray(game(inner), float).reshape(count, n - 1) if n > 1 else np.zeros((count, 0))
    path = np.concatenate([np.full((count, 1), ends[0]), values, np.full((count, 1), ends[1])], axis=1)
    return np.take_along_axis(np.diff(path, axis=1), rank, axis=1), len(inner)
