"""Exercises of notebook 03b: the policy gradient on a bandit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, Mistake

Floats = NDArray[np.float64]


def _softmax(logits: Floats) -> Floats:
    grown = np.exp(logits - logits.max())
    return np.asarray(grown / grown.sum())


def _score(logits: Floats, answer: int) -> Floats:
    return np.asarray(np.eye(len(logits))[answer] - _softmax(logits))


def _logit_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, int]]:
    yield np.zeros(2), 0
    yield np.array([2.0, 0.0, 0.0]), 1
    for _ in range(8):
        n = int(rng.integers(2, 6))
        yield rng.normal(size=n).round(2), int(rng.integers(n))


def _of_probability(logits: Floats, answer: int) -> Floats:
    return np.asarray(_softmax(logits)[answer] * _score(logits, answer))


def _turned(logits: Floats, answer: int) -> Floats:
    return -_score(logits, answer)


def _only_own(logits: Floats, answer: int) -> Floats:
    return np.asarray(np.eye(len(logits))[answer] * (1 - _softmax(logits)[answer]))


def _with_logits(logits: Floats, answer: int) -> Floats:
    return np.asarray(np.eye(len(logits))[answer] - logits)


def _inverse(logits: Floats, answer: int) -> Floats:
    return np.asarray(np.eye(len(logits))[answer] / _softmax(logits)[answer])


SCORE = FunctionExercise(
    number="3b.1",
    title="The gradient of a log-probability",
    kind="derive",
    stars=2,
    minutes=15,
    why="every policy gradient, of a bandit or of a model of seven billion weights, starts from this vector.",
    hints=(
        "Write log π(a) as z_a minus the log of the sum of all exp(z).",
        "The derivative of the second part by z_j is π(j).",
        "One where j is the answer, else zero; less π(j).",
    ),
    reasoning=(
        "log π(a) = z_a - log Σ exp(z_j). The first term has derivative 1 by z_a and 0 by all others. The "
        "second has derivative π(j) by z_j. So the gradient is the one-hot vector of the answer less the "
        "probabilities. Its mean under π is zero, which is why a baseline costs nothing."
    ),
    reference=_score,
    inputs=_logit_inputs,
    mistakes={
        "of the probability": Mistake(
            _of_probability,
            "that is the gradient of the probability; divide it by the probability",
        ),
        "turned": Mistake(_turned, "your sign is turned: raising an answer's own logit makes the answer likelier"),
        "own logit only": Mistake(
            _only_own, "the other logits count too: raising one of them makes this answer less likely"
        ),
        "logits, not probabilities": Mistake(_with_logits, "take away softmax(logits), not the logits"),
        "by the probability": Mistake(
            _inverse, "1 / p is the derivative by the probability; the chain rule goes on through the softmax"
        ),
    },
)

EXERCISES = (SCORE,)
