"""What GRPO reads off the rewards of a group, the completions of one prompt: spread, and the share without signal."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


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
