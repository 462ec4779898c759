"""The exercises of notebook 11: your own voice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, Mistake

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def _ece(confidence: Floats, right: Bools, bins: int = 10) -> float:
    from emolab.metrics import expected_calibration_error

    return expected_calibration_error(confidence, right, bins)  # type: ignore[arg-type]


def _inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, Bools, int]]:
    yield np.array([0.95, 0.92, 0.91, 0.15]), np.array([True, True, False, False]), 10
    yield np.array([1.0, 1.0]), np.array([True, False]), 10
    yield np.array([0.25, 0.45]), np.array([True, True]), 10
    yield np.array([0.3, 0.7, 0.72]), np.array([False, True, False]), 5
    for _ in range(10):
        n = int(rng.integers(5, 40))
        confidence = rng.uniform(0.02, 0.98, n)
        yield confidence, rng.uniform(size=n) < confidence**2, int(rng.integers(4, 12))


def _binned(confidence: Floats, bins: int) -> list[Bools]:
    index = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    return [index == b for b in np.unique(index)]


def _one_bin(confidence: Floats, right: Bools, bins: int = 10) -> float:
    return float(abs(np.mean(confidence) - np.mean(right)))


def _unweighted(confidence: Floats, right: Bools, bins: int = 10) -> float:
    return float(np.mean([abs(confidence[b].mean() - right[b].mean()) for b in _binned(confidence, bins)]))


def _signed(confidence: Floats, right: Bools, bins: int = 10) -> float:
    return float(sum(b.mean() * (confidence[b].mean() - right[b].mean()) for b in _binned(confidence, bins)))


def _counts_not_shares(confidence: Floats, right: Bools, bins: int = 10) -> float:
    return float(sum(b.sum() * abs(confidence[b].mean() - right[b].mean()) for b in _binned(confidence, bins)))


def _answer_by_answer(confidence: Floats, right: Bools, bins: int = 10) -> float:
    return float(np.mean(np.abs(np.asarray(confidence) - np.asarray(right, float))))


CALIBRATION_ERROR = FunctionExercise(
    number="11.1",
    title="Expected calibration error",
    kind="implement",
    stars=2,
    minutes=15,
    why="a probability is of use only where it means what it says, and this number measures that.",
    hints=(
        "A single answer is right or wrong; its probability is neither. What can be compared, then?",
        ("Sort the answers into bins by confidence. In each bin compare the mean confidence with the share right."),
        (
            "bin = min(int(confidence * bins), bins - 1); sum over bins of (share of answers in the bin) * "
            "|mean confidence - share right|."
        ),
    ),
    reasoning=(
        "Within a bin the confidences are nearly equal, so their mean can be compared with how often the "
        "answers were right. The distance is absolute: being too sure in one bin must not cancel being "
        "too unsure in another. Each bin counts by its share of answers. With few answers most bins hold "
        "one or two, and the number is then mostly noise: always say how many answers it is from."
    ),
    reference=_ece,
    inputs=_inputs,
    mistakes={
        "one bin": Mistake(_one_bin, "you compare the means over all answers; errors of different bins cancel there"),
        "unweighted": Mistake(_unweighted, "weigh each bin by its share of the answers, not all bins alike"),
        "signed": Mistake(_signed, "take the absolute distance in each bin, or too sure and too unsure cancel"),
        "counts": Mistake(_counts_not_shares, "weigh a bin by its share of the answers, not by their number"),
        "answer by answer": Mistake(
            _answer_by_answer, "a single answer is right or wrong; compare the means of a bin, not single answers"
        ),
    },
)

EXERCISES = (CALIBRATION_ERROR,)
