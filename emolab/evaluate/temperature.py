"""Temperatures that make a checkpoint's probabilities honest: one for clips like its training clips, one for others.

Dividing the scores of the labels by a temperature changes no answer, and how sure it is (Guo et al. 2017, arXiv
1706.04599). A model is surer than it should be of clips unlike those it was trained on, so that these have a
temperature of their own. Both are fitted on held-out clips, and lie beside a checkpoint as `temperature.json`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emolab.errors import EvaluationError

Floats = NDArray[np.float64]
FILE = "temperature.json"


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
