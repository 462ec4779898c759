"""Exercise 9.1, the k3 estimate of how far a policy has moved from its reference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import Exercise, Mistake

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


K3_ESTIMATE = Exercise(
    "9.1",
    _k3,
    _logprob_pairs,
    {
        "k1": Mistake(_k1, "that is the plain log-ratio, which can be negative; add r and take 1 away to make it k3"),
        "k2": Mistake(_k2, "that is half the squared log-ratio, k2; the formula asks for r - log r - 1"),
        "turned": Mistake(_turned, "your ratio is upside down: r is the reference's probability over the policy's"),
        "without one": Mistake(_without_one, "two policies that agree are no distance apart: do not forget the - 1"),
    },
)
