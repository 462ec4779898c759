"""Values that change over training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Linear:
    """A value that moves from `start` to `end` while progress moves from `begin` to `finish`, and stays there.

    >>> Linear(1.0, 0.0)(0.25)
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
