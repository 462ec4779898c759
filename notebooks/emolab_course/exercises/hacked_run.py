"""Exercises of notebook 04b: what a policy earns that does not listen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, Mistake

Floats = NDArray[np.float64]


def _best_blind(pay: Floats) -> float:
    return float(pay.mean(axis=0).max())


def _pay_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats]]:
    yield (np.eye(3),)
    yield (np.column_stack([np.eye(3), np.full(3, 0.5)]),)
    for _ in range(8):
        yield (rng.integers(0, 5, (int(rng.integers(3, 6)), int(rng.integers(2, 5)))) / 4,)


def _listens(pay: Floats) -> float:
    return float(pay.max(axis=1).mean())


def _best_of_all(pay: Floats) -> float:
    return float(pay.max())


def _mean_of_all(pay: Floats) -> float:
    return float(pay.mean())


def _wrong_axis(pay: Floats) -> float:
    return float(pay.mean(axis=1).max())


def _which(pay: Floats) -> float:
    return float(pay.mean(axis=0).argmax())


BEST_BLIND = FunctionExercise(
    number="4b.1",
    title="What a policy earns that does not listen",
    kind="implement",
    stars=1,
    minutes=10,
    why="a policy that earns more blind than by listening will be found by training.",
    hints=(
        "A blind policy is one column of the table.",
        "Average each column over the clips, then take the best.",
        "pay.mean(axis=0).max()",
    ),
    reasoning=(
        "A policy that does not listen gives the same answer to every clip, so it is one column. What it "
        "earns is the mean of that column. The best of these policies is the largest of the means. The order "
        "matters: the mean of the rows' maxima is what a policy earns that hears everything."
    ),
    reference=_best_blind,
    inputs=_pay_inputs,
    mistakes={
        "listens": Mistake(_listens, "you choose an answer for each clip; a blind policy gives one answer to all"),
        "best of all": Mistake(_best_of_all, "one lucky pay is no policy: average each answer over the clips first"),
        "mean of all": Mistake(_mean_of_all, "you average over the answers too; the policy picks the best of them"),
        "wrong axis": Mistake(_wrong_axis, "rows are clips and columns are answers: average down each column"),
        "which, not how much": Mistake(_which, "return what the best answer earns, not its place"),
    },
)

EXERCISES = (BEST_BLIND,)
