"""What the ledger compares arms on: metrics that add up over clips, and ones that a whole run has.

A metric that adds up gives each clip a row of numbers (K,), and turns their sum over any set of clips into the score:
so a bootstrap over talkers counts words once. The formulas are those of `emolab.metrics`, which a test compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab.emotions import EMOTIONS
from emolab.samples import MODALITIES

Floats = NDArray[np.float64]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    """A score of the ledger.

    `margin` is the smallest difference that would matter, in the score's own unit; `percent` says how it is printed.
    With `parts` and `value` it adds up over clips: `parts` (rows) -> (N, K), `value` (..., K) -> (...). Else `of_run`
    takes a whole run: the rows, and the history of its training.
    """

    key: str
    title: str
    margin: float
    percent: bool = True
    parts: Callable[[Sequence[Row]], Floats] | None = None
    value: Callable[[Floats], Floats] | None = None
    of_run: Callable[[Sequence[Row], Sequence[Row]], float] | None = None

    def show(self, value: float) -> str:
        """A value as it stands in a table."""
        return f"{100 * value:.1f}" if self.percent else f"{value:.2f}"


def _ratio(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def _label_parts(rows: Sequence[Row]) -> Floats:
    gold = np.array([[float(row["gold"] == label) for label in EMOTIONS] for row in rows])
    right = np.array([[float(row["gold"] == row["predicted"])] for row in rows])
    return np.concatenate([gold * right, gold], axis=1)


def _parsed_parts(rows: Sequence[Row]) -> Floats:
    return np.array([[float(bool(row["predicted"])), 1.0] for row in rows])


def _mean_recall(sums: Floats) -> Floats:
    hits, golds = np.split(sums, 2, axis=-1)
    there = golds > 0
    recall = np.where(there, hits / np.maximum(golds, 1), 0.0)
    return np.asarray(recall.sum(-1) / np.maximum(there.sum(-1), 1))


def _bleu_parts(rows: Sequence[Row]) -> Floats:
    from emolab.metrics.captions import bleu_counts

    return np.array([bleu_counts(row["reference"], row["predicted"] or "", 4) for row in rows], float)


def _bleu(sums: Floats) -> Floats:
    """Corpus BLEU-4 of summed counts (4 matches, 4 totals, length, reference length), vectorised."""
    hits, totals, length, reference = sums[..., :4], sums[..., 4:8], sums[..., 8], sums[..., 9]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.exp(np.log(hits / totals).mean(-1))
        brevity = np.exp(np.minimum(0.0, 1 - reference / length))
    return np.asarray(np.nan_to_num(precision * brevity))


def _emotion_parts(rows: Sequence[Row]) -> Floats:
    from emolab.metrics.captions import emotion_counts

    return np.array([emotion_counts(row["reference"], row["predicted"] or "") for row in rows], float)


def _micro_f1(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * sums[..., 0] / (sums[..., 1] + sums[..., 2]))


def _distinct_2(rows: Sequence[Row], history: Sequence[Row]) -> float:
    from emolab.metrics.captions import distinct

    return distinct([row["predicted"] or "" for row in rows], 2)


def _wheel_parts(rows: Sequence[Row]) -> Floats:
    from emolab.wheels import embedded
    from emolab.wheels.score import precision_recall

    wheels, table = embedded(), []
    for row in rows:
        line: list[float] = []
        for truth, guess in zip(wheels.clusters(row["gold"]), wheels.clusters(row["predicted"]), strict=True):
            line += [*precision_recall(truth, guess), 1.0] if truth else [0.0, 0.0, 0.0]
        table.append(line)
    return np.array(table)


def _wheel_f(sums: Floats) -> Floats:
    """F of mean P and mean R for each wheel, averaged over wheels (AffectGPT's set-level metric)."""
    p, r, n = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.nan_to_num(2 * (p / n) * (r / n) / (p / n + r / n)).mean(-1))


def _hit_parts(rows: Sequence[Row]) -> Floats:
    from emolab.wheels import embedded

    wheels, table = embedded(), []
    for row in rows:
        line: list[float] = []
        for truth, guess in zip(wheels.clusters((row["emotion"],)), wheels.clusters(row["predicted"]), strict=True):
            line += [float(len(truth & guess)), float(bool(truth))]
        table.append(line)
    return np.array(table)


def _hit_rate(sums: Floats) -> Floats:
    """Share of samples whose label is among the words, for each wheel on which it maps, averaged over wheels."""
    hits, n = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 2), -1, 0)
    rate = np.where(n > 0, hits / np.maximum(n, 1), 0.0)
    return np.asarray(rate.sum(-1) / np.maximum((n > 0).sum(-1), 1))


def _sign(value: float | None) -> int:
    return 0 if not value else 1 if value > 0 else -1


def _sentiment_parts(rows: Sequence[Row]) -> Floats:
    """For gold negative and positive: hits, gold count, predicted count. Rows whose gold is zero add nothing."""
    from emolab.metrics.classification import sentiment_of

    table = []
    for row in rows:
        gold = _sign(row["sentiment"])
        said = _sign(sentiment_of(row["predicted"])) if gold else 0
        table.append([float(x) for s in (-1, 1) for x in (gold == said == s, gold == s, bool(gold) and said == s)])
    return np.array(table)


def _weighted_f1(sums: Floats) -> Floats:
    hits, golds, given = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)
    f1 = 2 * hits / np.maximum(golds + given, 1)
    return np.asarray((f1 * golds).sum(-1) / np.maximum(golds.sum(-1), 1))


def _naming_parts(rows: Sequence[Row]) -> Floats:
    """Over clips with one carrier: named it alone, the clip, what was named alone (3), what carries it (3)."""
    from emolab.attribution.stated import stated_modalities

    table = np.zeros((len(rows), 2 + 2 * len(MODALITIES)))
    for line, row in zip(table, rows, strict=True):
        if len(row.get("carriers") or ()) == 1:
            said = stated_modalities(row["text"])
            true = set(row["carriers"])
            line[:2] = said == true, 1.0
            line[2:] = [*(said == {m} for m in MODALITIES), *(true == {m} for m in MODALITIES)]
    return table


def _beyond_habit(sums: Floats) -> Floats:
    """Share of clips whose carrier is named, less the share if the same rationales were dealt out at random."""
    n = np.maximum(sums[..., 1], 1)
    said, true = np.split(sums[..., 2:], 2, axis=-1)
    return np.asarray(sums[..., 0] / n - (said * true).sum(-1) / n**2)


def _training(name: str) -> Callable[[Sequence[Row], Sequence[Row]], float]:
    """Mean of one column over the steps of the training."""

    def of_run(rows: Sequence[Row], history: Sequence[Row]) -> float:
        found = [float(row[name]) for row in history if row.get(name) is not None]
        return float(np.mean(found)) if found else float("nan")

    return of_run


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("ua", "UA %", 0.02, parts=_label_parts, value=_mean_recall),
        Metric("parsed", "parsed %", 0.02, parts=_parsed_parts, value=_ratio),
        Metric("zero_variance", "groups without signal %", 0.05, of_run=_training("zero_variance")),
        Metric("wheel_f", "wheel F %", 0.02, parts=_wheel_parts, value=_wheel_f),
        Metric("hit_rate", "basic emotion, hit rate %", 0.02, parts=_hit_parts, value=_hit_rate),
        Metric("sentiment", "sentiment F1 %", 0.02, parts=_sentiment_parts, value=_weighted_f1),
        Metric(
            "n_words", "words an answer", 0.2, percent=False,
            parts=lambda rows: np.array([[float(len(r["predicted"])), 1.0] for r in rows]), value=_ratio,
        ),
        Metric("bleu_4", "BLEU-4 %", 0.02, parts=_bleu_parts, value=_bleu),
        Metric("emotion_f1", "Emo-F1 %", 0.02, parts=_emotion_parts, value=_micro_f1),
        Metric("distinct_2", "Distinct-2 %", 0.01, of_run=_distinct_2),
        Metric("names_carrier", "names the carrier %", 0.05, parts=_naming_parts, value=_ratio),
        Metric("beyond_habit", "names the carrier, beyond habit %", 0.05, parts=_naming_parts, value=_beyond_habit),
    )
}  # fmt: skip
