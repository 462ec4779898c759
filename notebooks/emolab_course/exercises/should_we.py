"""Exercises of notebook 14: what a classifier's answer means among people."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emolab_course.compare import FunctionExercise, Mistake


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
    number="14.1",
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
        "Of 1000 callers, 1000 × share are angry, and recall of these are flagged. The others are calm, and "
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

EXERCISES = (WRONGLY_FLAGGED,)
