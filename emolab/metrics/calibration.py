"""How far stated probabilities lie from shares of right answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def expected_calibration_error(confidence: Sequence[float], right: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error over `bins` bins of equal width: Σ (n_b / n) · |share right − mean confidence|.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3. `confidence` (N,) lies in [0, 1]; a value of 1
    belongs to the last bin. NaN without answers. Raises ValueError for lengths that differ or a confidence outside.
    """
    stated, hits = np.asarray(confidence, float), np.asarray(right, float)
    if stated.shape != hits.shape:
        raise ValueError(f"{stated.size} confidences for {hits.size} answers")
    if not stated.size:
        return float("nan")
    if stated.min() < 0 or stated.max() > 1:
        raise ValueError(f"a confidence lies in [0, 1]; got {stated.min():g} to {stated.max():g}")
    index = np.minimum((stated * bins).astype(int), bins - 1)
    inside = [index == b for b in np.unique(index)]
    return float(sum(b.mean() * abs(stated[b].mean() - hits[b].mean()) for b in inside))
