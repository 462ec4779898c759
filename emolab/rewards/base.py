"""What every reward is: a small frozen object that TRL can call, pickle and name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from emolab.errors import RewardError


class Reward(ABC):
    """A TRL reward: `reward(prompts, completions, **columns) -> list[float | None]`, pure, picklable, with a
    `__name__`.

    A subclass is a frozen dataclass of parameters that states its `name`, the `columns` it needs, and how it scores
    one completion. A value of None says "not applicable": the column is empty for that row. Other keyword arguments
    that TRL passes (completion ids, trainer state, logging hooks) are ignored.
    """

    name: ClassVar[str]
    columns: ClassVar[tuple[str, ...]] = ()

    @property
    def __name__(self) -> str:
        return self.name

    @abstractmethod
    def score(self, text: str, *values: Any) -> float | None:
        """Reward of one completion, given its values of `columns`, in that order. None where it does not apply."""

    def at(self, progress: float) -> Self:
        """This reward as it is at `progress` (0 to 1) of training. Rewards without a curriculum return themselves."""
        return self

    def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Score each completion (a string, or a list of chat messages). Raises RewardError for a missing column."""
        reward = self.at(progress_of(columns))
        texts = [completion_text(completion) for completion in completions]
        values = [take_column(self.name, name, columns, len(texts)) for name in self.columns]
        return [
            reward.score(text, *row) if all(v is not None for v in row) else None
            for text, *row in zip(texts, *values, strict=True)
        ]


def completion_text(completion: Any) -> str:
    """The text of a completion: a string, or chat messages whose contents are strings or lists of text parts.

    >>> completion_text([{"role": "assistant", "content": "<answer>sad</answer>"}])
    '<answer>sad</answer>'
    """
    if isinstance(completion, str):
        return completion
    if isinstance(completion, Sequence) and all(isinstance(m, dict) and "content" in m for m in completion):
        return "".join(_content_text(message["content"]) for message in completion)
    raise RewardError(f"a completion must be a string or a list of chat messages, got {type(completion).__name__}")


def _content_text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.get("text") or "" for part in content if part.get("type", "text") == "text")


def take_column(reward: str, name: str, columns: dict[str, Any], size: int) -> Sequence[Any]:
    """The values of one column, one for each completion. Raises RewardError that names the column."""
    if name not in columns:
        given = ", ".join(sorted(k for k, v in columns.items() if isinstance(v, Sequence))) or "none"
        raise RewardError(f"reward {reward!r} needs the column {name!r} in the data set; columns given: {given}")
    values = columns[name]
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != size:
        found = len(values) if isinstance(values, Sequence) and not isinstance(values, str) else type(values).__name__
        raise RewardError(f"reward {reward!r}: column {name!r} must hold {size} values, one a completion; got {found}")
    return values


def progress_of(columns: dict[str, Any]) -> float:
    """How far training is, 0 to 1: the argument `progress`, else TRL's `trainer_state`, else 0."""
    if isinstance(progress := columns.get("progress"), (int, float)):
        return min(1.0, max(0.0, float(progress)))
    state = columns.get("trainer_state")
    if state is None or not state.max_steps or state.max_steps < 0:
        return 0.0
    return min(1.0, state.global_step / state.max_steps)
