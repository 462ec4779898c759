"""The exercises of notebook 11: your own voice."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import ChoiceExercise, FunctionExercise, Mistake, NumberExercise

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def _ece(confidence: Floats, right: Bools, bins: int = 10) -> float:
    from emolab.metrics import expected_calibration_error

    return expected_calibration_error(confidence, right, bins)  # type: ignore[arg-type]


def _inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, Bools, int]]:
    yield np.array([0.95, 0.92, 0.91, 0.15]), np.array([True, True, False, False]), 10
    yield np.array([1.0, 1.0]), np.array([True, False]), 10
    yield np.array([0.25, 0.45]), np.array([True, True]), 10
    yield np.array([0.3, 0.7, 0.72]), np.array([False, True, False]), 5
    for _ in range(10):
        n = int(rng.integers(5, 40))
        confidence = rng.uniform(0.02, 0.98, n)
        yield confidence, rng.uniform(size=n) < confidence**2, int(rng.integers(4, 12))


def _binned(confidence: Floats, bins: int) -> list[Bools]:
    index = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    return [index == b for b in np.unique(index)]


def _one_bin(confidence: Floats, right: Bools, bins: int = 10) -> float:
    return float(abs(np.mean(confidence) - np.mean(right)))


def _unweighted(confidence: Floats, right: Bools, bins: int = 10) -> float:
    return float(np.mean([abs(confidence[b].mean() - right[b].mean()) for b in _binned(confidence, bins)]))


def _signed(confidence: Floats, right: Bools, bins: int = 10) -> float:
    return float(sum(b.mean() * (confidence[b].mean() - right[b].mean()) for b in _binned(confidence, bins)))


def _counts_not_shares(confidence: Floats, right: Bools, bins: int = 10) -> float:
    return float(sum(b.sum() * abs(confidence[b].mean() - right[b].mean()) for b in _binned(confidence, bins)))


def _answer_by_answer(confidence: Floats, right: Bools, bins: int = 10) -> float:
    return float(np.mean(np.abs(np.asarray(confidence) - np.asarray(right, float))))


CALIBRATION_ERROR = FunctionExercise(
    number="11.2",
    title="Expected calibration error",
    kind="implement",
    stars=2,
    minutes=15,
    why="a probability is of use only where it means what it says, and this number measures that.",
    hints=(
        "A single answer is right or wrong; its probability is neither. What can be compared, then?",
        ("Sort the answers into bins by confidence. In each bin compare the mean confidence with the share right."),
        (
            "bin = min(int(confidence * bins), bins - 1); sum over bins of (share of answers in the bin) * "
            "|mean confidence - share right|."
        ),
    ),
    reasoning=(
        "Within a bin the confidences are nearly equal, so their mean can be compared with how often the "
        "answers were right. The distance is absolute: being too sure in one bin must not cancel being "
        "too unsure in another. Each bin counts by its share of answers. With few answers most bins hold "
        "one or two, and the number is then mostly noise: always say how many answers it is from."
    ),
    reference=_ece,
    inputs=_inputs,
    mistakes={
        "one bin": Mistake(_one_bin, "you compare the means over all answers; errors of different bins cancel there"),
        "unweighted": Mistake(_unweighted, "weigh each bin by its share of the answers, not all bins alike"),
        "signed": Mistake(_signed, "take the absolute distance in each bin, or too sure and too unsure cancel"),
        "counts": Mistake(_counts_not_shares, "weigh a bin by its share of the answers, not by their number"),
        "answer by answer": Mistake(
            _answer_by_answer, "a single answer is right or wrong; compare the means of a bin, not single answers"
        ),
    },
)


def _right_when_sure(confidence: Floats, right: Bools, coverage: float) -> float:
    kept = np.argsort(-confidence, kind="stable")[: max(1, math.ceil(coverage * len(confidence)))]
    return float(right[kept].mean())


def _confidences(rng: np.random.Generator) -> Iterator[tuple[Floats, Bools, float]]:
    yield np.array([0.9, 0.4, 0.8, 0.3]), np.array([True, False, True, False]), 0.5
    yield np.array([0.9, 0.4, 0.8]), np.array([False, False, True]), 0.01
    yield np.array([0.9, 0.4, 0.8]), np.array([False, False, True]), 1.0
    for coverage in (0.2, 0.25, 0.5, 0.75, 0.33):
        confidence = rng.permutation(np.linspace(0.15, 0.95, 11)).round(3)
        yield confidence, rng.random(11) < confidence, coverage


def _least_sure(confidence: Floats, right: Bools, coverage: float) -> float:
    return _right_when_sure(-confidence, right, coverage)


def _above_threshold(confidence: Floats, right: Bools, coverage: float) -> float:
    kept = confidence >= 1 - coverage
    return float(right[kept].mean()) if kept.any() else 0.0


def _of_all(confidence: Floats, right: Bools, coverage: float) -> float:
    kept = np.argsort(-confidence, kind="stable")[: max(1, math.ceil(coverage * len(confidence)))]
    return float(right[kept].sum() / len(right))


def _all_answers(confidence: Floats, right: Bools, coverage: float) -> float:
    return float(right.mean())


def _to_the_nearest(confidence: Floats, right: Bools, coverage: float) -> float:
    kept = np.argsort(-confidence, kind="stable")[: max(1, round(coverage * len(confidence)))]
    return float(right[kept].mean())


def _rounded_down(confidence: Floats, right: Bools, coverage: float) -> float:
    kept = np.argsort(-confidence, kind="stable")[: int(coverage * len(confidence))]
    return float(right[kept].mean()) if len(kept) else float("nan")


def _first_ones(confidence: Floats, right: Bools, coverage: float) -> float:
    return float(right[: max(1, math.ceil(coverage * len(right)))].mean())


RIGHT_WHEN_SURE = FunctionExercise(
    number="11.3",
    title="Answer only when sure",
    kind="implement",
    stars=1,
    minutes=15,
    why="a system that may say 'I do not know' can be useful at an accuracy at which a forced one does harm.",
    hints=(
        "If half of the clips may stay unanswered, which half should that be?",
        "Sort by confidence, the largest first. Keep ceil(coverage * n) answers, and at least one.",
        "kept = np.argsort(-confidence, kind='stable')[:max(1, math.ceil(coverage * n))]; right[kept].mean()",
    ),
    reasoning=(
        "Sorting by confidence uses its order alone, so it works even where the numbers are badly calibrated. The mean "
        "is over the answers that were given: a clip that is passed on to a person is no error. Plot it against the "
        "coverage. A curve that does not rise to the left says that the confidence knows nothing, and then no "
        "threshold will help. Check it for each group of speakers: who is passed on most?"
    ),
    reference=_right_when_sure,
    inputs=_confidences,
    mistakes={
        "least sure": Mistake(_least_sure, "you keep the least confident answers: sort with the largest first"),
        "threshold": Mistake(
            _above_threshold, "coverage is a share of the answers, not a threshold on the confidence: sort and count"
        ),
        "of all": Mistake(_of_all, "divide by the number of answers that were given, not by all clips"),
        "all answers": Mistake(_all_answers, "you use all answers, whatever the coverage"),
        "rounded down": Mistake(_rounded_down, "round the number of answers up, so that at least one is given"),
        "to the nearest": Mistake(_to_the_nearest, "round the number of answers up, not to the nearest whole number"),
        "unsorted": Mistake(_first_ones, "you keep the first answers: sort by confidence before you cut"),
    },
)


def _wilson(right: int, n: int, sign: float = -1.0, z: float = 1.96) -> float:
    share = right / n
    middle = share + z * z / (2 * n)
    return (middle + sign * z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n)


EIGHT_OF_TEN = NumberExercise(
    number="11.4",
    title="Eight of ten",
    kind="derive",
    stars=2,
    minutes=15,
    why="ten clips of your own are what you have; this says how little they prove.",
    hints=(
        "The usual plus-minus is too narrow for few answers. Wilson solves (p - share)² = z² p(1-p)/n for p.",
        "Lower end: (share + z²/2n - z √(share(1-share)/n + z²/4n²)) / (1 + z²/n), with z = 1.96.",
        "share = 0.8, n = 10: (0.8 + 0.192 - 1.96 · √(0.016 + 0.0096)) / 1.384",
    ),
    reasoning=(
        "The lower end is 0.49: a model that is right half of the time gets eight of ten often enough. Wilson's "
        "interval uses the variance that p itself would have, so it stays inside [0, 1] and holds for few answers. "
        "The usual interval, 0.8 ± 1.96 √(0.016), starts at 0.55 and ends above 1. Four times as many clips halve the "
        "width. The clips must be independent: ten takes of one sentence are not."
    ),
    value=_wilson(8, 10),
    tolerance=0.005,
    mistakes={
        "usual": Mistake(
            0.8 - 1.96 * math.sqrt(0.016), "that is the usual interval, which is too narrow for ten clips"
        ),
        "upper": Mistake(_wilson(8, 10, 1.0), "that is the upper end; the lower one is asked for"),
        "share": Mistake(0.8, "that is the share itself; how low could the truth be?"),
        "one deviation": Mistake(0.8 - math.sqrt(0.016), "that is one standard error below; a 95% interval takes 1.96"),
        "ninety": Mistake(_wilson(8, 10, -1.0, 1.645), "z = 1.645 gives a 90% interval; take 1.96"),
        "chance": Mistake(1 / 7, "that is chance among seven labels; it does not depend on your answers"),
    },
)

SURE_AND_FAR = ChoiceExercise(
    number="11.1",
    title="Sure, and far away",
    kind="diagnose",
    stars=1,
    minutes=5,
    why="the most dangerous answer of a model is a confident one about a thing that it has never met.",
    hints=(
        "Where did the model learn what a probability of 0.97 means?",
        "A probability is calibrated, if at all, for clips like those that it was calibrated on.",
        "The distance says that this clip is not like them. What can be said about the answer, then?",
    ),
    reasoning=(
        "Softmax divides one unit of probability among the labels, so some label always gets much, also for a clip "
        "that fits none. Calibration was measured on clips near the training data, and says nothing about this one. "
        "The distance is the only sign that something is unusual. It may be the person, the microphone or the room. "
        "Record the same sentence with another microphone, and see which of the two numbers changes."
    ),
    options={
        "a": "The speaker is angry: 0.97 is nearly certain.",
        "b": "The speaker is not angry: the clip is unlike the training data.",
        "c": "The answer may mean nothing: the probability holds for clips like those of the training data.",
        "d": "The answer is right in 97% of such cases.",
        "e": "The model must be trained longer until the note disappears.",
        "f": "The note can be ignored, because the probability is above 0.9.",
    },
    right="c",
    mistakes={
        "a": Mistake("a", "It says that angry fits best among the labels, not that it fits."),
        "b": Mistake("b", "The distance says nothing about which emotion it is."),
        "d": Mistake("d", "Such cases were never counted: there were none near this clip."),
        "e": Mistake("e", "Longer training on the same data makes the model surer, and the clip is as far as before."),
        "f": Mistake("f", "The two measure different things. Far from the data a probability is often close to 1."),
    },
)

EXERCISES = (CALIBRATION_ERROR, RIGHT_WHEN_SURE, EIGHT_OF_TEN, SURE_AND_FAR)
