"""The exercises of notebook 04: GRPO."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, Mistake

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


def _turned(rewards: Floats, group_size: int) -> Floats:
    return -_advantages(rewards, group_size)


def _in_rows(rewards: Floats, group_size: int) -> Floats:
    return _advantages(rewards, group_size).reshape(-1, group_size)


GROUP_ADVANTAGES = FunctionExercise(
    number="4.1",
    title="Group advantages",
    kind="implement",
    stars=2,
    minutes=15,
    why=("this line replaces the critic of PPO: whether an answer is reinforced depends on its group alone."),
    hints=(
        ("A reward of 0.6 is good in one group and bad in another. Compare each answer with those to the same prompt."),
        (
            "Reshape to (groups, group_size); take each row's mean off; divide by each row's standard "
            "deviation plus 1e-4."
        ),
        "std is that of a sample (ddof=1), as torch.std computes it; at the end reshape to one dimension.",
    ),
    reasoning=(
        "Answers to the same prompt share its difficulty, so their mean is a baseline that needs no "
        "learned critic. Dividing by the spread gives every prompt the same say, easy or hard. The small "
        "constant makes a group whose answers all earn the same give advantage 0, and not NaN. Such a "
        "group teaches nothing, which is why partial credit is tempting."
    ),
    reference=_advantages,
    inputs=_reward_inputs,
    mistakes={
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
        "turned": Mistake(
            _turned, "a reward above the mean is good: subtract the mean from the reward, not the reverse"
        ),
        "in rows": Mistake(_in_rows, "give the advantages back as one row of n numbers: reshape(-1) at the end"),
    },
)

EXERCISES = (GROUP_ADVANTAGES,)
