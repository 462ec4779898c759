"""Exercise 1.1, talker normalisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import Exercise, Mistake

Floats = NDArray[np.float64]


def _normalise_by_talker(features: Floats, talkers: Sequence[str]) -> Floats:
    from emolab.baselines import per_speaker

    return per_speaker(features, talkers)


def _feature_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, list[str]]]:
    yield np.array([[100.0], [120.0], [200.0], [240.0]]), ["m1", "m1", "f1", "f1"]
    yield np.array([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]]), ["m1", "m1", "m1"]
    yield np.array([[180.0, 3.0]]), ["f1"]
    for _ in range(10):
        n = int(rng.integers(4, 12))
        yield rng.normal(5.0, 2.0, (n, 3)), rng.choice(["m1", "m2", "f1"], n).tolist()


def _over_everyone(features: Floats, talkers: Sequence[str]) -> Floats:
    return (features - features.mean(0)) / (features.std(0) + (features.std(0) == 0))


def _each_group(features: Floats, talkers: Sequence[str], scale: Any) -> Floats:
    out = np.array(features, float)
    for talker in set(talkers):
        rows = np.array(talkers) == talker
        own = out[rows]
        out[rows] = (own - own.mean(0)) / scale(own)
    return out


def _centred_only(features: Floats, talkers: Sequence[str]) -> Floats:
    return _each_group(features, talkers, lambda own: 1.0)


def _divides_by_zero(features: Floats, talkers: Sequence[str]) -> Floats:
    with np.errstate(all="ignore"):
        return _each_group(features, talkers, lambda own: own.std(0))


TALKER_NORMALISATION = Exercise(
    "1.1",
    _normalise_by_talker,
    _feature_inputs,
    {
        "over everyone": Mistake(
            _over_everyone,
            "you normalise over everyone; use each talker's own mean and spread, or a low voice stays low",
        ),
        "centred only": Mistake(
            _centred_only, "you subtract the talker's mean; divide by the talker's standard deviation too"
        ),
        "divides by zero": Mistake(
            _divides_by_zero,
            "a feature that never varies for a talker has spread 0; divide by 1 there, so that it becomes 0",
        ),
    },
    relative=1e-4,  # forgives a small constant in the denominator
)
