"""The exercises of notebook 00: what the course is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from emolab.emotions import EMOLAB_7
from emolab_course.compare import FunctionExercise, JudgedExercise, Mistake


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


def _flattering(data: Mapping[str, Any]) -> tuple[str, str]:
    from emolab.metrics import weighted_accuracy

    gold, predicted = list(data.get("gold", ())), list(data.get("predicted", ()))
    if not gold or len(gold) != len(predicted):
        return "lengths", f"{len(gold)} gold labels, {len(predicted)} predictions."
    if len(gold) > 50:
        return "too many", f"{len(gold)} clips."
    plain, fair = weighted_accuracy(gold, predicted), _unweighted_accuracy(gold, predicted)
    measured = f"{len(gold)} clips, {len(set(gold))} emotions: accuracy {plain:.2f}, UA {fair:.2f}."
    if plain < 0.9:
        return "not flattering", measured
    if fair > 0.5:
        return "a good model", measured
    return ("two emotions" if fair > 0.25 else ""), measured


FLATTERING_DATA = JudgedExercise(
    number="0.2",
    title="Data that flatter a deaf model",
    kind="break",
    stars=1,
    minutes=10,
    why="whoever chooses the data chooses the score: this is how a product that hears nothing gets 90% accuracy.",
    hints=(
        "The model does not have to be clever. It may give one answer to everything.",
        "Accuracy counts clips, UA counts emotions. Make one emotion frequent and the others rare.",
        "47 neutral clips, one clip of each of three other emotions, and 50 times the answer neutral.",
    ),
    reasoning=(
        "With 47 neutral clips and one of each of three other emotions, the answer *neutral* is right in 94% of the "
        "clips. But it has recall 1 for one emotion and 0 for three, so UA is 1 divided by the number of emotions: "
        "0.25, which is chance. Everyday recordings look much like this. So a plain accuracy means nothing until "
        "you know how frequent each label is."
    ),
    takes=dict,
    example={"gold": ["neutral"] * 47 + ["sad", "happy", "angry"], "predicted": ["neutral"] * 50},
    judge=_flattering,
    mistakes={
        "lengths": Mistake(
            {"gold": ["neutral"] * 9 + ["sad"], "predicted": ["neutral"]},
            "give a prediction for each gold label, in lists of equal length",
        ),
        "too many": Mistake(
            {"gold": ["neutral"] * 970 + ["sad", "happy", "angry"] * 10, "predicted": ["neutral"] * 1000},
            "at most 50 clips, please: the effect needs no large corpus",
        ),
        "not flattering": Mistake(
            {"gold": ["neutral", "sad", "happy", "angry"], "predicted": ["neutral"] * 4},
            "accuracy must be at least 0.9: let the answer of your model be the frequent label",
        ),
        "a good model": Mistake(
            {"gold": ["neutral", "sad", "happy", "angry"], "predicted": ["neutral", "sad", "happy", "angry"]},
            "this model hears something: its UA is high as well; let it give one answer to everything",
        ),
        "two emotions": Mistake(
            {"gold": ["neutral"] * 19 + ["sad"], "predicted": ["neutral"] * 20},
            "UA must be at most 0.25, and chance among few emotions is higher than that: add rare emotions",
        ),
    },
)


def _blind_test(test: Mapping[str, Any]) -> tuple[str, str]:
    from emolab.metrics import bootstrap_ci, weighted_accuracy

    if not {"heard", "gold", "ua"} <= set(test):
        return "keys", f"The keys are {', '.join(map(str, test))}."
    heard, gold, ua = list(test["heard"]), list(test["gold"]), float(test["ua"])
    if len(heard) != len(gold):
        return "lengths", f"{len(heard)} answers to {len(gold)} clips."
    if len(gold) < 5:
        return "few", f"{len(gold)} clips."
    right, plain = _unweighted_accuracy(gold, heard), weighted_accuracy(gold, heard)
    if abs(ua - right) > 0.005:
        kind = "percent" if abs(ua - 100 * right) < 0.5 else "weighted" if abs(ua - plain) < 0.005 else "other score"
        return kind, f"You say UA {ua:.3g}; accuracy of the same answers is {plain:.3f}."
    low, high = bootstrap_ci(_unweighted_accuracy, gold, heard)
    return "", (
        f"UA {ua:.2f} of {len(gold)} clips, 95% interval {low:.2f} to {high:.2f}, chance {1 / len(set(gold)):.2f}: "
        f"{'above chance' if low > 1 / len(set(gold)) else 'so few clips cannot tell you from a guesser'}"
    )


BLIND_TEST = JudgedExercise(
    number="0.3",
    title="Test your own ears",
    kind="warm-up",
    stars=1,
    minutes=10,
    why="a score means something only beside that of a person, and an interval shows how little a few clips prove.",
    hints=(
        "Play each clip once, write your answer, and only then look at the labels.",
        'heard is a list of labels, in the order of the clips: heard = ["sad", "angry", …].',
        'my_test = {"heard": heard, "gold": gold, "ua": my_unweighted_accuracy(gold, heard)}',
    ),
    reasoning=(
        "People score far below 1 on acted speech of strangers, and a few clips give an interval that is very wide. "
        "Both belong beside every score of a model. In this solved notebook the untrained model listens in your "
        "place. Note the order: all answers were fixed before the labels were looked at. That is what *blind* means."
    ),
    takes=dict,
    example={
        "heard": ["sad", "sad", "happy", "angry", "sad"],
        "gold": ["sad", "sad", "happy", "happy", "angry"],
        "ua": 0.5,
    },
    live=True,
    judge=_blind_test,
    mistakes={
        "keys": Mistake({"heard": ["sad"] * 5}, 'give the keys "heard", "gold" and "ua"'),
        "lengths": Mistake(
            {"heard": ["sad"] * 4, "gold": ["sad"] * 5, "ua": 0.8}, "give one answer to each clip, also where you guess"
        ),
        "few": Mistake({"heard": ["sad"] * 2, "gold": ["sad"] * 2, "ua": 1.0}, "listen to at least five clips"),
        "percent": Mistake(
            {"heard": ["sad"] * 6, "gold": ["sad"] * 3 + ["happy"] * 3, "ua": 50.0}, "UA lies between 0 and 1"
        ),
        "weighted": Mistake(
            {"heard": ["sad"] * 6, "gold": ["sad"] * 4 + ["happy"] * 2, "ua": 4 / 6},
            "this is the share of right answers; UA is the mean of the recalls of the emotions",
        ),
        "other score": Mistake(
            {"heard": ["sad"] * 6, "gold": ["sad"] * 4 + ["happy"] * 2, "ua": 0.9},
            "this is not the UA of these answers; use the function of exercise 0.1",
        ),
    },
)

EXERCISES = (UNWEIGHTED_ACCURACY, FLATTERING_DATA, BLIND_TEST)
