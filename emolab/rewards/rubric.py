"""A rubric: named reward parts with weights, gates, clips and schedules, as one TRL reward that keeps every part's
column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from emolab.errors import RewardError
from emolab.rewards.base import completion_text, progress_of
from emolab.rewards.schedules import Linear

RewardFunction = Callable[..., list[float | None]]


@dataclass(frozen=True)
class Part:
    """One reward of a rubric.

    `weight` multiplies it; `schedule` multiplies the weight by a value of training progress; `clip` bounds it before
    weighting; with `gate` it counts only where the part of that name is above `gate_above` (elsewhere it counts 0).
    """

    reward: RewardFunction
    weight: float = 1.0
    gate: str | None = None
    gate_above: float = 0.0
    clip: tuple[float, float] | None = None
    schedule: Linear | None = None

    @property
    def name(self) -> str:
        return self.reward.__name__


@dataclass(frozen=True)
class Scores:
    """Rewards of N completions: `parts` as each reward gave them, `counted` as they entered `total`; None where not
    applicable."""

    parts: dict[str, list[float | None]]
    counted: dict[str, list[float | None]]
    total: list[float | None]

    def table(self) -> list[dict[str, float | None]]:
        """One row a completion: its parts and its total."""
        return [
            {**{name: column[i] for name, column in self.parts.items()}, "total": total}
            for i, total in enumerate(self.total)
        ]


@dataclass(frozen=True)
class Rubric:
    """Weighted sum of parts, itself a TRL reward (callable, picklable, with a `__name__`).

    In TRL it logs each part's mean (`reward/<part>`) and its column of the completions table. Parts that do not
    apply to a completion are left out of its sum; where none applies the total is None. Raises RewardError for two
    parts of one name or a gate that is not a part.

    >>> from emolab.rewards import Accuracy, Format
    >>> rubric = Rubric("demo", (Part(Accuracy()), Part(Format("direct"), weight=0.2)))
    >>> rubric(["?"], ["<answer>sad</answer>"], solution=["sad"])
    [1.2]
    """

    name: str
    parts: tuple[Part, ...]
    clip: tuple[float, float] | None = None
    note: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        if repeated := {name for name in names if names.count(name) > 1}:
            raise RewardError(f"rubric {self.name!r} has two parts named {sorted(repeated)[0]!r}")
        for part in self.parts:
            if part.gate is not None and (part.gate not in names or part.gate == part.name):
                raise RewardError(f"rubric {self.name!r}: {part.name!r} is gated by {part.gate!r}, not another part")

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the parts need, each once."""
        return tuple(dict.fromkeys(c for part in self.parts for c in getattr(part.reward, "columns", ())))

    def score(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> Scores:
        """Every part's rewards and their weighted sum. Raises RewardError for a missing column or a wrong number of
        rewards."""
        texts = [completion_text(completion) for completion in completions]
        raw = {part.name: self._run(part, prompts, texts, columns) for part in self.parts}
        progress = progress_of(columns)
        counted = {part.name: self._count(part, raw, progress) for part in self.parts}
        return Scores(raw, counted, [self._sum(row) for row in zip(*counted.values(), strict=True)])

    def rescore(self, rollouts: Mapping[str, Sequence[Any]], progress: float = 0.0) -> Scores:
        """Score saved rollouts (columns "prompt", "completion" and what the parts need; see
        `emolab.rewards.rollouts`)."""
        if "completion" not in rollouts:
            raise RewardError("these rollouts have no column 'completion'; make some with `emolab reward rollouts`")
        completions = rollouts["completion"]
        columns = {k: v for k, v in rollouts.items() if k not in ("prompt", "completion", "progress")}
        return self.score(rollouts.get("prompt", [""] * len(completions)), completions, **columns, progress=progress)

    def with_part(self, name: str, **changes: Any) -> Rubric:
        """The same rubric with one part changed, for example `with_part("format", weight=0.5)`."""
        if name not in {part.name for part in self.parts}:
            raise RewardError(f"rubric {self.name!r} has no part {name!r}")
        return replace(self, parts=tuple(replace(p, **changes) if p.name == name else p for p in self.parts))

    def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """TRL's call: the totals. Parts go to TRL's `log_metric` and `log_extra` where it passes them."""
        scores = self.score(prompts, completions, **columns)
        self.log(scores, columns)
        return scores.total

    def log(self, scores: Scores, columns: Mapping[str, Any]) -> None:
        """Give every part's mean to TRL's `log_metric` and its column to `log_extra`, where `columns` hold them."""
        for name, values in scores.parts.items():
            applicable = [value for value in values if value is not None]
            if applicable and (log_metric := columns.get("log_metric")) is not None:
                log_metric(f"reward/{name}", sum(applicable) / len(applicable))
            if (log_extra := columns.get("log_extra")) is not None:
                log_extra(name, list(values))

    def _run(self, part: Part, prompts: Sequence[Any], texts: list[str], columns: dict[str, Any]) -> list[float | None]:
        values = part.reward(prompts, texts, **columns)
        if len(values) != len(texts):
            raise RewardError(f"rubric {self.name!r}: {part.name!r} gave {len(values)} rewards for {len(texts)} texts")
        return values

    def _count(self, part: Part, raw: dict[str, list[float | None]], progress: float) -> list[float | None]:
        weight = part.weight * (part.schedule(progress) if part.schedule is not None else 1.0)
        low, high = part.clip or (float("-inf"), float("inf"))
        values = [None if v is None else weight * min(high, max(low, v)) for v in raw[part.name]]
        if part.gate is None:
            return values
        gates = raw[part.gate]
        return [
            v if v is None or (g is not None and g > part.gate_above) else 0.0
            for v, g in zip(values, gates, strict=True)
        ]

    def _sum(self, row: Sequence[float | None]) -> float | None:
        applicable = [value for value in row if value is not None]
        if not applicable:
            return None
        total = sum(applicable)
        return total if self.clip is None else min(self.clip[1], max(self.clip[0], total))
