"""The exercises of notebook 07: open vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from emolab_course.compare import FunctionExercise, Mistake

Sets = Sequence[frozenset[str]]
CLUSTERS = ("joy", "sadness", "anger", "fear", "surprise")


def _wheel_f(gold: Sets, predicted: Sets) -> float:
    from emolab.wheels.score import mean_scores, precision_recall

    pairs = [precision_recall(g, p) if g else (np.nan, np.nan) for g, p in zip(gold, predicted, strict=True)]
    return float(mean_scores(np.array(pairs).reshape(-1, 1, 2))[0, 2])


def _cluster_inputs(rng: np.random.Generator) -> Iterator[tuple[list[frozenset[str]], list[frozenset[str]]]]:
    joy, sadness, anger = (frozenset({name}) for name in CLUSTERS[:3])
    yield [joy], [joy]
    yield [joy, sadness], [joy | anger, sadness]
    yield [joy | sadness, anger], [joy, sadness]
    yield [joy, sadness], [joy, frozenset()]
    yield [joy, frozenset()], [joy, anger]
    yield [joy], [sadness]

    def some(empty: float) -> frozenset[str]:
        count = 0 if rng.random() < empty else int(rng.integers(1, 4))
        return frozenset(rng.choice(CLUSTERS, count, replace=False).tolist())

    for _ in range(12):
        n = int(rng.integers(3, 9))
        yield [joy, *(some(0.2) for _ in range(n))], [some(0.2) for _ in range(n + 1)]


def _pairs(gold: Sets, predicted: Sets) -> list[tuple[float, float]]:
    return [(len(g & p) / len(p) if p else 0.0, len(g & p) / len(g)) for g, p in zip(gold, predicted, strict=True) if g]


def _harmonic(p: float, r: float) -> float:
    return 2 * p * r / (p + r) if p + r else 0.0


def _mean_of_fs(gold: Sets, predicted: Sets) -> float:
    return float(np.mean([_harmonic(p, r) for p, r in _pairs(gold, predicted)]))


def _without_empty_answers(gold: Sets, predicted: Sets) -> float:
    answered = [(g, p) for g, p in zip(gold, predicted, strict=True) if g and p]
    pairs = _pairs([g for g, _ in answered], [p for _, p in answered])
    return _harmonic(*np.mean(pairs, axis=0).tolist()) if pairs else 0.0


def _empty_gold_counts(gold: Sets, predicted: Sets) -> float:
    pairs = [*_pairs(gold, predicted), *((0.0, 0.0) for g in gold if not g)]
    return _harmonic(*np.mean(pairs, axis=0).tolist())


def _pooled(gold: Sets, predicted: Sets) -> float:
    kept = [(g, p) for g, p in zip(gold, predicted, strict=True) if g]
    hits = sum(len(g & p) for g, p in kept)
    return _harmonic(hits / max(1, sum(len(p) for _, p in kept)), hits / sum(len(g) for g, _ in kept))


def _precision_only(gold: Sets, predicted: Sets) -> float:
    return float(np.mean([p for p, _ in _pairs(gold, predicted)]))


def _jaccard(gold: Sets, predicted: Sets) -> float:
    return float(np.mean([len(g & p) / len(g | p) for g, p in zip(gold, predicted, strict=True) if g]))


WHEEL_F = FunctionExercise(
    number="7.1",
    title="F of one wheel",
    kind="implement",
    stars=2,
    minutes=15,
    why="the metric is the reward here, so a slip in its averaging is a slip in what the model learns.",
    hints=(
        ("Three averages are possible: over clusters, over Fs, over precisions and recalls. The text says which."),
        (
            "For each sample with a gold cluster: precision |G & P| / |P| (0 for an empty P) and recall |G & "
            "P| / |G|. Average both."
        ),
        "F = 2 P R / (P + R) of the two averages, and 0 where both are 0.",
    ),
    reasoning=(
        "The official scorer averages precision and recall over the samples first and takes one F of the "
        "two averages. The mean of single Fs would be smaller where answers trade one for the other. An "
        "empty gold says nothing about the answer, so the sample is skipped. An empty prediction says "
        "something (the words were on no wheel), so it scores 0 and stays."
    ),
    reference=_wheel_f,
    inputs=_cluster_inputs,
    mistakes={
        "mean of Fs": Mistake(
            _mean_of_fs, "you average each sample's F; average P and R over the samples first, then take one F of both"
        ),
        "without empty answers": Mistake(
            _without_empty_answers, "an answer without any cluster scores P = R = 0; only an empty gold is left out"
        ),
        "empty gold counts": Mistake(
            _empty_gold_counts, "a sample whose gold is empty on this wheel says nothing about the answer: leave it out"
        ),
        "pooled": Mistake(
            _pooled, "you count clusters over all samples together; each sample's P and R has the same weight"
        ),
        "precision only": Mistake(_precision_only, "that is the mean precision; recall is missing"),
        "Jaccard": Mistake(_jaccard, "you divide by the union (Jaccard); precision and recall divide by one set each"),
    },
)

EXERCISES = (WHEEL_F,)
