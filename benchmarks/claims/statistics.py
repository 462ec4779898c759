"""Intervals of paired differences over seeds and talkers, both drawn anew.

Every run of an arm (a seed) is measured on the same talkers, so seeds and talkers are crossed. The pigeonhole
bootstrap (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1) draws both with replacement and never
understates the variance for long. Its percentiles are too narrow with five seeds; the interval here is Student's t
with seeds - 1 degrees of freedom times the bootstrap's standard error. On simulated differences of 5 seeds and 16
talkers it covers the truth in 94 to 100% of cases, whichever of the two varies more, where percentiles cover 85 to 99%
and a t interval over seeds alone as little as 52%; `tests/ledger/test_statistics.py` repeats the check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Value = Callable[[Floats], Floats]
DRAWS = 2000


@dataclass(frozen=True)
class Estimate:
    """A number, its 95% interval [low, high] (NaN where it cannot be known) and its value for each seed."""

    value: float
    low: float
    high: float
    by_seed: tuple[float, ...]


def t_quantile(degrees: int, level: float = 0.95) -> float:
    """The two-sided quantile of Student's t; NaN without degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf(0.5 + level / 2, degrees)) if degrees > 0 else float("nan")


def summary_of(values: Floats, of: str = "mean", weights: Floats | None = None) -> Floats:
    """Mean or standard deviation (of a sample) over the last axis (seeds), each seed `weights` times.

    `values` (..., S), `weights` (..., S) summing to S; returns (...).
    """
    weights = np.ones_like(values) if weights is None else weights
    total = weights.sum(-1)
    mean = (weights * values).sum(-1) / total
    if of == "mean":
        return np.asarray(mean)
    spread = (weights * (values - mean[..., None]) ** 2).sum(-1) / np.maximum(total - 1, 1)
    return np.asarray(np.sqrt(spread))


def crossed(
    first: Floats, second: Floats | None, value: Value, of: str = "mean", draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """An arm's summary over seeds, or the paired difference of two arms, with its interval.

    `first` and `second` (S, T, K): additive parts of a metric for each seed and talker; `value` turns sums of them
    (..., K) into the metric (...). The same seeds and talkers are drawn for both arms. Raises ValueError where the
    arms do not have the same seeds and talkers.
    """
    if second is not None and first.shape != second.shape:
        raise ValueError(f"arms of {first.shape[:2]} and {second.shape[:2]} seeds and talkers cannot be paired")
    seeds, talkers = first.shape[:2]
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), draws).astype(float)
    heard = rng.multinomial(talkers, np.full(talkers, 1 / talkers), draws).astype(float)

    def both(arm: Floats) -> tuple[Floats, Floats]:
        return value(arm.sum(1)), summary_of(value(np.tensordot(heard, arm, (1, 1))), of, drawn)

    by_seed, resampled = both(first)
    here = summary_of(by_seed, of)
    if second is not None:
        other, again = both(second)
        here, by_seed, resampled = here - summary_of(other, of), by_seed - other, resampled - again
    return _interval(float(here), float(np.nanstd(resampled)), by_seed)


def over_seeds(first: Floats, second: Floats | None = None, of: str = "mean", draws: int = DRAWS) -> Estimate:
    """As `crossed`, for a metric that has one value a run (S,): the interval knows of seeds alone."""
    by_seed = first if second is None else first - second
    if of == "mean":
        spread = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else float("nan")
        return _interval(float(np.mean(by_seed)), spread / np.sqrt(len(by_seed)), by_seed)
    parts = [arm[:, None, None] for arm in (first, second) if arm is not None]
    return crossed(parts[0], parts[1] if second is not None else None, lambda sums: sums[..., 0], of, draws)


def _interval(value: float, error: float, by_seed: Floats) -> Estimate:
    reach = t_quantile(len(by_seed) - 1) * float(error)
    return Estimate(value, value - reach, value + reach, tuple(float(v) for v in by_seed))
