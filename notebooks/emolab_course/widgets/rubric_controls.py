"""What the reward lab computes, as plain functions: rankings with advantages, and a rubric's controls."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from typing import Any

from emolab.emotions import LabelSet, label_set
from emolab.errors import RewardError
from emolab.rewards.base import LinearSchedule, reward_name
from emolab.rewards.form import STYLES
from emolab.rewards.groups import members
from emolab.rewards.rubric import Part, Rubric
from emolab.rewards.wheel import PENALTIES
from emolab.wheels.model import SETTINGS

SCALES = ("group", "batch", "none")


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


@dataclass(frozen=True)
class Control:
    """One thing that a rubric lets its user change: a weight, a gate, or a parameter of a part's reward.

    `kind` is "number", "switch" or "choice"; a number may state its `range`, a choice its `options`. A schedule has
    controls of its own for its start and its end ("alpha.start", "alpha.end"), so that it stays a schedule.
    """

    part: str
    field: str
    kind: str
    value: Any
    options: tuple[Any, ...] = ()
    range: tuple[float, float] | None = None

    @property
    def key(self) -> str:
        """The name under which `apply` takes a new value."""
        return f"{self.part}.{self.field}"


_UNIT = ("gate_above", "gamma", "alpha", "start", "end", "overlap", "min_precision", "begin", "min_accuracy")
RANGES = dict.fromkeys(_UNIT, (0.0, 1.0)) | {"weight": (0.0, 2.0), "floor": (-1.0, 1.0)}
RANGES |= dict.fromkeys(("temperature", "scale"), (0.05, 2.0))
"""Least and largest value of a control, by the name of its field."""
CHOICES = {"style": STYLES, "penalty": tuple(PENALTIES), "setting": SETTINGS, "kind": ("plutchik", "vad")}
"""Values of a parameter that is text, by the name of its field."""


def controls(rubric: Rubric) -> list[Control]:
    """Every control of a rubric: for each part its weight, its gate, its schedule, and its reward's parameters."""
    found = []
    names = [part.name for part in rubric.parts]
    for part in rubric.parts:
        others = (None, *(name for name in names if name != part.name))
        found.append(Control(part.name, "weight", "number", part.weight, range=RANGES["weight"]))
        found.append(Control(part.name, "gate", "choice", part.gate, others))
        if part.schedule is not None:
            found += _of_value(part.name, "schedule", part.schedule)
        reward: Any = part.reward
        for item in fields(reward) if is_dataclass(reward) else ():
            if item.name != "published":
                found += _of_value(part.name, item.name, getattr(reward, item.name))
    return found


def _of_value(part: str, name: str, value: Any) -> list[Control]:
    last = name.rsplit(".", 1)[-1]
    if isinstance(value, LinearSchedule):
        return [c for end in ("start", "end") for c in _of_value(part, f"{name}.{end}", getattr(value, end))]
    if isinstance(value, bool):
        return [Control(part, name, "switch", value)]
    if isinstance(value, (int, float)):
        return [Control(part, name, "number", value, range=RANGES.get(last))]
    options = CHOICES.get(last, ())
    return [Control(part, name, "choice", value, options)] if value in options else []


def apply(rubric: Rubric, values: Mapping[str, Any]) -> Rubric:
    """The rubric with controls set, `values` by `Control.key`. Raises RewardError for a key that is no control."""
    known = {control.key for control in controls(rubric)}
    if unknown := sorted(set(values) - known):
        raise RewardError(f"rubric {rubric.name!r} has no control {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return replace(rubric, parts=tuple(_apply_part(part, values) for part in rubric.parts))


def _apply_part(part: Part, values: Mapping[str, Any]) -> Part:
    changes = {key.split(".", 1)[1]: value for key, value in values.items() if key.split(".", 1)[0] == part.name}
    own = {name: changes.pop(name) for name in tuple(changes) if name.split(".")[0] in ("weight", "gate", "schedule")}
    return _changed(replace(part, reward=_changed(part.reward, changes)), own)


def _changed(thing: Any, changes: Mapping[str, Any]) -> Any:
    """A frozen dataclass with fields changed; "alpha.start" changes the field of a field."""
    flat = {name: value for name, value in changes.items() if "." not in name}
    for name in {name.split(".")[0] for name in changes if "." in name}:
        inner = {key.split(".", 1)[1]: value for key, value in changes.items() if key.startswith(f"{name}.")}
        flat[name] = _changed(getattr(thing, name), inner)
    return replace(thing, **flat) if flat else thing


def as_python(value: Any) -> str:
    """A rubric, a part, or a reward as the Python expression that makes it; values at their defaults are left out.

    >>> as_python(Rubric.of([(Format("any"), 0.5)], "mine"))
    "Rubric('mine', (Part(Format('any'), weight=0.5),))"
    """
    if isinstance(value, LabelSet):
        return repr(value.name) if label_set(value.name) == value else repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(as_python, value))}{',' if len(value) == 1 else ''})"
    if not is_dataclass(value) or isinstance(value, type):
        return reward_name(value) if callable(value) else repr(value)
    given = [(f, getattr(value, f.name)) for f in fields(value) if f.compare and f.repr]
    changed = [(f.name, v) for f, v in given if v != _default(f)]
    lead = 0
    while lead < len(changed) and changed[lead][0] == given[lead][0].name:
        lead += 1
    names = [f"{name}={as_python(v)}" for name, v in changed[lead:]]
    return f"{type(value).__name__}({', '.join([as_python(v) for _, v in changed[:lead]] + names)})"


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default
