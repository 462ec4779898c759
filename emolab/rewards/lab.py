"""What the reward lab computes, as plain functions: advantages, rankings, and a rubric's controls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from emolab.errors import RewardError
from emolab.rewards.rubric import Part, Rubric
from emolab.rewards.schedules import Linear

SCALES = ("group", "batch", "none")


def group_advantages(
    rewards: Sequence[float | None], groups: Sequence[Any], scale: str = "group", epsilon: float = 1e-4
) -> list[float]:
    """Advantages of GRPO: (r − group mean) / (standard deviation + ε), as TRL computes them.

    `scale` is "group" (GRPO, R1-Omni: the group's own deviation, n − 1 in the denominator), "batch" (the deviation
    of all rewards) or "none" (Dr. GRPO). A reward of None takes no part and gets 0. Raises RewardError for an
    unknown scale.
    """
    if scale not in SCALES:
        raise RewardError(f"advantage scale {scale!r}: expected one of {', '.join(SCALES)}")
    members: dict[Any, list[int]] = {}
    for i, (key, reward) in enumerate(zip(groups, rewards, strict=True)):
        if reward is not None:
            members.setdefault(key, []).append(i)
    advantages = [0.0] * len(rewards)
    spread_of_all = deviation([r for r in rewards if r is not None])
    for indices in members.values():
        values = [float(rewards[i] or 0.0) for i in indices]
        mean = math.fsum(values) / len(values)
        spread = {"group": deviation(values), "batch": spread_of_all, "none": 1.0 - epsilon}[scale]
        for i, value in zip(indices, values, strict=True):
            advantages[i] = (value - mean) / (spread + epsilon)
    return advantages


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation (n − 1), 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def zero_variance_share(rewards: Sequence[float | None], groups: Sequence[Any]) -> float:
    """Share of groups whose rewards are all equal: they teach nothing. NaN for no groups."""
    members: dict[Any, set[float | None]] = {}
    for key, reward in zip(groups, rewards, strict=True):
        members.setdefault(key, set()).add(reward)
    return sum(len(values) == 1 for values in members.values()) / len(members) if members else float("nan")


def ranking(
    rubric: Rubric, rollouts: Mapping[str, Sequence[Any]], progress: float = 0.0, scale: str = "group"
) -> list[dict[str, Any]]:
    """Completions from best to worst under a rubric: rank, total, advantage, each part as counted, and the text."""
    scores = rubric.rescore(rollouts, progress)
    groups = rollouts.get("row", [0] * len(scores.total))
    advantages = group_advantages(scores.total, groups, scale)
    order = sorted(range(len(scores.total)), key=lambda i: -(scores.total[i] or 0.0))
    return [
        {
            "rank": rank,
            "total": scores.total[i],
            "advantage": advantages[i],
            **{name: values[i] for name, values in scores.counted.items()},
            "completion": rollouts["completion"][i],
        }
        for rank, i in enumerate(order, 1)
    ]


def summary(rubric: Rubric, rollouts: Mapping[str, Sequence[Any]], progress: float = 0.0) -> dict[str, float]:
    """A rubric over all rollouts: mean total, mean of each part as counted, and the share of groups without
    variance."""
    scores = rubric.rescore(rollouts, progress)
    groups = rollouts.get("row", list(range(len(scores.total))))
    means = {name: _mean(values) for name, values in (("total", scores.total), *scores.counted.items())}
    return {**means, "zero_variance": zero_variance_share(scores.total, groups)}


def _mean(values: Sequence[float | None]) -> float:
    found = [value for value in values if value is not None]
    return math.fsum(found) / len(found) if found else float("nan")


@dataclass(frozen=True)
class Control:
    """One thing that a rubric lets its user change: a weight, a gate, or a parameter of a part's reward."""

    part: str
    field: str
    kind: str
    value: Any
    options: tuple[Any, ...] = ()

    @property
    def key(self) -> str:
        """The name under which `apply` takes a new value."""
        return f"{self.part}.{self.field}"


def controls(rubric: Rubric) -> list[Control]:
    """Every control of a rubric: for each part its weight, its gate, and its reward's numbers and switches."""
    found = []
    names = [part.name for part in rubric.parts]
    for part in rubric.parts:
        found.append(Control(part.name, "weight", "number", part.weight))
        found.append(Control(part.name, "gate", "choice", part.gate, (None, *(n for n in names if n != part.name))))
        found += _parameters(part)
    return found


def _parameters(part: Part) -> list[Control]:
    """Numbers and switches of a part's reward; a schedule becomes the number that it starts from."""
    found: list[Control] = []
    reward: Any = part.reward
    for item in fields(reward) if is_dataclass(reward) else ():
        value = getattr(reward, item.name)
        if isinstance(value, Linear):
            value = value(0.0)
        if isinstance(value, (bool, int, float)) and item.name != "published":
            found.append(Control(part.name, item.name, "switch" if isinstance(value, bool) else "number", value))
    return found


def apply(rubric: Rubric, values: Mapping[str, Any]) -> Rubric:
    """The rubric with controls set, `values` by `Control.key`. Raises RewardError for a key that is no control."""
    known = {control.key for control in controls(rubric)}
    if unknown := sorted(set(values) - known):
        raise RewardError(f"rubric {rubric.name!r} has no control {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return replace(rubric, parts=tuple(_apply_part(part, values) for part in rubric.parts))


def _apply_part(part: Part, values: Mapping[str, Any]) -> Part:
    changes = {key.split(".", 1)[1]: value for key, value in values.items() if key.split(".", 1)[0] == part.name}
    own = {name: changes.pop(name) for name in ("weight", "gate") if name in changes}
    reward: Any = part.reward
    return replace(part, reward=replace(reward, **changes) if changes else reward, **own)
