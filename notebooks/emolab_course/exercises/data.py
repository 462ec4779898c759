"""The exercises of notebook 01: the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, Mistake

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


def _each_group(features: Floats, talkers: Sequence[str], scale: Any, centre: bool = True) -> Floats:
    out = np.array(features, float)
    for talker in set(talkers):
        rows = np.array(talkers) == talker
        own = out[rows]
        out[rows] = (own - centre * own.mean(0)) / scale(own)
    return out


def _centred_only(features: Floats, talkers: Sequence[str]) -> Floats:
    return _each_group(features, talkers, lambda own: 1.0)


def _divides_by_zero(features: Floats, talkers: Sequence[str]) -> Floats:
    with np.errstate(all="ignore"):
        return _each_group(features, talkers, lambda own: own.std(0))


def _mean_of_everyone(features: Floats, talkers: Sequence[str]) -> Floats:
    return _each_group(features - features.mean(0), talkers, lambda own: own.std(0) + (own.std(0) == 0), centre=False)


def _sample_deviation(features: Floats, talkers: Sequence[str]) -> Floats:
    def spread(own: Floats) -> Floats:
        found = own.std(0, ddof=1) if len(own) > 1 else np.zeros(own.shape[1])
        return np.where(found == 0, 1.0, found)

    return _each_group(features, talkers, spread)


TALKER_NORMALISATION = FunctionExercise(
    number="1.1",
    title="Normalise by speaker",
    kind="implement",
    stars=1,
    minutes=10,
    why="a high voice is not an excited voice: without this step a classifier learns who speaks.",
    hints=(
        ("The mean of whom is taken off? Listen to the two voices again: one speaker's calm is another one's panic."),
        (
            "Loop over the speakers; select the rows of one speaker with a mask; use the mean and the "
            "standard deviation over axis 0."
        ),
        ("out[rows] = (own - own.mean(axis=0)) / spread, where spread is own.std(axis=0) with each 0 replaced by 1."),
    ),
    reasoning=(
        "The mean and the spread are those of the speaker's own rows, feature by feature (axis 0). What "
        "is left says how unusual a value is *for this person*. A feature that never varies has spread 0. "
        "Its centred values are 0 as well, so dividing by 1 keeps them at 0, and dividing by 0 would give "
        "NaN. The price: one needs several clips of a speaker before anything can be said."
    ),
    reference=_normalise_by_talker,
    inputs=_feature_inputs,
    mistakes={
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
        "mean of everyone": Mistake(
            _mean_of_everyone, "you take off everyone's mean and divide by the speaker's spread; both are the speaker's"
        ),
        "sample deviation": Mistake(
            _sample_deviation, "use the spread that divides by n, np.std as it comes: with one clip, n - 1 would be 0"
        ),
    },
    relative=1e-4,  # forgives a small constant in the denominator
)

EXERCISES = (TALKER_NORMALISATION,)
