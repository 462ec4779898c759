"""The rule that turns an interval into a verdict, stated once."""

from __future__ import annotations

import math
from collections.abc import Iterable

from benchmarks.claims.declare import MIN_SEEDS

HOLDS, NOT, UNDECIDED = "holds", "does not", "undecided"
RULE = (
    "A difference *holds* where its whole 95% interval lies on the side that the claim names. It *does not* where the "
    "whole interval lies below the margin on that side: the other side, or too little to matter. (Where a claim "
    "says only that nothing is lost, zero is moved to the margin on the other side.) All else is "
    f"*undecided*, and so is anything with fewer than {MIN_SEEDS} seeds. A claim holds where all its differences do, "
    "and does not where one does not."
)


def verdict(low: float, high: float, sign: int, margin: float, seeds: int, no_worse: bool = False) -> str:
    """Verdict on a difference with the interval [low, high] that is claimed to be positive (`sign` 1) or negative (-1).

    `margin` is the smallest difference that would matter, in the metric's unit. With `no_worse` the claim is that the
    difference is above -`margin` on that side.

    >>> verdict(0.01, 0.05, 1, 0.02, 5), verdict(-0.03, 0.015, 1, 0.02, 5), verdict(-0.03, 0.05, 1, 0.02, 5)
    ('holds', 'does not', 'undecided')
    """
    if seeds < MIN_SEEDS or math.isnan(low) or math.isnan(high):
        return UNDECIDED
    bottom, top = (low, high) if sign > 0 else (-high, -low)
    if no_worse:
        bottom, top, margin = bottom + margin, top + margin, 0.0
    if bottom > 0:
        return HOLDS
    return NOT if top < margin else UNDECIDED


def together(verdicts: Iterable[str]) -> str:
    """The verdict on a claim from those on its differences."""
    found = list(verdicts)
    if NOT in found:
        return NOT
    return HOLDS if found and set(found) == {HOLDS} else UNDECIDED
