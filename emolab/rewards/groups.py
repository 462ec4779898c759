"""What GRPO computes from the rewards of a group: advantages, spread, and the share of groups without signal.

A group holds the completions of one prompt. The functions take plain lists, and load no torch. The course computes
them in tensors, too (`emolab_course.scratch`), and a test holds the two equal.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from emolab.errors import RewardError

if TYPE_CHECKING:
    from torch import Tensor

SCALES = ("group", "batch", "none")


def members(keys: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    """Positions of each group's completions, by the group's key."""
    found: dict[Hashable, list[int]] = {}
    for i, key in enumerate(keys):
        found.setdefault(key, []).append(i)
    return found


def groups_of(size: int, columns: Mapping[str, Any]) -> list[list[int]]:
    """Groups of a reward's call: by the column "row", else by equal `prompts`, else all completions in one group."""
    if "row" in columns:
        return list(members(columns["row"]).values())
    prompts = columns.get("prompts")
    return list(members([repr(p) for p in prompts] if prompts is not None else [0] * size).values())


def group_advantages(
    rewards: Sequence[float | None], groups: Sequence[Hashable], scale: str = "group", epsilon: float = 1e-4
) -> list[float]:
    """Advantages of GRPO: (r − group mean) / (standard deviation + ε), as TRL computes them.

    `scale` is "group" (GRPO, R1-Omni: the group's own deviation, n − 1 in the denominator), "batch" (the deviation
    of all rewards) or "none" (Dr. GRPO). A reward of None takes no part and gets 0. Raises RewardError for an
    unknown scale.
    """
    if scale not in SCALES:
        raise RewardError(f"advantage scale {scale!r}: expected one of {', '.join(SCALES)}")
    advantages = [0.0] * len(rewards)
    spread_of_all = deviation([r for r in rewards if r is not None])
    for indices in members(groups).values():
        values = {i: float(r) for i in indices if (r := rewards[i]) is not None}
        if not values:
            continue
        mean = math.fsum(values.values()) / len(values)
        spread = {"group": deviation(list(values.values())), "batch": spread_of_all, "none": 1.0 - epsilon}[scale]
        for i, value in values.items():
            advantages[i] = (value - mean) / (spread + epsilon)
    return advantages


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation (n − 1), 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def flat_groups(rewards: Tensor, group_size: int) -> Tensor:
    """Which completions belong to a group whose rewards are all equal: (N,) → (N,) bool. Such a group teaches nothing.

    Equal means equal up to float32 rounding: a range of at most 1e-7 of the largest absolute reward.
    """
    groups = rewards.view(-1, group_size)
    flat = groups.amax(1) - groups.amin(1) <= 1e-7 * groups.abs().amax(1)
    return flat.repeat_interleave(group_size)


def zero_variance_share(rewards: Sequence[float | None], groups: Sequence[Hashable]) -> float:
    """Share of groups whose rewards are all equal: they teach nothing. NaN for no groups."""
    found = [{rewards[i] for i in indices} for indices in members(groups).values()]
    return sum(len(values) == 1 for values in found) / len(found) if found else float("nan")


def group_spread(values: Sequence[float | None], groups: Sequence[Hashable]) -> float:
    """Mean over groups of the standard deviation within each (n in the denominator); values of None count 0.

    GRPO learns from differences within groups: a part that is nearly constant there has no say, whatever its weight.

    >>> group_spread([0.0, 1.0, 0.5, 0.5], [7, 7, 3, 3])
    0.25
    """
    return fmean(pstdev([values[i] or 0.0 for i in indices]) for indices in members(groups).values())
