"""Exercise 2.1, calibration by the mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import Exercise, Mistake

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


MEAN_CALIBRATION = Exercise(
    "2.1",
    _calibrate,
    _score_inputs,
    {
        "wrong axis": Mistake(
            _mean_over_labels, "you average over the labels of one input; the bias is each label's mean over the inputs"
        ),
        "not normalised": Mistake(
            _not_normalised, "after the subtraction the rows no longer sum to one; normalise them again"
        ),
        "mean of probabilities": Mistake(
            _by_mean_probability, "take the mean of the log-probabilities, not the log of the mean probability"
        ),
    },
)
