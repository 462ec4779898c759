"""Exercises of notebook 14: what a classifier's answer means among people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import ChoiceExercise, FunctionExercise, JudgedExercise, Mistake

Floats = NDArray[np.float64]


def _wrongly(share: float, recall: float, false_alarm: float) -> float:
    right, wrong = share * recall, (1 - share) * false_alarm
    return wrong / (right + wrong)


def _rate_inputs(rng: np.random.Generator) -> Iterator[tuple[float, float, float]]:
    yield 0.5, 0.9, 0.1
    yield 0.01, 0.9, 0.1
    for _ in range(8):
        yield (
            round(float(rng.uniform(0.01, 0.5)), 3),
            round(float(rng.uniform(0.5, 0.99)), 2),
            round(float(rng.uniform(0.02, 0.3)), 2),
        )


def _false_alarm(share: float, recall: float, false_alarm: float) -> float:
    return false_alarm


def _no_base(share: float, recall: float, false_alarm: float) -> float:
    return false_alarm / (recall + false_alarm)


def _precision(share: float, recall: float, false_alarm: float) -> float:
    return 1 - _wrongly(share, recall, false_alarm)


def _of_everybody(share: float, recall: float, false_alarm: float) -> float:
    return (1 - share) * false_alarm


def _missed(share: float, recall: float, false_alarm: float) -> float:
    missed = share * (1 - recall)
    return missed / (missed + (1 - share) * (1 - false_alarm))


WRONGLY_FLAGGED = FunctionExercise(
    number="14.2",
    title="Who is flagged wrongly?",
    kind="derive",
    stars=2,
    minutes=10,
    why="people meet a system through its alarms, and the rarer the state, the more of them are false.",
    hints=(
        "Imagine 1000 people and count four groups.",
        "Those who are flagged are angry and flagged, or calm and flagged.",
        "calm flagged / (angry flagged + calm flagged)",
    ),
    reasoning=(
        "Of 1000 callers, 1000 × share are in the state, and recall of these are flagged. The others are calm, and "
        "false_alarm of these are flagged too. The share of wrong flags is the calm ones over both. With one "
        "angry caller in a hundred, even a classifier with 90% recall and 10% false alarms is wrong in nine "
        "of ten alarms."
    ),
    reference=_wrongly,
    inputs=_rate_inputs,
    mistakes={
        "false alarm": Mistake(_false_alarm, "that is the share of calm people who are flagged, not of the flagged"),
        "no base rate": Mistake(
            _no_base, ("weigh both kinds by how many people there are of each: share and 1 - share")
        ),
        "precision": Mistake(_precision, "that is the share flagged rightly; the wrongly flagged are the rest"),
        "of everybody": Mistake(_of_everybody, "divide by all who are flagged, not by everybody"),
        "missed": Mistake(_missed, "that is about people who are not flagged; look at those who are"),
    },
)

_LAW = {"A": "forbidden", "B": "regulated", "C": "forbidden", "D": "outside", "E": "outside"}


def _sorted(answer: Mapping[str, str]) -> tuple[str, str]:
    given = {str(letter).upper(): str(kind).strip().lower() for letter, kind in answer.items()}
    wrong = [letter for letter, kind in _LAW.items() if given.get(letter) != kind]
    told = f"{len(_LAW) - len(wrong)} of {len(_LAW)} are right"
    if set(given) != set(_LAW) or not set(given.values()) <= set(_LAW.values()):
        return "incomplete", f"{told}."
    return (f"plan {wrong[0]}" if wrong else ""), told + ("." if wrong else "")


PLANS = JudgedExercise(
    number="14.1",
    title="Five plans",
    kind="read",
    stars=2,
    minutes=15,
    why="a product that the law forbids is not made legal by a good score.",
    hints=(
        "Ask first: at work or in education? Then: from which data, and for which purpose?",
        "Letters are no biometric data. Fatigue is a physical state.",
        "Two are forbidden, one is regulated, two are outside.",
    ),
    reasoning=(
        "A infers emotions of people at work, and C in education: both are forbidden by Article 5(1)(f), "
        "and neither has a "
        "medical or safety reason. B infers moods of visitors from their voices: it is an emotion "
        "recognition system, so it "
        "is high-risk and people must be told. D reads text, which is no biometric data. E looks for "
        "fatigue, which recital "
        "18 counts as a physical state and not as an emotion. Other laws may still apply to all five."
    ),
    takes=dict,
    example=_LAW,
    judge=_sorted,
    mistakes={
        "plan A": Mistake(
            {**_LAW, "A": "regulated"}, ("employees are people at work: look at Article 5(1)(f) again for A")
        ),
        "plan B": Mistake(
            {**_LAW, "B": "outside"}, ("a voice is biometric data, and a mood is inferred from it: B is no toy")
        ),
        "plan C": Mistake({**_LAW, "C": "regulated"}, "an exam is education, and stress is no safety reason: C again"),
        "plan D": Mistake(
            {**_LAW, "D": "regulated"}, ("the definition speaks of biometric data: are the letters of D such data?")
        ),
        "plan E": Mistake(
            {**_LAW, "E": "forbidden"}, ("fatigue is a physical state, and no emotion in the Act's sense: E again")
        ),
        "incomplete": Mistake({"A": "forbidden"}, "give forbidden, regulated or outside for each of A, B, C, D and E"),
    },
)


def _threshold(scores: Floats, angry: Floats, most: float) -> float | None:
    for score in np.sort(np.unique(scores)):
        flagged = scores >= score
        if (1 - angry[flagged]).mean() <= most + 1e-12:
            return float(score)
    return None


def _score_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats, float]]:
    yield np.array([0.9, 0.6, 0.4, 0.2]), np.array([1.0, 0.0, 1.0, 0.0]), 0.4
    yield np.array([0.9, 0.8]), np.array([0.0, 0.0]), 0.3
    yield np.array([0.7, 0.7, 0.3]), np.array([1.0, 0.0, 0.0]), 0.5
    for _ in range(10):
        n = int(rng.integers(4, 10))
        scores = rng.uniform(0, 1, n).round(1)
        yield scores, (rng.uniform(0, 1, n) < scores).astype(float), float(rng.choice([0.15, 0.25, 0.45]))


def _highest(scores: Floats, angry: Floats, most: float) -> float | None:
    for score in np.sort(np.unique(scores))[::-1]:
        if (1 - angry[scores >= score]).mean() <= most + 1e-12:
            return float(score)
    return None


def _above(scores: Floats, angry: Floats, most: float) -> float | None:
    for score in np.sort(np.unique(scores)):
        flagged = scores > score
        if flagged.any() and (1 - angry[flagged]).mean() <= most + 1e-12:
            return float(score)
    return None


def _of_calm(scores: Floats, angry: Floats, most: float) -> float | None:
    calm = max(float((1 - angry).sum()), 1.0)
    for score in np.sort(np.unique(scores)):
        if (1 - angry[scores >= score]).sum() / calm <= most + 1e-12:
            return float(score)
    return None


def _never_none(scores: Floats, angry: Floats, most: float) -> float:
    found = _threshold(scores, angry, most)
    return float(scores.max()) if found is None else found


def _missed_below(scores: Floats, angry: Floats, most: float) -> float | None:
    for score in np.sort(np.unique(scores)):
        if angry[scores >= score].mean() <= most + 1e-12:
            return float(score)
    return None


THRESHOLD = FunctionExercise(
    number="14.3",
    title="A threshold that can be defended",
    kind="design",
    stars=2,
    minutes=15,
    why="a default threshold of 0.5 is a decision that nobody made.",
    hints=(
        "Try each of the scores as the threshold, from the lowest up.",
        "Among those with at least that score, the share that is not angry must be at most `most`.",
        "Return the first that passes, and None after the loop.",
    ),
    reasoning=(
        "The lowest fair threshold finds the most people who need to be found. Whether a threshold is "
        "fair is a statement "
        "about those who are flagged, so the denominator is the flagged, and not all who are calm. It "
        "need not be monotone, "
        "so each has to be tried. And sometimes the right answer is to flag nobody: a system that cannot "
        "keep its promise "
        "is not used."
    ),
    reference=_threshold,
    inputs=_score_inputs,
    mistakes={
        "highest": Mistake(_highest, "you start at the top; the lowest threshold that passes finds more people"),
        "above only": Mistake(_above, "a person with exactly the threshold's score is flagged too: use >="),
        "of the calm": Mistake(_of_calm, "divide by all who are flagged, not by all who are calm"),
        "never None": Mistake(_never_none, "where no threshold keeps the promise, the answer is None: flag nobody"),
        "turned": Mistake(_missed_below, "you limit the share that is angry; limit the share that is not"),
    },
)

VENDOR = ChoiceExercise(
    number="14.4",
    title="A vendor's claim",
    kind="read",
    stars=2,
    minutes=10,
    why="you will be asked for advice, and a number will be on the first slide.",
    hints=(
        "On whom was it measured, and on whom will it be used?",
        "Acted, English, healthy, two groups.",
        "A score is about the people of the test set.",
    ),
    reasoning=(
        "Nothing that was measured is about the people of this line: patients, in Portuguese, not acting, "
        "ill or afraid. The "
        "first answer is that the claim says nothing about them, and a test with their consent would have "
        "to come first. Then "
        "come base rates, what an alarm does, and the law: in a hospital's contact with patients it is "
        "high-risk, and for its "
        "staff it would be forbidden. Equal accuracy for two groups does not make a model unbiased for the others."
    ),
    options={
        "a": "It was measured on other people, another language and another situation: it says nothing about ours",
        "b": "92% is too low for medicine",
        "c": "10,000 recordings are too few",
        "d": "Equal accuracy shows that it is fair, so buy it",
        "e": "Ask for the F1 score",
        "f": "Emotion recognition in hospitals is forbidden",
    },
    right="a",
    mistakes={
        "b": Mistake("b", "Too low for what? The number is not about your callers, whatever its size."),
        "c": Mistake("c", "More recordings of other people would not tell you more about yours."),
        "d": Mistake("d", "Two groups are equal on acted English. Age, illness and language were not looked at."),
        "e": Mistake("e", "Another score of the same test has the same fault."),
        "f": Mistake(
            "f", ("Medical reasons are an exception of the ban, and callers are not at work. It is high-risk, though.")
        ),
    },
)

EXERCISES = (PLANS, WRONGLY_FLAGGED, THRESHOLD, VENDOR)
