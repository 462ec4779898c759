"""What a claim is made of: arms (trainings of a recipe, measured at one stage) and contrasts between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emolab.errors import EvaluationError

STAGES = ("before", "after", "sft")
PLACES = ("home", "elsewhere", "val")
MARKS = {
    "S": "read in released code or the abstract",
    "2": "second-hand: digests and re-implementations",
    "?": "not found, chosen here",
}
MIN_SEEDS = 5


@dataclass(frozen=True)
class Arm:
    """One thing that is compared: a recipe under `changes` of its ledger settings, measured at `stage`.

    `stage` is "before" (the cold start), "after" (GRPO) or "sft" (supervised on GRPO's labels). An arm that is
    measured after GRPO starts from the cold start of the settings `start` (its own changes, if None), so that arms
    with the same `start` and seed are pairs.
    """

    name: str
    recipe: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    stage: str = "after"
    start: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise EvaluationError(f"arm {self.name!r}: stage {self.stage!r}, expected one of {', '.join(STAGES)}")

    @property
    def cold(self) -> Mapping[str, Any]:
        """Changes that define the cold start it is, or begins from."""
        return self.changes if self.start is None else self.start


@dataclass(frozen=True)
class Contrast:
    """One difference that a claim says something about: `metric` of `first` less that of `second` (None: less 0).

    `metric` is a key of `benchmarks.claims.metrics.METRICS`; `place` where it is measured: "home" (held-out talkers and
    sentences), "elsewhere" (another domain) or "val". `sign` is +1 where the claim says that the difference is
    positive, else -1. `of` is "mean" over seeds or their "spread" (standard deviation). One that does not `count` is
    shown but takes no part in the verdict. With `no_worse` the claim is only that the difference is not on the other
    side by more than the metric's margin.
    """

    first: str
    second: str | None
    metric: str
    place: str = "home"
    sign: int = 1
    of: str = "mean"
    count: bool = True
    no_worse: bool = False

    def __post_init__(self) -> None:
        if self.sign not in (-1, 1) or self.of not in ("mean", "spread") or self.place not in PLACES:
            raise EvaluationError(
                f"contrast {self.first} / {self.second}: sign {self.sign} (1 or -1), of {self.of!r} (mean or spread), "
                f"place {self.place!r} ({', '.join(PLACES)})"
            )


@dataclass(frozen=True)
class Claim:
    """A claim of a paper: `says` with its evidence `mark` (see MARKS), what `ran` here, and what decides it.

    `also` are further (metric, place) columns of the table of arms. Raises EvaluationError for a contrast with an arm
    that is not there.
    """

    name: str
    recipe: str
    title: str
    says: str
    mark: str
    ran: str
    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]
    also: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise EvaluationError(f"claim {self.name!r}: two arms have one name")
        for contrast in self.contrasts:
            if missing := {contrast.first, contrast.second or contrast.first} - set(names):
                raise EvaluationError(f"claim {self.name!r}: no arm {sorted(missing)[0]!r}; it has {', '.join(names)}")
        if self.mark not in MARKS:
            raise EvaluationError(f"claim {self.name!r}: mark {self.mark!r}, expected one of {', '.join(MARKS)}")

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(metric, place) of the table of arms: those of the contrasts first."""
        return tuple(dict.fromkeys([*((c.metric, c.place) for c in self.contrasts), *self.also]))

    def columns_of(self, arm: Arm) -> tuple[tuple[str, str], ...]:
        """The (metric, place) columns that are filled for an arm: those of its contrasts, and `also`."""
        own = [(c.metric, c.place) for c in self.contrasts if arm.name in (c.first, c.second)]
        return tuple(dict.fromkeys([*own, *self.also]))

    def arm(self, name: str) -> Arm:
        """The arm of that name."""
        return next(arm for arm in self.arms if arm.name == name)
