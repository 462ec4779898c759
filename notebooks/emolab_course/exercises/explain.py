"""The exercises of notebook 10: stated and measured reasons."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, Mistake

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


def _of_contributing(stated: Floats, values: Floats, threshold: Floats) -> float:
    named, counted = np.asarray(stated, bool), values > threshold
    return float((named & ~counted).sum() / counted.sum()) if counted.any() else 0.0


def _precision(stated: Floats, values: Floats, threshold: Floats) -> float:
    named = np.asarray(stated, bool)
    return float((named & (values > threshold)).sum() / named.sum()) if named.any() else 0.0


def _mean_over_samples(stated: Floats, values: Floats, threshold: Floats) -> float:
    named = np.asarray(stated, bool)
    empty = named & ~(values > threshold)
    rates = [row.sum() / names.sum() for row, names in zip(empty, named, strict=True) if names.any()]
    return float(np.mean(rates)) if rates else 0.0


HALLUCINATION_RATE = FunctionExercise(
    number="10.1",
    title="The hallucination rate",
    kind="implement",
    stars=1,
    minutes=10,
    why="it turns 'the model explains itself' into a number that can be false.",
    hints=(
        "What is counted, and out of what? Read the sentence in the text above once more.",
        (
            "Stated and not contributed, divided by stated. Contributed means larger than the threshold of "
            "that modality, with its sign."
        ),
        (
            "stated = np.asarray(stated, bool); return (stated & ~(values > threshold)).sum() / stated.sum(), "
            "and 0 where nothing is stated."
        ),
    ),
    reasoning=(
        "The denominator is what the rationales *state*, as in a precision. What contributed and was not "
        "named is an omission, the counterpart of a recall. The sign stays: a modality with a large "
        "negative value argued against the answer, and a rationale that thanks it is wrong. A student who "
        "states nothing hallucinates nothing, so this rate must be read beside the omission rate."
    ),
    reference=_hallucination,
    inputs=_rationale_inputs,
    mistakes={
        "of everything": Mistake(
            _of_everything, "you divide by all modalities; divide by those that the rationales state"
        ),
        "unsigned": Mistake(
            _unsigned, "a modality that argued against the answer did not contribute to it: keep the sign of its value"
        ),
        "omission": Mistake(
            _omission, "that is the omission rate: what contributed and was not stated; turn it around"
        ),
        "of contributing": Mistake(
            _of_contributing, "you divide by what contributed; divide by what the rationales state"
        ),
        "precision": Mistake(
            _precision, "that is the share of stated modalities that did contribute; ask for the others"
        ),
        "mean over samples": Mistake(
            _mean_over_samples,
            "you average each rationale's rate; count over all rationales together, then divide once",
        ),
    },
)

EXERCISES = (HALLUCINATION_RATE,)
