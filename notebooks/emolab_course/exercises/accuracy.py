"""Exercise 0.1, unweighted accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from emolab.emotions import EMOLAB_7
from emolab_course.compare import Exercise, Mistake


def _unweighted_accuracy(gold: Sequence[str], predicted: Sequence[str | None]) -> float:
    from emolab.metrics import unweighted_accuracy

    return float(unweighted_accuracy(gold, predicted))


def _answer_inputs(rng: np.random.Generator) -> Iterator[tuple[list[str], list[str | None]]]:
    yield ["sad"], ["sad"]
    yield ["sad", "sad", "sad", "happy"], ["sad", "sad", "sad", "sad"]
    yield ["sad", "happy", "happy"], ["sad", None, "happy"]
    yield ["sad", "happy"], ["angry", "angry"]
    for _ in range(20):
        n = int(rng.integers(5, 30))
        gold = rng.choice(EMOLAB_7, n, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05]).tolist()
        noise = rng.choice([*EMOLAB_7, "?"], n).tolist()
        kept = rng.random(n) < 0.5
        yield gold, [g if k else (None if w == "?" else w) for g, w, k in zip(gold, noise, kept, strict=True)]


def _plain_accuracy(gold: Sequence[str], predicted: Sequence[str | None]) -> float:
    return sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)


def _recall_mean(gold: Sequence[str], predicted: Sequence[str | None], labels: Sequence[str]) -> float:
    pairs = list(zip(gold, predicted, strict=True))
    recalls = []
    for label in labels:
        of_label = [p == label for g, p in pairs if g == label]
        recalls.append(sum(of_label) / len(of_label) if of_label else 0.0)
    return sum(recalls) / len(recalls) if recalls else 0.0


def _without_unparsed(gold: Sequence[str], predicted: Sequence[str | None]) -> float:
    pairs = [(g, p) for g, p in zip(gold, predicted, strict=True) if p is not None]
    return _recall_mean([g for g, _ in pairs], [p for _, p in pairs], sorted({g for g, _ in pairs}))


def _over_all_labels(gold: Sequence[str], predicted: Sequence[str | None]) -> float:
    return _recall_mean(gold, predicted, EMOLAB_7)


def _precision_mean(gold: Sequence[str], predicted: Sequence[str | None]) -> float:
    labels = sorted({p for p in predicted if p is not None})
    return _recall_mean([p or "" for p in predicted], list(gold), labels)


UNWEIGHTED_ACCURACY = Exercise(
    "0.1",
    _unweighted_accuracy,
    _answer_inputs,
    {
        "plain accuracy": Mistake(
            _plain_accuracy,
            "this is weighted accuracy: frequent emotions count more; average the recall of each emotion",
        ),
        "drops unparsed": Mistake(
            _without_unparsed, "an answer of None is wrong, not absent: a model must not gain by being unreadable"
        ),
        "absent emotions": Mistake(
            _over_all_labels, "average only over the emotions that occur in gold: an absent one has no recall"
        ),
        "precision": Mistake(
            _precision_mean, "you divide by how often an emotion was answered; divide by how often it is gold"
        ),
    },
)
