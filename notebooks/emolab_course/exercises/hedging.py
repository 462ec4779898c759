"""Exercise 6.1, the answer that a similarity-weighted reward makes worth most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from emolab.emotions import EMOLAB_7, similarity
from emolab_course.compare import Exercise, Mistake

Belief = Mapping[str, float]


def _worth_most(belief: Belief, credit: Callable[[str, str], float]) -> str:
    worth = {answer: sum(p * credit(answer, gold) for gold, p in belief.items()) for answer in belief}
    return max(worth, key=lambda answer: worth[answer])


def _best_answer(belief: Belief, alpha: float) -> str:
    from emolab.rewards import ESWR

    return _worth_most(belief, ESWR(alpha=alpha).credit)


def _beliefs(rng: np.random.Generator) -> Iterator[tuple[dict[str, float], float]]:
    few = dict.fromkeys(EMOLAB_7, 0.02)
    yield few | {"angry": 0.45, "sad": 0.35, "disgusted": 0.12}, 1.0
    yield few | {"angry": 0.45, "sad": 0.35, "disgusted": 0.12}, 0.0
    yield few | {"neutral": 0.5, "happy": 0.4}, 1.0
    for _ in range(40):
        drawn = rng.dirichlet(np.full(len(EMOLAB_7), 0.7))
        yield dict(zip(EMOLAB_7, drawn.round(3).tolist(), strict=True)), float(rng.choice([0.0, 0.3, 0.6, 1.0]))


def _likeliest(belief: Belief, alpha: float) -> str:
    return max(belief, key=lambda answer: belief[answer])


def _without_threshold(belief: Belief, alpha: float) -> str:
    return _worth_most(belief, lambda answer, gold: 1.0 if answer == gold else alpha * similarity(answer, gold))


def _alpha_ignored(belief: Belief, alpha: float) -> str:
    return _best_answer(belief, 1.0)


def _worth_of_gold(belief: Belief, alpha: float) -> str:
    """The expectation over answers in place of the one over gold labels: the weight stands at the wrong label."""
    from emolab.rewards import ESWR

    credit = ESWR(alpha=alpha).credit
    worth = {a: belief[a] * sum(credit(a, gold) for gold in belief) for a in belief}
    return max(worth, key=lambda answer: worth[answer])


HEDGED_ANSWER = Exercise(
    "6.1",
    _best_answer,
    _beliefs,
    {
        "likeliest": Mistake(
            _likeliest,
            "that is the likeliest label; with partial credit its neighbours can be worth more: compute the expected "
            "reward of each answer",
        ),
        "no threshold": Mistake(
            _without_threshold, "only neighbours more similar than 0.7 earn anything: use ESWR(alpha=alpha).credit"
        ),
        "alpha ignored": Mistake(
            _alpha_ignored, "alpha decides how much a near miss earns; at alpha = 0 the likeliest label is best"
        ),
        "weighted by the answer": Mistake(
            _worth_of_gold, "weight each reward by the belief in the gold label, not by the belief in the answer"
        ),
    },
)
