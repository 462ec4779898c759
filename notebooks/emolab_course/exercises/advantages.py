"""Exercise 4.1, group advantages."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import Exercise, Mistake

Floats = NDArray[np.float64]


def _advantages(rewards: Floats, group_size: int) -> Floats:
    import torch

    from emolab.training.scratch import group_advantages

    return group_advantages(torch.tensor(rewards, dtype=torch.float64), group_size).numpy()


def _reward_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, int]]:
    yield np.array([1.0, 0.0, 0.0, 0.0]), 4
    yield np.array([1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]), 4
    for _ in range(10):
        group = int(rng.integers(2, 7))
        yield rng.integers(0, 2, group * 3) + 0.2 * rng.integers(0, 2, group * 3), group


def _population_deviation(rewards: Floats, group_size: int) -> Floats:
    groups = rewards.reshape(-1, group_size)
    return ((groups - groups.mean(1, keepdims=True)) / (groups.std(1, keepdims=True) + 1e-4)).reshape(-1)


def _whole_batch(rewards: Floats, group_size: int) -> Floats:
    return (rewards - rewards.mean()) / (rewards.std(ddof=1) + 1e-4)


def _no_epsilon(rewards: Floats, group_size: int) -> Floats:
    groups = rewards.reshape(-1, group_size)
    with np.errstate(all="ignore"):
        return ((groups - groups.mean(1, keepdims=True)) / groups.std(1, ddof=1, keepdims=True)).reshape(-1)


def _not_scaled(rewards: Floats, group_size: int) -> Floats:
    groups = rewards.reshape(-1, group_size)
    return (groups - groups.mean(1, keepdims=True)).reshape(-1)


GROUP_ADVANTAGES = Exercise(
    "4.1",
    _advantages,
    _reward_inputs,
    {
        "whole batch": Mistake(
            _whole_batch, "the baseline is the mean of the same prompt's completions, not of the whole batch"
        ),
        "population deviation": Mistake(
            _population_deviation, "the deviation of a sample divides by n - 1, as torch.std does: np.std(..., ddof=1)"
        ),
        "no epsilon": Mistake(
            _no_epsilon,
            "a group with equal rewards has deviation 0; add 1e-4 to the deviation, so that its advantage is 0",
        ),
        "not scaled": Mistake(
            _not_scaled, "divide by the group's standard deviation too (without it you have Dr. GRPO)"
        ),
    },
)
