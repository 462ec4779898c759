"""The exercises of notebook 00: what the course is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from emolab.emotions import EMOLAB_7
from emolab_course.compare import FunctionExercise, Mistake


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


def _share_of_labels_met(gold: Sequence[str], predicted: Sequence[str | None]) -> float:
    met = {g for g, p in zip(gold, predicted, strict=True) if g == p}
    return len(met) / len(set(gold))


UNWEIGHTED_ACCURACY = FunctionExercise(
    number="0.1",
    title="Unweighted accuracy",
    kind="implement",
    stars=1,
    minutes=10,
    why=(
        "UA is the main score of the course; on everyday speech plain accuracy praises a model that "
        "always says neutral."
    ),
    hints=(
        ("What would a model earn that gives the same answer to everything? Your score should stay at chance then."),
        (
            "Take one emotion at a time: of the samples whose gold label is this emotion, which share was "
            "answered with it?"
        ),
        (
            "For each label in set(gold): the list of predictions where gold is that label; its mean of (p == "
            "label). Then the mean of these means."
        ),
    ),
    reasoning=(
        "Each emotion that occurs in `gold` gets one vote, however frequent it is. The recall of an "
        "emotion divides by how often it is *gold*, so an answer of `None` stays in the denominator and "
        "counts as wrong. A model that could gain by being unreadable would learn to be unreadable. "
        "Emotions that never occur in `gold` have no recall (0 divided by 0), so they are left out of the "
        "mean."
    ),
    reference=_unweighted_accuracy,
    inputs=_answer_inputs,
    mistakes={
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
        "met at least once": Mistake(
            _share_of_labels_met, "you ask whether an emotion was ever answered right; ask how often, as a share"
        ),
    },
)

EXERCISES = (UNWEIGHTED_ACCURACY,)
