"""The exercises of notebook 07: open vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from emolab_course.compare import FunctionExercise, JudgedExercise, Mistake, NumberExercise

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


Words = Sequence[str]
WRONG = ("angry", "happy", "afraid", "surprised")


def _penalised(penalty: Callable[[Words, Words], Any]) -> tuple[str, str]:
    def asked(*answer: str, gold: Words = ("sad",)) -> Any:
        return penalty(list(gold), list(answer))

    every = {
        "one right word": asked("sad"),
        "three synonyms": asked("sad", "unhappy", "sorrowful"),
        "fewer than gold": asked("sad", gold=("sad", "happy")),
        "one wrong word more": asked("sad", *WRONG[:1]),
        "four wrong words more": asked("sad", *WRONG),
    }
    if not all(isinstance(value, int | float | np.floating) and np.isfinite(value) for value in every.values()):
        return "not a number", f"It returned {list(every.values())!r}."
    one, synonyms, fewer, wrong, spam = (float(value) for value in every.values())
    measured = "; ".join(f"{name}: {float(value):.2f}" for name, value in every.items()) + "."
    if max(one, synonyms, fewer, wrong, spam) > 1 + 1e-9 or min(one, fewer) < 0.99:
        return "not one for good answers", measured
    if synonyms < 0.99:
        return "punishes synonyms", measured
    if wrong > 0.8:
        return "no penalty", measured
    return ("spam is cheap" if spam > wrong - 0.1 else ""), measured


def _cluster_penalty(gold: Words, answer: Words) -> float:
    from emolab.wheels import embedded

    wheels = embedded()
    pairs = zip(wheels.clusters(gold), wheels.clusters(answer), strict=True)
    return float(np.mean([min(1.0, len(g) / len(p)) if p else 1.0 for g, p in pairs]))


def _word_count(gold: Words, answer: Words) -> float:
    return min(1.0, len(gold) / max(1, len(answer)))


def _unbounded(gold: Words, answer: Words) -> float:
    return len(gold) / max(1, len(answer))


def _flat(gold: Words, answer: Words) -> float:
    return 1.0 if _cluster_penalty(gold, answer) > 0.9 else 0.5


SYNONYM_PENALTY = JudgedExercise(
    number="7.3",
    title="A penalty that tells a synonym from a guess",
    kind="design",
    stars=3,
    minutes=25,
    why="the paper's penalties count words, so they punish a rich vocabulary as hard as a guess.",
    hints=(
        "What do two synonyms share that a guess does not?",
        "Count clusters, not words: emolab.wheels.embedded().clusters(words) gives one set for each of five wheels.",
        "The mean over wheels of min(1, clusters of gold / clusters of the answer); 1 where the answer has none.",
    ),
    reasoning=(
        "Synonyms land in the same cluster, so they add a word and no cluster. A guess opens a new cluster. The factor "
        "is the number of gold clusters over that of the answer's, at most 1, averaged over the wheels. It leaves "
        "short answers alone: recall punishes those already. It inherits the faults of the wheels: two words "
        "that a list puts into one cluster by mistake count as synonyms."
    ),
    takes=Callable,
    example=_cluster_penalty,
    judge=_penalised,
    mistakes={
        "not a number": Mistake(lambda gold, answer: [1.0], "return one number between 0 and 1"),
        "punishes synonyms": Mistake(
            _word_count, "three words for one feeling are no guesses: count clusters instead of words"
        ),
        "no penalty": Mistake(lambda gold, answer: 1.0, "a wrong word more must cost at least a fifth"),
        "spam is cheap": Mistake(_flat, "four wrong words must cost clearly more than one"),
        "not one for good answers": Mistake(
            _unbounded, "the factor is 1 for a right answer and for one with fewer words, and never above 1"
        ),
    },
)

GUESSING_F = NumberExercise(
    number="7.2",
    title="What does a blind list earn?",
    kind="derive",
    stars=2,
    minutes=10,
    why="if three blind words earn more than one, an unsure model is paid for listing instead of listening.",
    hints=(
        "Two things can happen: the right cluster is among the three, or it is not.",
        "It is among them with probability 3/8. What are precision, recall and F then?",
        "Precision 1/3, recall 1, F = 2 · (1/3) · 1 / (1/3 + 1) = 1/2. And 0 otherwise.",
    ),
    reasoning=(
        "With probability 3/8 the right cluster is in the list. Then precision is 1/3 and recall 1, so F = 1/2; else "
        "F = 0. The mean is 3/8 · 1/2 = 3/16 = 0.1875. One blind word earns 1/8 · 1 = 0.125. So listing pays, "
        "and by the formula m/n · 2/(m+1) it pays more with each further word: the curve called *none* above."
    ),
    value=3 / 16,
    tolerance=0.001,
    mistakes={
        "probability": Mistake(3 / 8, "that is how often the list holds the right cluster; F is not 1 then"),
        "F when right": Mistake(0.5, "that is F where the list holds the right cluster; it does not always"),
        "one word": Mistake(1 / 8, "that is what one blind word earns, or precision alone; the list has three words"),
        "precision": Mistake(1 / 3, "that is the precision where the list holds the right cluster"),
        "spam formula": Mistake(6 / 11, "2k/(n+k) is for naming all n clusters where k are right"),
        "percent": Mistake(18.75, "F lies between 0 and 1"),
    },
)


def _hit_without_f(words: Sequence[Any]) -> tuple[str, str]:
    from emolab.metrics import hit_rate
    from emolab.wheels import embedded, sample_scores

    if not words:
        return "empty", "The list is empty."
    if not all(isinstance(word, str) for word in words):
        return "not words", f"The list holds {words[0]!r}."
    known = [word for word in words if any(embedded().clusters([word]))]
    hit, f = (
        float(hit_rate(["sad"], [list(words)])),
        float((sample_scores(["gloomy"], list(words)) or (0.0, 0.0, 0.0))[2]),
    )
    measured = f"hit rate {hit:.2f}, wheel F {f:.2f}; {len(known)} of {len(words)} words are on a wheel."
    if not known:
        return "unknown words", measured
    if hit < 1:
        return "no hit", measured
    return ("still good" if f > 0.45 else ""), measured


HIT_RATE = JudgedExercise(
    number="7.4",
    title="Always a hit",
    kind="break",
    stars=1,
    minutes=10,
    why="MER-UniBench reports hit rates; a hit rate is a recall, and recalls can be bought.",
    hints=(
        "A hit needs the label among the words. Nobody counts the others.",
        "Name sad, and feelings from as many other clusters as it takes to bring F down.",
        '["sad", "happy", "angry", "afraid", "surprised"]',
    ),
    reasoning=(
        "The hit rate asks whether one of the words names the basic emotion. It never asks what else was said, so a "
        "list of one word from each branch hits always. F sees it: precision falls with every cluster that is wrong. "
        "Read a hit rate only beside the number of words in an answer, as the table above does."
    ),
    takes=list,
    example=["sad", "happy", "angry", "afraid", "surprised"],
    judge=_hit_without_f,
    mistakes={
        "empty": Mistake([], "name at least one word"),
        "not words": Mistake([1, 2], "give a list of words, each a text"),
        "unknown words": Mistake(["purple", "table"], "these words are on no wheel, so nothing is scored"),
        "no hit": Mistake(["happy", "angry"], "the basic emotion is sad: one of the words must name it"),
        "still good": Mistake(["sad", "unhappy"], "this is a good answer: add words that are wrong until F falls"),
    },
)

EXERCISES = (WHEEL_F, SYNONYM_PENALTY, GUESSING_F, HIT_RATE)
