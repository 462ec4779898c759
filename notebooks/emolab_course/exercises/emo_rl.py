"""The exercises of notebook 06: EMO-RL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from emolab.emotions import EMOLAB_7, similarity
from emolab_course.compare import FunctionExercise, Mistake

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


def _least_regret(belief: Belief, alpha: float) -> str:
    return min(belief, key=lambda answer: belief[answer])


def _published(belief: Belief, alpha: float) -> str:
    from emolab.rewards import ESWR

    return _worth_most(belief, ESWR(alpha=alpha, published=True).credit)


HEDGED_ANSWER = FunctionExercise(
    number="6.1",
    title="The hedged answer",
    kind="implement",
    stars=2,
    minutes=15,
    why="a reward that pays near misses changes which answer is best for an honest but unsure model.",
    hints=(
        "What does a model expect to earn with an answer, if it believes in several gold labels at once?",
        (
            "The worth of an answer is a sum over gold labels: the belief in the label times what the answer "
            "earns if that label is gold."
        ),
        (
            "worth = {a: sum(p * credit(a, gold) for gold, p in belief.items()) for a in belief}; return the "
            "label of the largest."
        ),
    ),
    reasoning=(
        "The expectation runs over what the *world* may be (gold), not over what the model may say. With "
        "full partial credit an answer with many neighbours collects a little from each of them and can "
        "beat the likeliest label: the model is paid to hedge. At alpha = 0 the best answer is the "
        "likeliest label again, so the curriculum must end there while there is still training left."
    ),
    reference=_best_answer,
    inputs=_beliefs,
    mistakes={
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
        "least likely": Mistake(_least_regret, "you take the smallest value: use max, with a key"),
        "published": Mistake(
            _published,
            "read literally the formula pays a right neutral nothing; use ESWR(alpha=alpha).credit as it comes",
        ),
    },
)

EXERCISES = (HEDGED_ANSWER,)
