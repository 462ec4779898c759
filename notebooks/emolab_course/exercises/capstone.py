"""Exercises of notebook 15: a study that can answer its question."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emolab_course.compare import FunctionExercise, Mistake
from emolab_course.exercises.claims import _t


def _seeds(spread: float, margin: float) -> int:
    n = 2
    while _t(n - 1) * spread / np.sqrt(n) > margin:
        n += 1
    return n


def _plan_inputs(rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    yield 0.02, 0.02
    yield 0.03, 0.01
    for _ in range(8):
        yield round(float(rng.uniform(0.01, 0.05)), 3), round(float(rng.uniform(0.01, 0.03)), 3)


def _normal(spread: float, margin: float) -> int:
    return max(2, int(np.ceil((1.959963984540054 * spread / margin) ** 2)))


def _one_more(spread: float, margin: float) -> int:
    return _seeds(spread, margin) + 1


def _degrees(spread: float, margin: float) -> int:
    n = 2
    while _t(n) * spread / np.sqrt(n) > margin:
        n += 1
    return n


def _whole_width(spread: float, margin: float) -> int:
    return _seeds(2 * spread, margin)


def _no_root(spread: float, margin: float) -> int:
    n = 2
    while _t(n - 1) * spread / n > margin:
        n += 1
    return n


SEEDS_NEEDED = FunctionExercise(
    number="15.1",
    title="How many seeds?",
    kind="implement",
    stars=2,
    minutes=15,
    why="a study that cannot decide its question costs as much as one that can.",
    hints=(
        "Half the width of the interval is t times spread over the root of n.",
        "The quantile of t depends on n, so try n = 2, 3, … in turn.",
        "Stop at the first n with t.ppf(0.975, n - 1) * spread / sqrt(n) <= margin",
    ),
    reasoning=(
        "Half the interval is t(n - 1) · spread / sqrt(n). Both the quantile and the root shrink it as n "
        "grows, so the first n that reaches the margin is the answer. With the normal quantile 1.96 in place "
        "of t the number is too small where few seeds are enough. The spread comes from a pilot or from the "
        "ledger, never from the runs that decide."
    ),
    reference=_seeds,
    inputs=_plan_inputs,
    mistakes={
        "normal": Mistake(_normal, "with few seeds take Student's t, which depends on n: search upwards"),
        "one more": Mistake(_one_more, "your n is one too large: stop at the first that reaches the margin"),
        "degrees": Mistake(_degrees, "n seeds have n - 1 degrees of freedom"),
        "whole width": Mistake(
            _whole_width, ("compare half the interval's width with the margin, not the whole width")
        ),
        "no root": Mistake(_no_root, "the error of a mean falls with the root of n, not with n"),
    },
)

EXERCISES = (SEEDS_NEEDED,)
