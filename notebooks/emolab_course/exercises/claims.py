"""Exercises of notebook 13: what a comparison of runs can claim."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, Mistake

Floats = NDArray[np.float64]


def _t(degrees: int, level: float = 0.95) -> float:
    from scipy.stats import t

    return float(t.ppf(0.5 + level / 2, degrees))


def _interval(differences: Floats, quantile: float) -> tuple[float, float]:
    middle = float(differences.mean())
    reach = quantile * float(differences.std(ddof=1)) / np.sqrt(len(differences))
    return middle - reach, middle + reach


def _paired(first: Floats, second: Floats) -> tuple[float, float]:
    return _interval(first - second, _t(len(first) - 1))


def _arm_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    yield np.array([0.70, 0.62, 0.66]), np.array([0.68, 0.59, 0.65])
    for _ in range(8):
        n = int(rng.integers(5, 11))
        base = rng.normal(0.6, 0.05, n)
        yield (base + rng.normal(0.02, 0.01, n)).round(3), base.round(3)


def _unpaired(first: Floats, second: Floats) -> tuple[float, float]:
    n = len(first)
    error = np.sqrt(first.var(ddof=1) / n + second.var(ddof=1) / n)
    middle, reach = float(first.mean() - second.mean()), _t(2 * n - 2) * float(error)
    return middle - reach, middle + reach


def _normal(first: Floats, second: Floats) -> tuple[float, float]:
    return _interval(first - second, 1.959963984540054)


def _no_root(first: Floats, second: Floats) -> tuple[float, float]:
    differences = first - second
    reach = _t(len(first) - 1) * float(differences.std(ddof=1))
    return float(differences.mean()) - reach, float(differences.mean()) + reach


def _population(first: Floats, second: Floats) -> tuple[float, float]:
    differences = first - second
    reach = _t(len(first) - 1) * float(differences.std()) / np.sqrt(len(first))
    return float(differences.mean()) - reach, float(differences.mean()) + reach


def _one_sided(first: Floats, second: Floats) -> tuple[float, float]:
    return _interval(first - second, _t(len(first) - 1, 0.90))


PAIRED_INTERVAL = FunctionExercise(
    number="13.1",
    title="An interval that knows its pairs",
    kind="implement",
    stars=2,
    minutes=15,
    why="pairing removes what both arms share, and that is most of the variation.",
    hints=(
        "Take the differences by seed first.",
        "Their standard error is the deviation of a sample over the root of n.",
        "mean ± t.ppf(0.975, n - 1) * std(ddof=1) / sqrt(n)",
    ),
    reasoning=(
        "Arms with the same seed share their cold start, so a lucky start lifts both. The difference by seed "
        "removes it. With n differences the mean has the standard error s / sqrt(n), and because s is itself "
        "estimated from few values, the quantile is that of Student's t with n - 1 degrees of freedom."
    ),
    reference=_paired,
    inputs=_arm_inputs,
    mistakes={
        "unpaired": Mistake(_unpaired, "the arms share their seeds: take the differences first, then one interval"),
        "normal": Mistake(_normal, "1.96 needs many seeds; with few of them take the quantile of Student's t"),
        "no root": Mistake(_no_root, "the mean of n differences varies less than one: divide by the root of n"),
        "population deviation": Mistake(_population, "the deviation of a sample divides by n - 1: std(ddof=1)"),
        "one-sided": Mistake(_one_sided, "95% between two ends leaves 2.5% on each side: the quantile is at 0.975"),
    },
)

EXERCISES = (PAIRED_INTERVAL,)
