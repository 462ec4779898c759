"""The shape of a reward: `f(completions, **columns) -> list[float | None]`, as TRL calls it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from emolab.errors import RewardError


class Reward(Protocol):
    """Any function or object that scores completions.

    `completions` are strings or lists of chat messages. `columns` hold one value a completion for each column of the
    data set ("solution", "words", "caption", …), and whatever else the trainer passes. The result has one number for
    each completion, or None where the reward does not apply.

    >>> def short(completions, **columns):
    ...     return [float(len(text) < 80) for text in completions]
    """

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]: ...


class Named:
    """The name and the columns of a reward that has parameters: a frozen dataclass beside this.

    `columns` lists the columns that the reward needs. A reward with `published=True` is called `…_published`.
    """

    name: ClassVar[str]
    columns: ClassVar[tuple[str, ...]] = ()

    @property
    def __name__(self) -> str:
        return f"{self.name}_published" if getattr(self, "published", False) else self.name


def reward_name(reward: Any) -> str:
    """The name of a reward: its `__name__`, that of the function inside a `functools.partial`, or its class."""
    inner = reward.func if isinstance(reward, functools.partial) else reward
    return str(getattr(inner, "__name__", type(inner).__name__))


def check_reward(reward: Any, where: str = "") -> None:
    """Raise RewardError unless `reward` can be called as `reward(completions=..., **columns)`."""
    name = reward_name(reward)
    if not callable(reward):
        raise RewardError(f"{where}{name!r} is no reward: it cannot be called ({type(reward).__name__})")
    try:
        parameters = inspect.signature(reward).parameters
    except (TypeError, ValueError):  # a callable that states no signature
        return
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if "completions" not in parameters or not takes_all:
        given = ", ".join(str(p) for p in parameters.values())
        raise RewardError(f"{where}reward {name!r} takes ({given}); write `def {name}(completions, **columns)`")


def each(
    reward: Named, completions: Sequence[Any], columns: Mapping[str, Any], score: Callable[..., float | None]
) -> list[float | None]:
    """`score(text, *values)` for each completion, with its values of the columns that the reward needs, in order.

    The score is None where a value is None. Raises RewardError for a missing column.
    """
    texts = [completion_text(completion) for completion in completions]
    needed = [take_column(reward.name, name, columns, len(texts)) for name in reward.columns]
    return [
        score(text, *row) if all(value is not None for value in row) else None
        for text, *row in zip(texts, *needed, strict=True)
    ]


def completion_text(completion: Any) -> str:
    """The text of a completion: a string, or chat messages whose contents are strings or lists of text parts.

    >>> completion_text([{"role": "assistant", "content": "<answer>sad</answer>"}])
    '<answer>sad</answer>'
    """
    if isinstance(completion, str):
        return completion
    if isinstance(completion, Sequence) and all(isinstance(m, Mapping) and "content" in m for m in completion):
        return "".join(_content_text(message["content"]) for message in completion)
    raise RewardError(f"a completion must be a string or a list of chat messages, got {type(completion).__name__}")


def _content_text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.get("text") or "" for part in content if part.get("type", "text") == "text")


def take_column(reward: str, name: str, columns: Mapping[str, Any], size: int) -> Sequence[Any]:
    """The values of one column, one for each completion. Raises RewardError that names the column."""
    if name not in columns:
        given = ", ".join(sorted(k for k, v in columns.items() if isinstance(v, Sequence))) or "none"
        raise RewardError(f"reward {reward!r} needs the column {name!r} in the data set; columns given: {given}")
    values = columns[name]
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != size:
        found = len(values) if isinstance(values, Sequence) and not isinstance(values, str) else type(values).__name__
        raise RewardError(f"reward {reward!r}: column {name!r} must hold {size} values, one a completion; got {found}")
    return values


def progress_of(columns: Mapping[str, Any]) -> float:
    """How far training is, 0 to 1: the argument `progress`, else TRL's `trainer_state`, else 0."""
    if isinstance(progress := columns.get("progress"), (int, float)):
        return min(1.0, max(0.0, float(progress)))
    state = columns.get("trainer_state")
    if state is None or not state.max_steps or state.max_steps < 0:
        return 0.0
    return min(1.0, state.global_step / state.max_steps)


@dataclass(frozen=True)
class LinearSchedule:
    """A value that moves from `start` to `end` while progress moves from `begin` to `finish`, and stays there.

    >>> LinearSchedule(1.0, 0.0)(0.25)
    0.75
    """

    start: float = 1.0
    end: float = 0.0
    begin: float = 0.0
    finish: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.begin < self.finish <= 1.0:
            raise ValueError(f"a schedule needs 0 ≤ begin < finish ≤ 1, got begin={self.begin}, finish={self.finish}")

    def __call__(self, progress: float) -> float:
        done = min(1.0, max(0.0, (progress - self.begin) / (self.finish - self.begin)))
        return self.start + (self.end - self.start) * done


def value_at(value: float | LinearSchedule, progress: float) -> float:
    """A number as it is, or a schedule's value at `progress`."""
    return value(progress) if isinstance(value, LinearSchedule) else value
