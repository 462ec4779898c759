"""Shapley values of a game over a few players: exact, and by sampled permutations with a standard error.

A game is a function from coalitions, a boolean array (K, n) whose row k says which players are present, to values
(K,). Coalitions always come in batches, because for a language model one batch of K rows costs far less than K calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

from emolab.errors import AttributionError

Floats = NDArray[np.float64]
Game = Callable[[NDArray[np.bool_]], Floats]
MAX_EXACT = 16


@dataclass(frozen=True)
class Attribution:
    """Signed values of the players.

    `values` (n,); `errors` (n,) standard errors, zero where the computation is exact; `empty` and `full` are v(∅) and
    v(N); `evaluations` counts the coalitions that were evaluated.
    """

    values: Floats
    errors: Floats
    empty: float
    full: float
    evaluations: int

    @property
    def efficiency_gap(self) -> float:
        """Σφ − (v(N) − v(∅)): zero for an exact Shapley value."""
        return float(self.values.sum() - (self.full - self.empty))


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


def exact(game: Game, n: int) -> Attribution:
    """Exact Shapley values of `n` ≤ MAX_EXACT players: 2ⁿ evaluations in one call.

    >>> exact(lambda present: present @ np.array([1.0, 2.0]), 2).values.tolist()
    [1.0, 2.0]
    """
    table = np.asarray(game(coalitions(n)), float)
    return Attribution(exact_from_table(table), np.zeros(n), float(table[0]), float(table[-1]), len(table))


def sampled(
    game: Game,
    n: int,
    rng: np.random.Generator,
    target_error: float = 0.0,
    max_pairs: int = 256,
    min_pairs: int = 8,
    pairs_per_call: int = 8,
) -> Attribution:
    """Shapley values by antithetic permutations: each random order is used with its reverse (Mitchell et al. 2022).

    Stops when the largest standard error is at most `target_error`, or after `max_pairs` pairs. The error is that of
    the mean over independent *pairs*, so the correlation inside a pair is accounted for. Σφ equals v(N) − v(∅)
    exactly, for any number of pairs. Raises AttributionError for fewer than two pairs (no error can be estimated).
    """
    if max_pairs < 2 or min_pairs < 2:
        raise AttributionError("a standard error needs at least two pairs of permutations")
    ends = np.asarray(game(np.array([[False] * n, [True] * n])), float)
    pairs: list[Floats] = []
    evaluations = 2
    while len(pairs) < max_pairs:
        count = min(pairs_per_call, max_pairs - len(pairs))
        forward = np.stack([rng.permutation(n) for _ in range(count)])
        gains, used = _marginals(game, np.concatenate([forward, forward[:, ::-1]]), ends)
        pairs.extend((gains[:count] + gains[count:]) / 2)
        evaluations += used
        if len(pairs) >= min_pairs and _standard_error(pairs).max(initial=0.0) <= target_error:
            break
    return Attribution(np.mean(pairs, axis=0), _standard_error(pairs), ends[0], ends[1], evaluations)


def _standard_error(pairs: list[Floats]) -> Floats:
    return np.std(pairs, axis=0, ddof=1) / np.sqrt(len(pairs))


def _marginals(game: Game, orders: NDArray[np.int_], ends: Floats) -> tuple[Floats, int]:
    """Each player's gain when it joins, (orders, n); the coalitions along each order, without its two ends, go in one
    call.
    """
    count, n = orders.shape
    rank = np.argsort(orders, axis=1)
    inner = (rank[:, None, :] < np.arange(1, n)[None, :, None]).reshape(-1, n)
    values = np.asarray(game(inner), float).reshape(count, n - 1) if n > 1 else np.zeros((count, 0))
    path = np.concatenate([np.full((count, 1), ends[0]), values, np.full((count, 1), ends[1])], axis=1)
    return np.take_along_axis(np.diff(path, axis=1), rank, axis=1), len(inner)
