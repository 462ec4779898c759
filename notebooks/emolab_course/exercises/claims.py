"""Exercises of notebook 13: what a comparison of runs can claim."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import ChoiceExercise, FunctionExercise, Mistake, NumberExercise

Floats = NDArray[np.float64]


def _t(degrees: int, level: float = 0.95) -> float:
    from scipy.stats import t

    return float(t.ppf(0.5 + level / 2, degrees))


def _interval(differences: Floats, quantile: float) -> tuple[float, float]:
    middle = float(differences.mean())
    reach = quantile * float(differences.std(ddof=1)) / np.sqrt(len(differences))
    return middle - reach, middle + reach


def _paired(first: Floats, second: Floats) -> tuple[float, float]:
    return _interval(first - second, _t(len(first) - 1))


def _arm_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    yield np.array([0.70, 0.62, 0.66]), np.array([0.68, 0.59, 0.65])
    for _ in range(8):
        n = int(rng.integers(5, 11))
        base = rng.normal(0.6, 0.05, n)
        yield (base + rng.normal(0.02, 0.01, n)).round(3), base.round(3)


def _unpaired(first: Floats, second: Floats) -> tuple[float, float]:
    n = len(first)
    error = np.sqrt(first.var(ddof=1) / n + second.var(ddof=1) / n)
    middle, reach = float(first.mean() - second.mean()), _t(2 * n - 2) * float(error)
    return middle - reach, middle + reach


def _normal(first: Floats, second: Floats) -> tuple[float, float]:
    return _interval(first - second, 1.959963984540054)


def _no_root(first: Floats, second: Floats) -> tuple[float, float]:
    differences = first - second
    reach = _t(len(first) - 1) * float(differences.std(ddof=1))
    return float(differences.mean()) - reach, float(differences.mean()) + reach


def _population(first: Floats, second: Floats) -> tuple[float, float]:
    differences = first - second
    reach = _t(len(first) - 1) * float(differences.std()) / np.sqrt(len(first))
    return float(differences.mean()) - reach, float(differences.mean()) + reach


def _one_sided(first: Floats, second: Floats) -> tuple[float, float]:
    return _interval(first - second, _t(len(first) - 1, 0.90))


PAIRED_INTERVAL = FunctionExercise(
    number="13.1",
    title="An interval that knows its pairs",
    kind="implement",
    stars=2,
    minutes=15,
    why="pairing removes what both arms share, and that is most of the variation.",
    hints=(
        "Take the differences by seed first.",
        "Their standard error is the deviation of a sample over the root of n.",
        "mean ± t.ppf(0.975, n - 1) * std(ddof=1) / sqrt(n)",
    ),
    reasoning=(
        "Arms with the same seed share their cold start, so a lucky start lifts both. The difference by seed "
        "removes it. With n differences the mean has the standard error s / sqrt(n), and because s is itself "
        "estimated from few values, the quantile is that of Student's t with n - 1 degrees of freedom."
    ),
    reference=_paired,
    inputs=_arm_inputs,
    mistakes={
        "unpaired": Mistake(_unpaired, "the arms share their seeds: take the differences first, then one interval"),
        "normal": Mistake(_normal, "1.96 needs many seeds; with few of them take the quantile of Student's t"),
        "no root": Mistake(_no_root, "the mean of n differences varies less than one: divide by the root of n"),
        "population deviation": Mistake(_population, "the deviation of a sample divides by n - 1: std(ddof=1)"),
        "one-sided": Mistake(_one_sided, "95% between two ends leaves 2.5% on each side: the quantile is at 0.975"),
    },
)


def _judged(low: float, high: float, margin: float, seeds: int) -> str:
    if seeds < 5:
        return "undecided"
    if low > 0:
        return "holds"
    return "does not" if high < margin else "undecided"


def _interval_inputs(rng: np.random.Generator) -> Iterator[tuple[float, float, float, int]]:
    yield 0.01, 0.05, 0.02, 10
    yield 0.01, 0.05, 0.02, 4
    yield 0.001, 0.015, 0.02, 10
    yield -0.03, 0.015, 0.02, 5
    yield -0.03, 0.05, 0.02, 10
    yield -0.05, -0.01, 0.02, 10
    for _ in range(10):
        low = round(float(rng.uniform(-0.06, 0.03)), 3)
        yield low, round(low + float(rng.uniform(0.01, 0.08)), 3), 0.02, int(rng.integers(3, 12))


def _no_minimum(low: float, high: float, margin: float, seeds: int) -> str:
    return _judged(low, high, margin, 10)


def _above_margin(low: float, high: float, margin: float, seeds: int) -> str:
    if seeds < 5:
        return "undecided"
    return "holds" if low > margin else ("does not" if high < margin else "undecided")


def _below_zero(low: float, high: float, margin: float, seeds: int) -> str:
    if seeds < 5:
        return "undecided"
    return "holds" if low > 0 else ("does not" if high < 0 else "undecided")


def _two_verdicts(low: float, high: float, margin: float, seeds: int) -> str:
    return "holds" if seeds >= 5 and low > 0 else "does not"


def _margin_first(low: float, high: float, margin: float, seeds: int) -> str:
    if seeds < 5:
        return "undecided"
    return "does not" if high < margin else ("holds" if low > 0 else "undecided")


RULE_OF_THREE = FunctionExercise(
    number="13.2",
    title="Holds, does not, undecided",
    kind="implement",
    stars=1,
    minutes=10,
    why="a rule that is written down before the runs cannot be bent by them.",
    hints=(
        "Ask the three questions in order: enough seeds? all above zero? all below the margin?",
        "A claim holds with low > 0, even where the whole interval is below the margin.",
        "seeds < 5: undecided; low > 0: holds; high < margin: does not; else undecided",
    ),
    reasoning=(
        "With too few seeds the interval itself cannot be trusted, so that question comes first. Then: if the whole "
        "interval is above zero, the difference is there. If the whole interval is below the margin, the difference is "
        "absent, negative, or too small to matter, so the claim does not hold. What is left includes both zero and "
        "something that would matter, and these runs cannot tell."
    ),
    reference=_judged,
    inputs=_interval_inputs,
    mistakes={
        "no minimum": Mistake(_no_minimum, "with fewer than five seeds nothing is decided"),
        "above the margin": Mistake(
            _above_margin, ("a claim holds where the interval is above zero; it need not reach the margin")
        ),
        "below zero": Mistake(_below_zero, "an interval that ends between 0 and the margin says: too little to matter"),
        "two verdicts": Mistake(_two_verdicts, "what is not shown is not refuted: there is a third verdict"),
        "margin first": Mistake(
            _margin_first, ("ask for `holds` before `does not`: a small difference that is surely there holds")
        ),
    },
)


def _holm(p: Floats) -> NDArray[np.bool_]:
    values, rejected = np.asarray(p, float), np.zeros(len(p), bool)
    for i, place in enumerate(np.argsort(values)):
        if values[place] > 0.05 / (len(values) - i):
            break
        rejected[place] = True
    return rejected


def _p_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats]]:
    yield (np.array([0.04]),)
    yield (np.array([0.03, 0.001, 0.02]),)
    yield (np.array([0.2, 0.016, 0.001, 0.03]),)
    yield (np.array([0.04, 0.001, 0.03, 0.02]),)
    yield (np.array([0.012, 0.013, 0.014, 0.9]),)
    for _ in range(8):
        yield ((rng.uniform(0, 1, int(rng.integers(2, 8))) ** 4).round(4),)


def _uncorrected(p: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.asarray(p) <= 0.05)


def _bonferroni(p: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.asarray(p) <= 0.05 / len(p))


def _no_stop(p: Floats) -> NDArray[np.bool_]:
    values, rejected = np.asarray(p, float), np.zeros(len(p), bool)
    for i, place in enumerate(np.argsort(values)):
        rejected[place] = values[place] <= 0.05 / (len(values) - i)
    return rejected


def _sorted_order(p: Floats) -> NDArray[np.bool_]:
    return np.asarray(_holm(np.sort(p)))


def _hochberg(p: Floats) -> NDArray[np.bool_]:
    values, rejected = np.asarray(p, float), np.zeros(len(p), bool)
    order = np.argsort(values)
    passed = [i for i, place in enumerate(order) if values[place] <= 0.05 * (i + 1) / len(values)]
    rejected[order[: max(passed) + 1 if passed else 0]] = True
    return rejected


HOLM = FunctionExercise(
    number="13.3",
    title="Holm's correction",
    kind="implement",
    stars=2,
    minutes=20,
    why="it is never worse than Bonferroni's, and as easy.",
    hints=(
        "np.argsort gives the places in order of p.",
        "The i-th smallest (from 0) is compared with 0.05 / (n - i).",
        "Break at the first that is larger: it and all after it stay.",
    ),
    reasoning=(
        "With n true null hypotheses the smallest p is below 0.05 / n with probability at most 5%. Once "
        "the smallest is "
        "rejected, only n - 1 hypotheses are left that could be true, so the next may be compared with "
        "0.05 / (n - 1). The "
        "first failure ends it: what comes after has a larger p, and no more reason to be rejected."
    ),
    reference=_holm,
    inputs=_p_inputs,
    mistakes={
        "uncorrected": Mistake(_uncorrected, "you compare each with 0.05: with many of them one passes by accident"),
        "Bonferroni": Mistake(_bonferroni, "that is Bonferroni's; Holm's limit grows with each one that was rejected"),
        "no stop": Mistake(_no_stop, "stop at the first that fails: later ones must not be rejected any more"),
        "sorted order": Mistake(_sorted_order, "your answers are in the order of p; return them in the order given"),
        "false discovery": Mistake(
            _hochberg, ("that is Benjamini and Hochberg's rule, which allows a share of false claims")
        ),
    },
)


def _best_of_four() -> float:
    from scipy.integrate import quad
    from scipy.stats import norm

    return float(2 * quad(lambda x: x * 4 * norm.pdf(x) * norm.cdf(x) ** 3, -10, 10)[0])


FLATTERY = NumberExercise(
    number="13.4",
    title="The best of four",
    kind="predict",
    stars=1,
    minutes=10,
    why="most tables of results are the best of several, and do not say of how many.",
    hints=(
        "Draw four scores around zero, take the largest, repeat.",
        "rng.normal(0, 2, (many, 4)).max(axis=1)",
        "The mean of these maxima is the answer.",
    ),
    reasoning=(
        "All four have the true value 0 here, so what the best of them shows is flattery alone. The mean "
        "of the largest of "
        "four standard normal numbers is about 1.03; times 2 points it is about 2.06. It grows slowly "
        "with the number of "
        "tries, and in proportion to the spread: noisy measurements flatter most."
    ),
    value=_best_of_four,
    tolerance=0.05,
    mistakes={
        "one deviation": Mistake(1.03, "that is for a standard deviation of 1; here it is 2 points"),
        "no flattery": Mistake(0.0, "the mean of one score is 0; the mean of the largest of four is not"),
        "the deviation": Mistake(2.0 * 0.7012, "that is the spread of the best score; its mean is asked"),
        "best of two": Mistake(2.0 * 0.5642, "that is the best of two"),
        "best of three": Mistake(2.0 * 0.8463, "that is the best of three"),
        "spread over root": Mistake(4.0, "the four scores do not add up: one of them is reported"),
    },
)

FIRST_FAULT = ChoiceExercise(
    number="13.5",
    title="A paper's sentence",
    kind="read",
    stars=2,
    minutes=10,
    why="you will read many such sentences, and write some.",
    hints=(
        "How many runs stand behind each of the two numbers?",
        "Which of the two was allowed to be lucky?",
        "Sixty draws against one.",
    ),
    reasoning=(
        "71.3 is the largest of sixty scores, 69.8 is one score. Even if all variants were exactly as "
        "good as the baseline, "
        "the largest of sixty would lie well above one draw. So first of all both arms must be treated "
        "alike: the mean over "
        "the same seeds, for a variant that was chosen on other clips. Intervals, margins and tests come after that."
    ),
    options={
        "a": "There is no significance test",
        "b": "Five seeds are too few",
        "c": "Accuracy should be unweighted accuracy",
        "d": "The difference is too small to matter",
        "e": "The best of sixty runs is compared with a single one",
        "f": "Twelve variants are too many",
    },
    right="e",
    mistakes={
        "a": Mistake("a", "A test on these two numbers would test the wrong thing: one is a maximum."),
        "b": Mistake("b", "Five can do, if their mean is reported. Here one of them was picked."),
        "c": Mistake("c", "That may matter too. It does not decide whether the comparison is fair."),
        "d": Mistake("d", "1.5 points may matter. It is not known whether they are there."),
        "f": Mistake("f", "One may try many, and say so, and choose on validation clips."),
    },
)

EXERCISES = (PAIRED_INTERVAL, RULE_OF_THREE, HOLM, FLATTERY, FIRST_FAULT)
