"""The exercises of notebook 02: what the model knows before training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, Mistake

Floats = NDArray[np.float64]


def _calibrate(scores: Floats) -> Floats:
    from emolab.evaluate import calibrate

    return calibrate(scores, "mean")


def _score_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats]]:
    yield (np.log(np.array([[0.8, 0.2], [0.6, 0.4]])),)
    yield (np.array([[-3.0, -1.0, -2.0]]),)
    for _ in range(10):
        yield (rng.normal(-5.0, 2.0, (int(rng.integers(2, 6)), 7)),)


def _log_softmax(x: Floats) -> Floats:
    return x - np.logaddexp.reduce(x, axis=1, keepdims=True)


def _mean_over_labels(scores: Floats) -> Floats:
    return _log_softmax(scores - scores.mean(1, keepdims=True))


def _not_normalised(scores: Floats) -> Floats:
    posterior = _log_softmax(scores)
    return posterior - posterior.mean(0)


def _by_mean_probability(scores: Floats) -> Floats:
    posterior = _log_softmax(scores)
    return _log_softmax(posterior - np.log(np.exp(posterior).mean(0)))


def _median(scores: Floats) -> Floats:
    posterior = _log_softmax(scores)
    return _log_softmax(posterior - np.median(posterior, axis=0))


def _probabilities(scores: Floats) -> Floats:
    return np.exp(_calibrate(scores))


MEAN_CALIBRATION = FunctionExercise(
    number="2.1",
    title="Calibrate by the mean",
    kind="implement",
    stars=2,
    minutes=15,
    why=("models have favourite answers; taking them off needs no labels and often gains more than a better prompt."),
    hints=(
        "A favourite label is one whose score is high for every clip. Which mean shows that?",
        "Log-softmax each row, take off the mean of each column, and log-softmax each row again.",
        "np.logaddexp.reduce(x, axis=1, keepdims=True) is the log of the sum that a row must be freed of.",
    ),
    reasoning=(
        "The mean over clips (axis 0) of a label's log-posterior is what the model says about the label *without "
        "hearing this clip*. After it is taken off, rows do not sum to one any more, so they are normalised. The "
        "subtraction is done in logs: it divides each probability by the geometric mean of its column, which one "
        "very sure clip cannot dominate. One of the steps could be left out without changing any result; exercise "
        "2.3 asks which one."
    ),
    reference=_calibrate,
    inputs=_score_inputs,
    mistakes={
        "wrong axis": Mistake(
            _mean_over_labels, "you average over the labels of one input; the bias is each label's mean over the inputs"
        ),
        "not normalised": Mistake(
            _not_normalised, "after the subtraction the rows no longer sum to one; normalise them again"
        ),
        "mean of probabilities": Mistake(
            _by_mean_probability, "take the mean of the log-probabilities, not the log of the mean probability"
        ),
        "median": Mistake(_median, "take the mean of each label over the clips, not the median"),
        "probabilities": Mistake(_probabilities, "everything stays in logs: do not take exp at the end"),
    },
)

EXERCISES = (MEAN_CALIBRATION,)
