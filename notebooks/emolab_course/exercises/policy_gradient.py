"""Exercises of notebook 03b: the policy gradient on a bandit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import ChoiceExercise, FunctionExercise, Mistake

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


def _leave_one_out(rewards: Floats) -> Floats:
    return np.asarray(rewards - (rewards.sum() - rewards) / (len(rewards) - 1))


def _group_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats]]:
    yield (np.array([1.0, 0.0]),)
    yield (np.array([0.5, 0.5, 0.5]),)
    for _ in range(8):
        yield (rng.integers(0, 5, int(rng.integers(2, 9))) / 4,)


def _group_mean(rewards: Floats) -> Floats:
    return np.asarray(rewards - rewards.mean())


def _divides_by_all(rewards: Floats) -> Floats:
    return np.asarray(rewards - (rewards.sum() - rewards) / len(rewards))


def _own_counted(rewards: Floats) -> Floats:
    return np.asarray(rewards - rewards.sum() / (len(rewards) - 1))


def _scaled(rewards: Floats) -> Floats:
    return np.asarray(_leave_one_out(rewards) / (rewards.std(ddof=1) + 1e-4))


LEAVE_ONE_OUT = FunctionExercise(
    number="3b.2",
    title="Leave one out",
    kind="derive",
    stars=2,
    minutes=15,
    why="it shows that a group's mean is a fair baseline although it contains the answer's own reward.",
    hints=(
        "The sum of the others is the sum of all, less the own reward.",
        "Divide it by the number of the others, n - 1.",
        "rewards - (rewards.sum() - rewards) / (n - 1)",
    ),
    reasoning=(
        "Let m be the mean of all n rewards. The mean of the others is (n m - r) / (n - 1). So r less that mean is "
        "(n r - r - n m + r) / (n - 1) = n / (n - 1) · (r - m). Both advantages point the same way, and differ by the "
        "constant n / (n - 1). A constant only changes the learning rate, so GRPO's baseline is fair up to it."
    ),
    reference=_leave_one_out,
    inputs=_group_inputs,
    mistakes={
        "group mean": Mistake(_group_mean, "that is GRPO's: its mean contains the answer's own reward; leave it out"),
        "divides by all": Mistake(_divides_by_all, "the others are n - 1, not n"),
        "own counted": Mistake(_own_counted, "take the answer's own reward out of the sum as well"),
        "turned": Mistake(lambda rewards: -_leave_one_out(rewards), "your sign is turned: reward less baseline"),
        "scaled": Mistake(_scaled, "no division by the spread here: only reward less baseline"),
    },
)


def _pushes(ratio: float, advantage: float, epsilon: float) -> bool:
    if advantage > 0:
        return ratio < 1 + epsilon
    return ratio > 1 - epsilon if advantage < 0 else False


def _corner_inputs(rng: np.random.Generator) -> Iterator[tuple[float, float, float]]:
    for ratio in (1.0, 1.3, 0.7):
        for advantage in (1.0, -1.0, 0.0):
            yield ratio, advantage, 0.2
    for _ in range(12):
        yield round(float(rng.uniform(0.5, 1.6)), 3), float(rng.choice([-1.5, -0.5, 0.5, 1.5])), 0.1501


def _in_band(ratio: float, advantage: float, epsilon: float) -> bool:
    return abs(ratio - 1) < epsilon


def _turned_sides(ratio: float, advantage: float, epsilon: float) -> bool:
    return _pushes(ratio, -advantage, epsilon)


def _above_only(ratio: float, advantage: float, epsilon: float) -> bool:
    return ratio < 1 + epsilon and advantage != 0


def _one_edge(ratio: float, advantage: float, epsilon: float) -> bool:
    return ratio * advantage < (1 + epsilon) * advantage


def _forgets_zero(ratio: float, advantage: float, epsilon: float) -> bool:
    return ratio < 1 + epsilon if advantage >= 0 else ratio > 1 - epsilon


def _always(ratio: float, advantage: float, epsilon: float) -> bool:
    return advantage != 0


GETS_A_PUSH = FunctionExercise(
    number="3b.3",
    title="Who is clipped?",
    kind="predict",
    stars=2,
    minutes=10,
    why="the clip acts on one side only, and most people expect two.",
    hints=(
        "Write min(ρA, clip(ρ)A) for A = 1, and look where it is constant in ρ.",
        "A good answer is clipped when it has become likely enough, a bad one when it has become unlikely enough.",
        "A > 0: ρ < 1 + ε. A < 0: ρ > 1 - ε. A = 0: never.",
    ),
    reasoning=(
        "With A > 0 the minimum takes ρA up to ρ = 1 + ε, and the constant (1 + ε)A beyond it: no "
        "gradient there. Below "
        "1 - ε the minimum is ρA again, so a good answer that has become too unlikely is still pushed back up. With "
        "A < 0 it is the mirror image: flat below 1 - ε only. So the clip stops a push that has gone far enough, and "
        "never one that would repair a move in the wrong direction."
    ),
    reference=_pushes,
    inputs=_corner_inputs,
    mistakes={
        "inside the band": Mistake(
            _in_band, "outside the band the wrong way there is still a push: think of a good answer with ratio 0.7"
        ),
        "turned": Mistake(_turned_sides, "you exchanged the sides: a good answer is clipped above, a bad one below"),
        "above only": Mistake(_above_only, "that is right for good answers; bad answers are clipped below 1 - epsilon"),
        "one edge": Mistake(_one_edge, "a bad answer has an edge of its own: it is clipped below 1 - epsilon"),
        "forgets zero": Mistake(_forgets_zero, "an advantage of 0 multiplies everything: no gradient at any ratio"),
        "always": Mistake(_always, "the clip does act: the loss is flat where the answer has moved far enough"),
    },
)


def _bias(now: Floats, reference: Floats) -> float:
    log_ratio = np.log(reference) - np.log(now)
    return float(now @ (log_ratio**2 / 2 + log_ratio))


def _policies(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    yield np.array([0.5, 0.5]), np.array([0.5, 0.5])
    yield np.array([0.9, 0.1]), np.array([0.5, 0.5])
    for _ in range(8):
        n = int(rng.integers(2, 5))
        yield rng.dirichlet(np.full(n, 3.0)).round(3) + 1e-3, rng.dirichlet(np.full(n, 3.0)).round(3) + 1e-3


def _under_reference(now: Floats, reference: Floats) -> float:
    log_ratio = np.log(reference) - np.log(now)
    return float(reference @ (log_ratio**2 / 2 + log_ratio))


def _without_half(now: Floats, reference: Floats) -> float:
    log_ratio = np.log(reference) - np.log(now)
    return float(now @ (log_ratio**2 + log_ratio))


def _mean_only(now: Floats, reference: Floats) -> float:
    return float(now @ ((np.log(reference) - np.log(now)) ** 2 / 2))


def _plus_kl(now: Floats, reference: Floats) -> float:
    log_ratio = np.log(reference) - np.log(now)
    return float(now @ (log_ratio**2 / 2 - log_ratio))


def _not_weighted(now: Floats, reference: Floats) -> float:
    log_ratio = np.log(reference) - np.log(now)
    return float((log_ratio**2 / 2 + log_ratio).mean())


BIAS_OF_K2 = FunctionExercise(
    number="3b.4",
    title="The bias of k2",
    kind="derive",
    stars=3,
    minutes=20,
    why="an estimate that is always positive looks trustworthy, and may still be wrong on average.",
    hints=(
        "A mean under `now` is a sum over answers, each weighed by its probability.",
        "The true KL is the mean of log now - log reference.",
        "now @ (log_r**2 / 2 + log_r) with log_r = log(reference) - log(now)",
    ),
    reasoning=(
        "Both terms are means under `now`: k2 is (log r)² / 2 and the KL is -log r. Their difference is "
        "E[(log r)² / 2 + log r]. Expand r = exp(log r) in E[r] = 1: 1 = 1 + E[log r] + E[(log r)² / 2] + "
        "E[(log r)³ / 6] "
        "+ …, so the bias is minus the mean of the third and higher powers. It vanishes quickly near the reference, "
        "and nowhere else."
    ),
    reference=_bias,
    inputs=_policies,
    mistakes={
        "under the reference": Mistake(_under_reference, "samples come from `now`: weigh by it, not by the reference"),
        "without the half": Mistake(_without_half, "k2 is half of the squared log-ratio"),
        "mean only": Mistake(_mean_only, "that is the mean of k2; take the true KL away"),
        "plus KL": Mistake(_plus_kl, "you added the KL; the bias is the mean of k2 less the KL"),
        "not weighed": Mistake(_not_weighted, "answers are not equally likely: weigh each by its probability"),
    },
)

NEGATIVE_K1 = ChoiceExercise(
    number="3b.5",
    title="A distance below zero",
    kind="diagnose",
    stars=1,
    minutes=5,
    why="a logged quantity is an estimate, and an estimate can have values that the truth cannot.",
    hints=(
        "What does k1 of a single answer look like when the policy has made it less likely?",
        "A step logs a mean over few samples.",
        "KL is an expectation; k1 is one noisy draw of it.",
    ),
    reasoning=(
        "k1 is log π - log q of the answers that were sampled. Where the policy gives such an answer less probability "
        "than the reference does, it is negative. Its mean over all answers is the KL and cannot be negative, but the "
        "mean over one step's samples can, most of all near the reference, where the spread of k1 is large against the "
        "KL. k3 of the same samples would have been positive. Nothing is wrong with the run."
    ),
    options={
        "a": "KL can be negative while a policy improves",
        "b": "The penalty's sign is wrong, so the run moves away from the reference",
        "c": "k1 of few samples is noisy: it was negative by chance, and KL was not",
        "d": "The reference was updated during the run",
        "e": "The probabilities do not sum to one",
        "f": "The learning rate is too high",
    },
    right="c",
    mistakes={
        "a": Mistake("a", "KL is never negative (Gibbs' inequality). An estimate of it can be."),
        "b": Mistake("b", "With a wrong sign the distance grows; it would not fall below zero."),
        "d": Mistake("d", "A moved reference changes the distance. It does not make a distance negative."),
        "e": Mistake("e", "A softmax always sums to one, and no such error is needed to explain the curve."),
        "f": Mistake("f", "A high learning rate moves the policy far away, where k1 is large and positive."),
    },
)

EXERCISES = (SCORE, LEAVE_ONE_OUT, GETS_A_PUSH, BIAS_OF_K2, NEGATIVE_K1)
