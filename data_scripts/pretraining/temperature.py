"""Fitting the temperatures that a checkpoint's probabilities need, and how far they are from honest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emolab.errors import EvaluationError
from emolab.evaluate.calibration import Floats, softmax
from emolab.metrics.classification import expected_calibration_error

GRID = np.geomspace(0.5, 20, 120)


def fit_temperature(scores: Floats, gold: Sequence[str], labels: Sequence[str]) -> float:
    """The temperature between 0.5 and 20 with the least negative log likelihood of the gold labels.

    Raises EvaluationError where there is nothing to fit.

    >>> fit_temperature(np.array([[4.0, 0.0], [4.0, 0.0]]), ["x", "y"], ["x", "y"]) > 10
    True
    """
    if not len(gold):
        raise EvaluationError("a temperature is fitted on held-out clips, and there are none")
    at, rows = np.array([list(labels).index(g) for g in gold]), np.arange(len(gold))
    losses = [-np.log(softmax(scores, t)[rows, at] + 1e-12).mean() for t in GRID]
    return round(float(GRID[int(np.argmin(losses))]), 3)


def calibration_error(posterior: Floats, gold: Sequence[str], labels: Sequence[str], bins: int = 10) -> float:
    """`emolab.metrics.expected_calibration_error` of the most probable label of each row of `posterior` (N, L).

    >>> calibration_error(np.array([[0.9, 0.1], [0.9, 0.1]]), ["x", "y"], ["x", "y"])
    0.4
    """
    confidence = posterior.max(1)
    right = np.array([labels[i] for i in posterior.argmax(1)]) == np.array(gold)
    return round(expected_calibration_error(confidence.tolist(), right.tolist(), bins), 6)
