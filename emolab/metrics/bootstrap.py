"""Percentile bootstrap intervals, over samples or over whole groups such as speakers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np


def bootstrap_ci(
    metric: Callable[[list[Any], list[Any]], float],
    gold: Sequence[Any],
    pred: Sequence[Any],
    groups: Sequence[Hashable] | None = None,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval (low, high) of `metric(gold, pred)` over `n` resamples.

    With `groups` (a speaker for each sample), whole groups are drawn with replacement: samples of one speaker are not
    independent, and an interval over samples is too narrow. Resamples on which the metric is NaN are left out.
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
    units = _units(len(gold), groups)
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(n):
        drawn = [i for u in rng.integers(len(units), size=len(units)) for i in units[u]]
        values.append(metric([gold[i] for i in drawn], [pred[i] for i in drawn]))
    tail = (1 - level) / 2
    low, high = np.nanquantile(np.asarray(values, dtype=float), [tail, 1 - tail])
    return float(low), float(high)


def _units(size: int, groups: Sequence[Hashable] | None) -> list[list[int]]:
    if groups is None:
        return [[i] for i in range(size)]
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    return list(members.values())
