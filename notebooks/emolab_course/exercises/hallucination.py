"""Exercise 10.1, the hallucination rate of rationales."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import Exercise, Mistake

Floats = NDArray[np.float64]


def _hallucination(stated: Floats, values: Floats, threshold: Floats) -> float:
    named = np.asarray(stated, bool)
    empty = named & ~(values > threshold)
    return float(empty.sum() / named.sum()) if named.any() else 0.0


def _rationale_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats, Floats]]:
    yield np.zeros((2, 3)), rng.normal(size=(2, 3)), np.full(3, 0.1)
    yield np.array([[1.0, 0, 0], [1, 1, 1]]), np.array([[0.5, 0, 0], [-2.0, 0.3, 0.05]]), np.array([0.1, 0.1, 0.1])
    for _ in range(8):
        n = int(rng.integers(3, 12))
        yield (rng.random((n, 3)) < 0.5).astype(float), rng.normal(size=(n, 3)).round(2), np.array([0.1, 0.2, 0.3])


def _of_everything(stated: Floats, values: Floats, threshold: Floats) -> float:
    return float((np.asarray(stated, bool) & ~(values > threshold)).mean())


def _unsigned(stated: Floats, values: Floats, threshold: Floats) -> float:
    return _hallucination(stated, np.abs(values), threshold)


def _omission(stated: Floats, values: Floats, threshold: Floats) -> float:
    named, counted = np.asarray(stated, bool), values > threshold
    return float((counted & ~named).sum() / counted.sum()) if counted.any() else 0.0


HALLUCINATION_RATE = Exercise(
    "10.1",
    _hallucination,
    _rationale_inputs,
    {
        "of everything": Mistake(
            _of_everything, "you divide by all modalities; divide by those that the rationales state"
        ),
        "unsigned": Mistake(
            _unsigned, "a modality that argued against the answer did not contribute to it: keep the sign of its value"
        ),
        "omission": Mistake(
            _omission, "that is the omission rate: what contributed and was not stated; turn it around"
        ),
    },
)
