"""Scores on emotion wheels: the set-level metric of open-vocabulary recognition, its per-sample form, and the hit
rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emolab.wheels.model import WheelSet
from emolab.wheels.shipped import embedded

Words = Iterable[str]


@dataclass(frozen=True)
class WheelScores:
    """Precision, recall and F, each the mean over wheels; `per_wheel` holds (P, R, F); `n` samples counted on each
    wheel."""

    precision: float
    recall: float
    f1: float
    per_wheel: dict[str, tuple[float, float, float]]
    n: dict[str, int]


def wheel_scores(gold: Sequence[Words], pred: Sequence[Words], wheels: WheelSet | None = None,
                 setting: str = "level1") -> WheelScores:
    """The official set-level metric (AffectGPT): P and R averaged over samples, F their harmonic mean, averaged over
    wheels.

    A sample counts on a wheel only if its gold maps there; a prediction that does not map counts 0. `setting` is one
    of
    `SETTINGS`. F is 0 where P + R = 0 (officially 0/0). Raises ValueError for unequal lengths.
    """
    wheels = wheels or embedded()
    names = wheels.wheels if setting.startswith("level") else (setting,)
    columns: list[list[tuple[float, float]]] = [[] for _ in names]
    for wanted, given in zip(gold, pred, strict=True):
        pairs = zip(columns, wheels.clusters(wanted, setting), wheels.clusters(given, setting), strict=True)
        for column, truth, guess in pairs:
            if truth:
                column.append(precision_recall(truth, guess))
    per_wheel = {}
    for name, column in zip(names, columns, strict=True):
        p, r = (sum(values) / len(column) for values in zip(*column, strict=True)) if column else (0.0, 0.0)
        per_wheel[name] = (p, r, harmonic(p, r))
    p, r, f = (sum(values) / len(per_wheel) for values in zip(*per_wheel.values(), strict=True))
    return WheelScores(p, r, f, per_wheel, {name: len(c) for name, c in zip(names, columns, strict=True)})


def sample_scores(gold: Words, pred: Words, wheels: WheelSet | None = None,
                  setting: str = "level1") -> tuple[float, float, float] | None:
    """(P, R, F) of one sample, averaged over the wheels on which its gold maps; None where it maps on none."""
    wheels = wheels or embedded()
    rows = []
    for truth, guess in zip(wheels.clusters(gold, setting), wheels.clusters(pred, setting), strict=True):
        if truth:
            p, r = precision_recall(truth, guess)
            rows.append((p, r, harmonic(p, r)))
    if not rows:
        return None
    p, r, f = (sum(values) / len(rows) for values in zip(*rows, strict=True))
    return p, r, f


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
