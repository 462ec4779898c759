"""Intervals and verdicts: hand-worked values, pairing, and how often an interval covers the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.claims.statistics import crossed, over_seeds, summary_of, t_quantile
from benchmarks.claims.verdicts import HOLDS, NOT, UNDECIDED, together, verdict


def plain(sums: np.ndarray) -> np.ndarray:
    return np.asarray(sums[..., 0] / sums[..., 1])


def scores(values: np.ndarray) -> np.ndarray:
    """Parts (S, T, 2) of a mean, ten clips for each seed and talker."""
    return np.stack([10 * values, np.full_like(values, 10)], -1)


def test_over_seeds_is_the_t_interval() -> None:
    from scipy.stats import ttest_rel

    first, second = np.array([0.5, 0.6, 0.4, 0.7, 0.55]), np.array([0.45, 0.5, 0.42, 0.6, 0.5])
    found, known = over_seeds(first, second), ttest_rel(first, second).confidence_interval()
    assert (found.low, found.high) == pytest.approx((known.low, known.high))
    assert found.value == pytest.approx(0.056) and found.by_seed == pytest.approx(tuple(first - second))


def test_one_seed_has_no_interval() -> None:
    assert math.isnan(over_seeds(np.array([0.5])).low) and math.isnan(t_quantile(0))


def test_spread_and_weights() -> None:
    values = np.array([1.0, 2.0, 4.0])
    assert summary_of(values, "spread") == pytest.approx(np.std(values, ddof=1))
    twice = summary_of(values, "spread", np.array([2.0, 1.0, 0.0]))
    assert twice == pytest.approx(np.std([1.0, 1.0, 2.0], ddof=1))


def test_pairing_takes_out_what_arms_share() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 0.2, (5, 1)) + rng.normal(0, 0.2, (1, 16))
    first, second = scores(0.5 + shared + 0.05), scores(0.5 + shared)
    paired = crossed(first, second, plain)
    assert paired.low == pytest.approx(0.05, abs=1e-6) and paired.high == pytest.approx(0.05, abs=1e-6)
    alone = crossed(first, None, plain)
    assert alone.high - alone.low > 0.2
    with pytest.raises(ValueError, match="cannot be paired"):
        crossed(first, second[:4], plain)


def test_a_large_spread_is_told_from_a_small_one() -> None:
    rng = np.random.default_rng(1)
    wide, narrow = 0.5 + rng.normal(0, 0.2, (12, 1)), 0.5 + rng.normal(0, 0.01, (12, 1))
    found = crossed(scores(wide.repeat(8, 1)), scores(narrow.repeat(8, 1)), plain, "spread")
    assert found.low > 0 and found.value == pytest.approx(wide.std(ddof=1) - narrow.std(ddof=1))


@pytest.mark.parametrize(("of_seeds", "of_talkers"), [(3.0, 0.0), (0.0, 2.0), (1.0, 1.0)])
def test_intervals_cover_the_truth(of_seeds: float, of_talkers: float) -> None:
    """The promise of the module: at least 92 of 100 intervals hold the true difference, 0, whatever varies."""
    rng, hits, runs = np.random.default_rng(2), 0, 250
    for i in range(runs):
        difference = (
            of_seeds * rng.standard_normal((5, 1))
            + of_talkers * rng.standard_normal((1, 16))
            + 0.8 * rng.standard_normal((5, 16))
        )
        found = crossed(scores(difference), scores(np.zeros((5, 16))), plain, draws=200, seed=i)
        hits += found.low <= 0 <= found.high
    assert hits / runs >= 0.92


@pytest.mark.parametrize(
    ("low", "high", "sign", "expected"),
    [
        (0.01, 0.05, 1, HOLDS),
        (0.001, 0.01, 1, HOLDS),
        (-0.05, -0.01, 1, NOT),
        (-0.01, 0.01, 1, NOT),
        (-0.05, 0.019, 1, NOT),
        (-0.01, 0.03, 1, UNDECIDED),
        (-0.05, -0.01, -1, HOLDS),
        (0.01, 0.05, -1, NOT),
        (-0.03, 0.01, -1, UNDECIDED),
        (float("nan"), float("nan"), 1, UNDECIDED),
    ],
)
def test_the_rule(low: float, high: float, sign: int, expected: str) -> None:
    assert verdict(low, high, sign, 0.02, 5) == expected
    assert verdict(low, high, sign, 0.02, 4) == UNDECIDED


def test_no_worse_moves_zero_to_the_margin() -> None:
    assert verdict(-0.015, 0.01, 1, 0.02, 5, no_worse=True) == HOLDS
    assert verdict(-0.05, -0.03, 1, 0.02, 5, no_worse=True) == NOT
    assert verdict(-0.03, 0.01, 1, 0.02, 5, no_worse=True) == UNDECIDED


def test_a_claim_of_several_parts() -> None:
    assert together([HOLDS, HOLDS]) == HOLDS
    assert together([HOLDS, UNDECIDED]) == UNDECIDED
    assert together([UNDECIDED, NOT]) == NOT
    assert together([]) == UNDECIDED
