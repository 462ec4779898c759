"""Temperatures that make a checkpoint's probabilities honest: one for clips like its training clips, one for others.

Dividing the scores of the labels by a temperature changes no answer, and how sure it is (Guo et al. 2017, arXiv
1706.04599). A model is surer than it should be of clips unlike those it was trained on, so that these have a
temperature of their own. Both are fitted on held-out clips, and lie beside a checkpoint as `temperature.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emolab.errors import EvaluationError
from emolab.metrics.calibration import expected_calibration_error

Floats = NDArray[np.float64]
FILE = "temperature.json"
GRID = np.geomspace(0.5, 20, 120)


@dataclass(frozen=True)
class Temperatures:
    """`like` and `unlike` are the temperatures for clips like the training clips and for others; `source` says on what
    they were fitted."""

    like: float = 1.0
    unlike: float = 1.0
    source: str = ""

    def of(self, unlike: bool) -> float:
        """The temperature of a clip."""
        return self.unlike if unlike else self.like

    def save(self, folder: str | Path) -> Path:
        """Write the file into a folder; `load` reads it."""
        path = Path(folder) / FILE
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        return path

    @classmethod
    def load(cls, folder: str | Path | None) -> Temperatures:
        """What `save` wrote into a folder, and 1 where there is no file. Raises EvaluationError for a broken file."""
        path = Path(folder) / FILE if folder is not None else None
        if path is None or not path.is_file():
            return cls()
        try:
            found = cls(**json.loads(path.read_text(encoding="utf-8")))
            good = found.like > 0 and found.unlike > 0
        except (ValueError, TypeError) as error:
            raise EvaluationError(
                f"{path}: cannot be read ({error}); write it again with `Temperatures.save`"
            ) from error
        if not good:
            raise EvaluationError(f"{path}: a temperature is above 0")
        return found


def softmax(scores: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities (N, L) of scores (N, L) at a temperature."""
    scaled = np.asarray(scores, float) / temperature
    powers = np.exp(scaled - scaled.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


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
