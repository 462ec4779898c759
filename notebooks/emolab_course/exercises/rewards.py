"""The exercises of notebook 03: rewards, and attacks on them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emolab.emotions import EMOLAB_7, similarity
from emolab_course.compare import FunctionExercise, Mistake


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


def _unreadable_is_near(predicted: str | None, gold: str, alpha: float) -> float:
    return alpha * 0.5 if predicted is None else _eswr(predicted, gold, alpha)


def _not_scaled(predicted: str | None, gold: str, alpha: float) -> float:
    return _eswr(predicted, gold, 1.0)


SIMILARITY_REWARD = FunctionExercise(
    number="3.1",
    title="The similarity-weighted reward",
    kind="implement",
    stars=1,
    minutes=10,
    why=("this is the reward of EMO-RL, and its published formula has a trap that costs right answers their pay."),
    hints=(
        "Three cases earn three things: unreadable, exact, and near.",
        (
            "Treat the exact match before you look at the circle: a label without a place has similarity one "
            "half to itself."
        ),
        (
            "None gives 0; predicted == gold gives 1; else s = similarity(predicted, gold), and alpha * s if "
            "s > 0.7, else 0."
        ),
    ),
    reasoning=(
        "The order of the cases matters. If similarity were asked first, a right *neutral* would have S = "
        "½, which is below the threshold, and would earn nothing. The curriculum scales only what is a "
        "concession, the near miss. A right answer is worth 1 at every stage, or training would forget, "
        "while alpha falls, that it is right."
    ),
    reference=_eswr,
    inputs=_label_inputs,
    mistakes={
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
        "unreadable": Mistake(_unreadable_is_near, "an unreadable answer (None) earns 0, whatever alpha is"),
        "not scaled": Mistake(_not_scaled, "multiply the credit of a near miss by alpha"),
    },
)

EXERCISES = (SIMILARITY_REWARD,)
