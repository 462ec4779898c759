"""Percentile bootstrap intervals over samples, or over whole groups such as speakers.

Samples of one speaker are not independent, so an interval over samples is too narrow. `scipy.stats.bootstrap` draws no
groups, takes no single group, and gives NaN where one draw has no value; where it does draw, these functions give the
same intervals (tested).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def interval(
    statistic: Callable[[NDArray[np.int_]], float],
    groups: Sequence[Hashable],
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> list[float]:
    """Interval [low, high] of a `statistic` of sample indices, from `n` draws of whole groups with replacement.

    `groups` has an entry for each sample; a sample whose group is None is a group of its own. Draws on which the
    statistic is NaN are left out. The interval is NaN where no draw gives a number.
    """
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group if group is not None else ("sample", i), []).append(i)
    units = [np.array(m) for m in members.values()]
    rng = np.random.default_rng(seed)
    values = np.array(
        [statistic(np.concatenate([units[u] for u in rng.integers(len(units), size=len(units))])) for _ in range(n)],
        dtype=float,
    )
    values, tail = values[~np.isnan(values)], (1 - level) / 2
    return np.quantile(values, [tail, 1 - tail]).tolist() if len(values) else [float("nan")] * 2


def bootstrap_ci(
    metric: Callable[[list[Any], list[Any]], float],
    gold: Sequence[Any],
    pred: Sequence[Any],
    groups: Sequence[Hashable] | None = None,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Interval (low, high) of `metric(gold, pred)`, drawing samples, or whole `groups` (a speaker for each sample).

    Raises ValueError where lengths differ or there is nothing to resample.

    >>> from emolab.metrics import weighted_accuracy
    >>> bootstrap_ci(weighted_accuracy, ["a"] * 9, ["a"] * 9, n=20)
    (1.0, 1.0)
    """
    if len(gold) != len(pred) or (groups is not None and len(groups) != len(gold)):
        raise ValueError(
            f"lengths differ: {len(gold)} gold, {len(pred)} predictions"
            + (f", {len(groups)} groups" if groups is not None else "")
        )
    if not len(gold):
        raise ValueError("no samples to resample")

    def statistic(drawn: NDArray[np.int_]) -> float:
        return metric([gold[i] for i in drawn], [pred[i] for i in drawn])

    low, high = interval(statistic, range(len(gold)) if groups is None else groups, n, seed, level)
    return low, high


def mean_interval(values: Floats, groups: Sequence[Hashable] | None = None, n: int = 500, seed: int = 0) -> list[float]:
    """95% interval of the mean of values (N,), drawing samples, or whole `groups`."""
    if groups is not None:
        return interval(lambda i: float(values[i].mean()), groups, n, seed)
    draws = np.random.default_rng(seed).integers(len(values), size=(n, len(values)))
    found: list[float] = np.quantile(values[draws].mean(1), [0.025, 0.975]).tolist()
    return found
