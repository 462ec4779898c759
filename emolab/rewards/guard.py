"""The guard around a reward: one finite number or None for each completion, or an error that says where not."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from emolab.errors import RewardError
from emolab.rewards.base import Reward, completion_text, reward_name

LARGEST = 3.4028234e38
"""The largest number of float32, in which trainers keep rewards."""


class GuardError(RewardError):
    """An error that a guard raises; another guard around it passes it on unchanged."""


class Guarded:
    """A reward whose failures are errors that name the reward, the step, the row and the completion.

    A trainer would show a traceback without the completion, train on a NaN, or stop far from the cause at a wrong
    type. The reward gets copies of the completions and the columns, so that it cannot change what the next reward
    sees. None stays allowed: the reward does not apply to that completion. Raises RewardError.
    """

    def __init__(self, reward: Reward, name: str | None = None):
        self.reward = reward
        self.__name__ = name or reward_name(reward)

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        try:
            found = self._call(completions, columns)
        except GuardError:
            raise
        except Exception as error:
            raise GuardError(self._blame(error, completions, columns)) from error
        return [self._number(value, i, completions, columns) for i, value in enumerate(self._rows(found, completions))]

    def _call(self, completions: Sequence[Any], columns: Mapping[str, Any]) -> Any:
        return self.reward(completions=_own(completions), **{name: _own(value) for name, value in columns.items()})

    def _rows(self, found: Any, completions: Sequence[Any]) -> list[Any]:
        if isinstance(found, (str, bytes, Mapping)) or not hasattr(found, "__iter__"):
            raise GuardError(
                f"reward {self.__name__!r} returned {excerpt(repr(found), 60)} ({type(found).__name__}); "
                "expected a list of one number or None for each completion"
            )
        rows = list(found)
        if len(rows) != len(completions):
            raise GuardError(f"reward {self.__name__!r} returned {len(rows)} values for {len(completions)} completions")
        return rows

    def _number(self, value: Any, i: int, completions: Sequence[Any], columns: Mapping[str, Any]) -> float | None:
        if value is None:
            return None
        number = _as_number(value)
        if number is None:
            what = f"{excerpt(repr(value), 60)} ({type(value).__name__}), not a number or None,"
        elif not math.isfinite(number):
            what = f"{number}"
        elif abs(number) > LARGEST:
            what = f"{number:g}, which is infinite in float32,"
        else:
            return number
        raise GuardError(
            f"reward {self.__name__!r} is {what} at {_where(i, columns)}, completion {_text_of(completions[i])}"
        )

    def _blame(self, error: Exception, completions: Sequence[Any], columns: Mapping[str, Any]) -> str:
        """The message for a reward that raised: the first completion that makes it raise when it is scored alone."""
        for i, completion in enumerate(completions):
            one = {k: [v[i]] if _is_column(v, len(completions)) else v for k, v in columns.items()}
            try:
                self._call([completion], one)
            except Exception as alone:  # noqa: BLE001 - whatever the reward raises is what we report
                return f"{self._said(alone)} at {_where(i, columns)}, completion {_text_of(completion)}"
        return f"{self._said(error)} on a batch of {len(completions)} (no single completion does)"

    def _said(self, error: Exception) -> str:
        own = isinstance(error, RewardError) and f"{self.__name__.removesuffix('_published')!r}" in str(error)
        return str(error) if own else f"reward {self.__name__!r} raised {type(error).__name__}: {error}"


def _as_number(value: Any) -> float | None:
    """A value as a float: a number, or an array or tensor of one; None for anything else."""
    if isinstance(value, Real):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        item = value.item()
        return float(item) if isinstance(item, Real) else None
    return None


def _own(value: Any) -> Any:
    """A copy of a column as far as a reward could change it: lists, dicts, sets and arrays; objects stay shared."""
    if isinstance(value, (str, bytes, int, float)) or value is None:
        return value
    if type(value) is list:
        return [_own(item) for item in value]
    if type(value) is tuple:
        return tuple(_own(item) for item in value)
    if type(value) is dict:
        return {key: _own(item) for key, item in value.items()}
    if isinstance(value, set) or type(value).__module__.split(".")[0] in ("numpy", "array"):
        return copy.copy(value)
    return value


def _is_column(value: Any, size: int) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == size


def _where(i: int, columns: Mapping[str, Any]) -> str:
    rows, state = columns.get("row"), columns.get("trainer_state")
    step = f"step {state.global_step + 1}, " if state is not None else ""
    return f"{step}row {rows[i] if rows is not None else i}"


def _text_of(completion: Any) -> str:
    try:
        return repr(excerpt(completion_text(completion)))
    except RewardError:
        return excerpt(repr(completion))


def excerpt(text: str, width: int = 300) -> str:
    """The start of a text, for an error."""
    return text if len(text) <= width else text[:width] + "…"
