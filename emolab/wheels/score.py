"""Scores on emotion wheels: the set-level metric, its form for one sample, and the hit rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emolab.wheels.model import WheelSet
from emolab.wheels.shipped import embedded

Words = Iterable[str]


@dataclass(frozen=True)
class WheelScores:
    """Precision, recall and F, each the mean over wheels.

    `per_wheel` holds (P, R, F) of each wheel, `n` the number of samples that count on it.
    """

    precision: float
    recall: float
    f1: float
    per_wheel: dict[str, tuple[float, float, float]]
    n: dict[str, int]


def wheel_scores(
    gold: Sequence[Words], pred: Sequence[Words], wheels: WheelSet | None = None, setting: str = "level1"
) -> WheelScores:
    """The official set-level metric (AffectGPT): F of P and R averaged over samples, then averaged over wheels.

    A sample counts on a wheel only if its gold maps there; a prediction that does not map counts 0. `setting` is one of
    `SETTINGS`. F is 0 where P + R = 0 (officially 0/0). Raises ValueError for unequal lengths.
    """
    wheels = wheels or embedded()
    names = wheels.wheels if setting.startswith("level") else (setting,)
    table = score_table(gold, pred, wheels, setting)
    scores, counts = mean_scores(table), counted(table)
    per_wheel = {name: (float(p), float(r), float(f)) for name, (p, r, f) in zip(names, scores, strict=True)}
    p, r, f = scores.mean(0).tolist()
    return WheelScores(p, r, f, per_wheel, dict(zip(names, counts.tolist(), strict=True)))


def score_table(
    gold: Sequence[Words], pred: Sequence[Words], wheels: WheelSet | None = None, setting: str = "level1"
) -> NDArray[np.float64]:
    """P and R of each sample on each wheel, (N, wheels, 2); NaN where the gold does not map on a wheel."""
    wheels = wheels or embedded()
    rows = [
        [
            precision_recall(truth, guess) if truth else (np.nan, np.nan)
            for truth, guess in zip(wheels.clusters(wanted, setting), wheels.clusters(given, setting), strict=True)
        ]
        for wanted, given in zip(gold, pred, strict=True)
    ]
    return np.array(rows, float).reshape(len(rows), len(wheels.maps[setting]), 2)


def mean_scores(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """P, R and F on each wheel, (wheels, 3), of a `score_table` or of rows drawn from one.

    P and R are means over the samples that count, F is their harmonic mean; all are 0 where no sample counts.
    """
    p, r = (np.nansum(table, 0) / np.maximum(counted(table), 1)[:, None]).T
    f = 2 * p * r / np.where(p + r > 0, p + r, 1.0)
    return np.stack([p, r, f], 1)


def counted(table: NDArray[np.float64]) -> NDArray[np.int_]:
    """How many samples of a `score_table` count on each wheel, (wheels,)."""
    return np.asarray((~np.isnan(table[..., 0])).sum(0))


def sample_scores(
    gold: Words, pred: Words, wheels: WheelSet | None = None, setting: str = "level1"
) -> tuple[float, float, float] | None:
    """(P, R, F) of one sample, averaged over the wheels on which its gold maps; None where it maps on none."""
    rows = sample_rows(gold, pred, wheels, setting)
    if not rows:
        return None
    p, r, f = (sum(values) / len(rows) for values in zip(*rows, strict=True))
    return p, r, f


def sample_rows(
    gold: Words, pred: Words, wheels: WheelSet | None = None, setting: str = "level1"
) -> list[tuple[float, float, float]]:
    """(P, R, F) of one sample on each wheel on which its gold maps."""
    wheels = wheels or embedded()
    rows = []
    for truth, guess in zip(wheels.clusters(gold, setting), wheels.clusters(pred, setting), strict=True):
        if truth:
            p, r = precision_recall(truth, guess)
            rows.append((p, r, harmonic(p, r)))
    return rows


def jaccard(a: Words, b: Words, wheels: WheelSet | None = None, setting: str = "level1") -> float | None:
    """Mean over wheels of |A∩B| / |A∪B| of the clusters of two word lists; None where neither maps anywhere."""
    wheels = wheels or embedded()
    pairs = zip(wheels.clusters(a, setting), wheels.clusters(b, setting), strict=True)
    values = [len(x & y) / len(x | y) for x, y in pairs if x or y]
    return sum(values) / len(values) if values else None


def hit_rate(gold: Sequence[str], pred: Sequence[Words], wheels: WheelSet | None = None) -> float:
    """Share of samples whose one gold emotion is among the predicted words, on level 1, averaged over wheels
    (MER-UniBench).

    A sample whose gold does not map on a wheel is left out there, as officially. NaN where none maps.
    """
    wheels = wheels or embedded()
    hits: list[list[int]] = [[] for _ in wheels.wheels]
    for label, words in zip(gold, pred, strict=True):
        for column, truth, guess in zip(hits, wheels.clusters((label,)), wheels.clusters(words), strict=True):
            if truth:
                column.append(len(truth & guess))
    rates = [sum(column) / len(column) for column in hits if column]
    return sum(rates) / len(rates) if rates else float("nan")


def precision_recall(truth: frozenset[str], guess: frozenset[str]) -> tuple[float, float]:
    """|truth ∩ guess| over |guess| and over |truth|; (0, 0) for an empty guess. `truth` must not be empty."""
    hits = len(truth & guess)
    return (hits / len(guess), hits / len(truth)) if guess else (0.0, 0.0)


def harmonic(precision: float, recall: float) -> float:
    """2PR / (P + R), 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def spam_score(clusters: int, gold: int) -> float:
    """F of listing all of `clusters` where `gold` of them are right: P = k/n, R = 1, so F = 2k / (n + k)."""
    return 2 * gold / (clusters + gold)
