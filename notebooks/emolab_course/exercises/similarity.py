"""Exercise 3.1, EMO-RL's similarity-weighted reward."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emolab.emotions import EMOLAB_7, similarity
from emolab_course.compare import Exercise, Mistake


def _eswr(predicted: str | None, gold: str, alpha: float) -> float:
    from emolab.rewards import ESWR

    return 0.0 if predicted is None else ESWR(alpha=alpha).credit(predicted, gold)


def _label_inputs(rng: np.random.Generator) -> Iterator[tuple[str | None, str, float]]:
    yield "neutral", "neutral", 1.0
    yield "sad", "sad", 0.25
    yield None, "sad", 1.0
    yield "disgusted", "sad", 0.5
    for alpha in (1.0, float(rng.random())):
        for predicted in EMOLAB_7:
            for gold in EMOLAB_7:
                yield predicted, gold, alpha


def _literal(predicted: str | None, gold: str, alpha: float) -> float:
    closeness = 0.0 if predicted is None else similarity(predicted, gold, "published")
    return 1.0 if closeness == 1.0 else alpha * closeness if closeness > 0.7 else 0.0


def _no_threshold(predicted: str | None, gold: str, alpha: float) -> float:
    if predicted is None or predicted == gold:
        return float(predicted == gold)
    return alpha * similarity(predicted, gold)


def _scaled_match(predicted: str | None, gold: str, alpha: float) -> float:
    closeness = 0.0 if predicted is None else similarity(predicted, gold)
    return alpha * closeness if closeness > 0.7 else 0.0


def _exact_only(predicted: str | None, gold: str, alpha: float) -> float:
    return float(predicted == gold)


SIMILARITY_REWARD = Exercise(
    "3.1",
    _eswr,
    _label_inputs,
    {
        "neutral trap": Mistake(
            _literal, 'a right "neutral" must earn 1: give exact matches their reward before you look at the circle'
        ),
        "no threshold": Mistake(
            _no_threshold, "partial credit is only for similarities above 0.7; below that the reward is 0"
        ),
        "scaled match": Mistake(
            _scaled_match, "alpha scales partial credit only; an exact match earns 1 whatever alpha is"
        ),
        "exact only": Mistake(_exact_only, "a near miss (sad for disgusted) earns alpha times its similarity, not 0"),
    },
)
