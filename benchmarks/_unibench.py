"""MER-UniBench's table, from answers as lists of words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from emolab.metrics import sentiment_f1, sentiment_of
from emolab.wheels import WheelSet, hit_rate, wheel_scores

UNIBENCH = {
    "MER2023": "basic",
    "MER2024": "basic",
    "MELD": "basic",
    "IEMOCAP-4": "basic",
    "MOSI": "sentiment",
    "MOSEI": "sentiment",
    "SIMS": "sentiment",
    "SIMSv2": "sentiment",
    "OV-MERD+": "open",
}
"""The data sets of MER-UniBench and the score of each: hit rate, sentiment weighted F1, wheel F."""


def unibench_table(
    results: Mapping[str, tuple[Sequence[Any], Sequence[Iterable[str]]]], wheels: WheelSet | None = None
) -> list[dict[str, Any]]:
    """MER-UniBench: a row for each data set, {"dataset", "score", "metric", "n"}, and a last row with their mean.

    `results` holds (gold, predicted word lists) for each data set: gold labels (basic), sentiment values (sentiment)
    or gold word lists (open). Words become a sentiment through our lexicon, where the authors ask a language model.
    Raises ValueError for a data set that is not in `UNIBENCH`.
    """
    rows: list[dict[str, Any]] = []
    for name, (gold, pred) in results.items():
        if name not in UNIBENCH:
            raise ValueError(f"{name!r} is not in MER-UniBench; it has {', '.join(UNIBENCH)}")
        kind = UNIBENCH[name]
        if kind == "basic":
            score = hit_rate(gold, pred, wheels)
        elif kind == "sentiment":
            score = sentiment_f1(gold, [sentiment_of(words) for words in pred])
        else:
            score = wheel_scores(gold, pred, wheels).f1
        metric = {"basic": "hit rate", "sentiment": "weighted F1", "open": "wheel F"}[kind]
        rows.append({"dataset": name, "metric": metric, "score": score, "n": len(gold)})
    mean = sum(row["score"] for row in rows) / len(rows) if rows else float("nan")
    return [*rows, {"dataset": "mean", "metric": "", "score": mean, "n": sum(row["n"] for row in rows)}]
