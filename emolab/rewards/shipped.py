"""The rubrics of `rubrics.toml` by name, for any set of labels, and those that are registered from outside."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from emolab.emotions import EMOLAB_7, LabelSet, label_set
from emolab.errors import RewardError
from emolab.files import read_toml
from emolab.registry import Registry
from emolab.rewards.base import Reward
from emolab.rewards.captions import Bleu, Cider, EmoGRPO
from emolab.rewards.form import Format, Structure
from emolab.rewards.labels import ESWR, Accuracy
from emolab.rewards.reasoning import Perception, Support, TrustedReasoning
from emolab.rewards.rubric import Part, Rubric
from emolab.rewards.wheel import Alignment, Dual, WheelF

Build = Callable[[LabelSet], Rubric]
RUBRICS: Registry[Build | Reward] = Registry("reward", {}, RewardError)
"""Every known rubric by name, as a function of a label set; and every reward that was registered from outside."""


def register_rubric(build: Build) -> Build:
    """Make a rubric known by the name of its function; the first line of the docstring becomes its note."""
    RUBRICS.add(build.__name__, build)
    return build


def rubric(name: str, labels: LabelSet | Sequence[str] | str = EMOLAB_7) -> Rubric:
    """A known rubric for a set of labels (a set, its name, or a list). A registered reward becomes a one-part rubric.

    Raises RewardError that lists the names.
    """
    if name not in RUBRICS:
        raise RewardError(f"no rubric {name!r}; known are {', '.join(RUBRICS)}")
    found: Any = RUBRICS[name]
    if is_reward(found):
        return found if isinstance(found, Rubric) else Rubric.of([found], name)
    return replace(found(label_set(labels)), note=(inspect.getdoc(found) or "").partition("\n")[0])


def is_reward(thing: Any) -> bool:
    """Whether something takes completions, rather than making a rubric of a label set."""
    return "completions" in inspect.signature(thing).parameters


PLAIN: dict[str, Callable[..., Reward]] = {
    kind.name: kind for kind in (Format, Structure, WheelF, Dual, Alignment, Perception, EmoGRPO, Bleu, Cider, Support)
}
LABELLED: dict[str, Callable[..., Reward]] = {
    "accuracy": Accuracy,
    "eswr": ESWR,
    "trusted_reasoning": lambda labels: TrustedReasoning(accuracy=Accuracy(labels)),
}
"""The rewards that `rubrics.toml` names; these need the labels."""
STATED: dict[str, Any] = read_toml(__file__, "rubrics.toml")


def _part(stated: Mapping[str, Any], labels: LabelSet) -> Part:
    name, options = stated["reward"], {k: v for k, v in stated.items() if k not in ("reward", "weight", "gate")}
    reward = LABELLED[name](labels, **options) if name in LABELLED else PLAIN[name](**options)
    return Part(reward, stated.get("weight", 1.0), stated.get("gate"))


def _build(name: str, parts: Sequence[Mapping[str, Any]], note: str) -> Build:
    def build(labels: LabelSet) -> Rubric:
        return Rubric(name, tuple(_part(part, labels) for part in parts))

    build.__name__, build.__doc__ = name, note
    return build


for _name, _rubric in STATED.items():
    register_rubric(_build(_name, **_rubric))
