"""The exercises of notebook 09: R1-Omni."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, Mistake

Floats = NDArray[np.float64]


def _k3(now: Floats, reference: Floats) -> Floats:
    import torch

    from emolab.training.scratch import kl_k3

    found: Floats = kl_k3(torch.as_tensor(now), torch.as_tensor(reference)).numpy()
    return found


def _logprob_pairs(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    yield np.array([-0.5, -1.0]), np.array([-0.5, -1.0])
    yield np.array([-0.2, -2.0]), np.array([-1.2, -1.0])
    for _ in range(6):
        now = -rng.exponential(1.0, int(rng.integers(1, 9)))
        yield now, now + rng.normal(0, 0.5, len(now))


def _k1(now: Floats, reference: Floats) -> Floats:
    return now - reference


def _k2(now: Floats, reference: Floats) -> Floats:
    return (now - reference) ** 2 / 2


def _turned(now: Floats, reference: Floats) -> Floats:
    return _k3(reference, now)


def _without_one(now: Floats, reference: Floats) -> Floats:
    return _k3(now, reference) + 1


def _squared_ratio(now: Floats, reference: Floats) -> Floats:
    return (np.exp(reference - now) - 1) ** 2 / 2


def _mean(now: Floats, reference: Floats) -> Floats:
    return np.asarray(_k3(now, reference).mean())


K3_ESTIMATE = FunctionExercise(
    number="9.1",
    title="The k3 penalty",
    kind="derive",
    stars=2,
    minutes=15,
    why="β times this term is all that holds a policy near the model that it came from.",
    hints=(
        "The penalty must be 0 where both agree, and positive on both sides of it.",
        "With r = reference / policy as probabilities: k3 = r - log r - 1. You have logs: what is log r?",
        "d = reference - now; return np.exp(d) - d - 1.",
    ),
    reasoning=(
        "`log r = reference - now`, so `r - log r - 1 = exp(d) - d - 1`. Since exp(d) ≥ 1 + d, it is "
        "never negative, and it is 0 only at d = 0. Its mean over the policy's own samples is the KL "
        "divergence, because E[r] = 1 there: adding r - 1 changes the variance and not the mean. The "
        "plain log-ratio (k1) has the same mean, but can be negative for a single token."
    ),
    reference=_k3,
    inputs=_logprob_pairs,
    mistakes={
        "k1": Mistake(_k1, "that is the plain log-ratio, which can be negative; add r and take 1 away to make it k3"),
        "k2": Mistake(_k2, "that is half the squared log-ratio, k2; the formula asks for r - log r - 1"),
        "turned": Mistake(_turned, "your ratio is upside down: r is the reference's probability over the policy's"),
        "without one": Mistake(_without_one, "two policies that agree are no distance apart: do not forget the - 1"),
        "squared ratio": Mistake(
            _squared_ratio, "you square r - 1; the formula is r - log r - 1, which agrees with it only near r = 1"
        ),
        "mean": Mistake(_mean, "give one number for each token; the loss takes the mean later"),
    },
)

EXERCISES = (K3_ESTIMATE,)
