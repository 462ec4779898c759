"""Checks of the exercises: `check.ex_3_1(mine)` compares your function with the package's, and shows what differs."""

from __future__ import annotations

from emolab_course.compare import Function, Verdict, judge
from emolab_course.exercises import EXERCISES


def ex_0_1(mine: Function) -> Verdict:
    """Exercise 0.1, unweighted accuracy: `mine(gold, predicted) -> float`."""
    return judge(EXERCISES["0.1"], mine)


def ex_1_1(mine: Function) -> Verdict:
    """Exercise 1.1, talker normalisation: `mine(features (n, d), talkers) -> (n, d)`."""
    return judge(EXERCISES["1.1"], mine)


def ex_2_1(mine: Function) -> Verdict:
    """Exercise 2.1, calibration by the mean: `mine(scores (n, labels)) -> log-posteriors (n, labels)`."""
    return judge(EXERCISES["2.1"], mine)


def ex_3_1(mine: Function) -> Verdict:
    """Exercise 3.1, the similarity-weighted reward: `mine(predicted, gold, alpha) -> float`."""
    return judge(EXERCISES["3.1"], mine)


def ex_4_1(mine: Function) -> Verdict:
    """Exercise 4.1, group advantages: `mine(rewards (n,), group_size) -> (n,)`."""
    return judge(EXERCISES["4.1"], mine)


def ex_5_1(mine: Function) -> Verdict:
    """Exercise 5.1, Shapley values of three modalities: `mine(value) -> {"audio": …, "video": …, "text": …}`."""
    return judge(EXERCISES["5.1"], mine)


def ex_6_1(mine: Function) -> Verdict:
    """Exercise 6.1, the answer that ESWR makes worth most: `mine(belief {label: p}, alpha) -> label`."""
    return judge(EXERCISES["6.1"], mine)


def ex_7_1(mine: Function) -> Verdict:
    """Exercise 7.1, the F of one wheel: `mine(gold, predicted) -> float`, a set of clusters for each sample."""
    return judge(EXERCISES["7.1"], mine)


def ex_8_1(mine: Function) -> Verdict:
    """Exercise 8.1, emotion consistency: `mine(generated (d,), reference (d,), anchors (k, d)) -> float`."""
    return judge(EXERCISES["8.1"], mine)


def ex_9_1(mine: Function) -> Verdict:
    """Exercise 9.1, the k3 penalty: `mine(now (n,), reference (n,)) -> (n,)`, both log-probabilities."""
    return judge(EXERCISES["9.1"], mine)


def ex_10_1(mine: Function) -> Verdict:
    """Exercise 10.1, the hallucination rate: `mine(stated (n, 3), values (n, 3), threshold (3,)) -> float`."""
    return judge(EXERCISES["10.1"], mine)


def ex_11_1(mine: Function) -> Verdict:
    """Exercise 11.1, expected calibration error: `mine(confidence (n,), right (n,), bins) -> float`."""
    return judge(EXERCISES["11.1"], mine)
