"""A rubric: a list of rewards with weights, gates, clips and schedules, which is itself a reward."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from emolab.errors import RewardError
from emolab.rewards.base import LinearSchedule, Reward, check_reward, progress_of, reward_name
from emolab.rewards.groups import group_spread
from emolab.rewards.guard import Guarded

SPREAD = " spread"
"""Ending of the metric that holds a part's standard deviation within groups: `reward/<part> spread`."""


@dataclass(frozen=True)
class Part:
    """One reward of a rubric.

    `weight` multiplies it; `schedule` multiplies the weight by a value of training progress; `clip` bounds it before
    weighting; with `gate` it counts only where the part of that name is above `gate_above` (elsewhere it counts 0).
    """

    reward: Reward
    weight: float = 1.0
    gate: str | None = None
    gate_above: float = 0.0
    clip: tuple[float, float] | None = None
    schedule: LinearSchedule | None = None

    def __post_init__(self) -> None:
        check_reward(self.reward)

    @property
    def name(self) -> str:
        """The reward's name."""
        return reward_name(self.reward)

    def count(self, values: Sequence[float | None], progress: float) -> list[float | None]:
        """The part's values as they enter the sum, before its gate."""
        weight = self.weight * (self.schedule(progress) if self.schedule is not None else 1.0)
        low, high = self.clip or (-math.inf, math.inf)
        return [None if v is None else weight * min(high, max(low, v)) for v in values]


@dataclass(frozen=True)
class Scores:
    """Rewards of N completions; None where a part does not apply.

    `parts` holds the values as each reward gave them, `counted` as they entered `total`.
    """

    parts: dict[str, list[float | None]]
    counted: dict[str, list[float | None]]
    total: list[float | None]

    def rows(self) -> list[dict[str, float | None]]:
        """One row a completion: its parts and its total."""
        return [
            {**{name: column[i] for name, column in self.parts.items()}, "total": total}
            for i, total in enumerate(self.total)
        ]

    table = rows  # earlier name


@dataclass(frozen=True)
class Rubric:
    """A weighted sum of parts, itself a reward (callable, picklable, with a `__name__`).

    `Rubric.of([f, (g, 0.5)])` makes one from plain functions. Every part is guarded: one that raises, or returns
    something else than one number or None for each completion, is an error that names the part, the row and the
    completion. Parts that do not apply to a completion are left out of its sum; where none applies the total is
    None. `clip` bounds the sum. In a trainer, the rubric logs each part's mean (`reward/<part>`) and its spread
    within groups, and its column of the completions table.

    Raises RewardError for two parts of one name, or for a gate that is not a part.

    >>> def short(completions, **columns):
    ...     return [float(len(text) < 80) for text in completions]
    >>> Rubric.of([(short, 0.5)])(["<answer>sad</answer>"])
    [0.5]
    """

    name: str
    parts: tuple[Part, ...]
    clip: tuple[float, float] | None = None
    note: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        if not names:
            raise RewardError(f"rubric {self.name!r} has no parts")
        if twice := next((n for n in names if names.count(n) > 1), None):
            raise RewardError(f"rubric {self.name!r} has two parts named {twice!r}; wrap or rename one")
        if odd := next((p for p in self.parts if p.gate is not None and p.gate not in names), None):
            raise RewardError(f"rubric {self.name!r}: {odd.name!r} is gated by {odd.gate!r}, which is not a part")

    @classmethod
    def of(
        cls, rewards: Iterable[Reward | tuple[Reward, float] | Part], name: str = "rubric", **options: Any
    ) -> Rubric:
        """A rubric of rewards, each alone (weight 1), with its weight, or as a `Part`. `options` as the class takes."""
        parts = (r if isinstance(r, Part) else Part(*r) if isinstance(r, tuple) else Part(r) for r in rewards)
        return cls(name, tuple(parts), **options)

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the parts state to need, each once. A plain function states none."""
        return tuple(dict.fromkeys(c for part in self.parts for c in getattr(part.reward, "columns", ())))

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """The totals. Parts go to TRL's `log_metric` and `log_extra` where `columns` hold these."""
        scores = self.score(completions, **columns)
        self._log(scores, columns)
        return scores.total

    def score(self, completions: Sequence[Any], **columns: Any) -> Scores:
        """Every part, as given and as counted, and the totals."""
        progress = progress_of(columns)
        # Parts must not log again what the rubric logs, nor see the trainer's hooks.
        shown = {k: v for k, v in columns.items() if k not in ("log_metric", "log_extra")}
        raw = {part.name: Guarded(part.reward)(completions, **shown) for part in self.parts}
        counted = {part.name: self._gated(part, part.count(raw[part.name], progress), raw) for part in self.parts}
        return Scores(raw, counted, [self._sum(row) for row in zip(*counted.values(), strict=True)])

    def rescore(self, rollouts: Mapping[str, Sequence[Any]], progress: float = 0.0) -> Scores:
        """Score saved rollouts, columns that hold "completion" and what the parts need (`emolab.rewards.rollouts`)."""
        if "completion" not in rollouts:
            raise RewardError("these rollouts have no column 'completion'; make some with `emolab reward rollouts`")
        columns = {k: v for k, v in rollouts.items() if k not in ("prompt", "completion", "progress")}
        if "prompt" in rollouts:
            columns["prompts"] = rollouts["prompt"]
        return self.score(rollouts["completion"], **columns, progress=progress)

    def with_part(self, name: str, **changes: Any) -> Rubric:
        """The same rubric with one part changed, for example `with_part("format", weight=0.5)`."""
        if name not in {part.name for part in self.parts}:
            raise RewardError(f"rubric {self.name!r} has no part {name!r}")
        return replace(self, parts=tuple(replace(p, **changes) if p.name == name else p for p in self.parts))

    def _log(self, scores: Scores, columns: Mapping[str, Any]) -> None:
        log_metric, log_extra = columns.get("log_metric"), columns.get("log_extra")
        for name, values in scores.parts.items():
            applicable = [value for value in values if value is not None]
            if log_metric is not None and applicable:
                log_metric(f"reward/{name}", math.fsum(applicable) / len(applicable))
                if "row" in columns:
                    log_metric(f"reward/{name}{SPREAD}", group_spread(values, columns["row"]))
            if log_extra is not None:
                log_extra(name, list(values))

    @staticmethod
    def _gated(part: Part, values: list[float | None], raw: Mapping[str, Sequence[float | None]]) -> list[float | None]:
        if part.gate is None:
            return values
        return [
            v if v is None or (g is not None and g > part.gate_above) else 0.0
            for v, g in zip(values, raw[part.gate], strict=True)
        ]

    def _sum(self, row: Sequence[float | None]) -> float | None:
        applicable = [value for value in row if value is not None]
        if not applicable:
            return None
        total = sum(applicable)
        return total if self.clip is None else min(self.clip[1], max(self.clip[0], total))
