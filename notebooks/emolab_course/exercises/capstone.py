"""Exercises of notebook 15: a study that can answer its question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from emolab_course.audited import Reward, audited
from emolab_course.compare import ChoiceExercise, FunctionExercise, JudgedExercise, Mistake
from emolab_course.exercises.claims import _t


def _seeds(spread: float, margin: float) -> int:
    n = 2
    while _t(n - 1) * spread / np.sqrt(n) > margin:
        n += 1
    return n


def _plan_inputs(rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    yield 0.02, 0.02
    yield 0.03, 0.01
    for _ in range(8):
        yield round(float(rng.uniform(0.01, 0.05)), 3), round(float(rng.uniform(0.01, 0.03)), 3)


def _normal(spread: float, margin: float) -> int:
    return max(2, int(np.ceil((1.959963984540054 * spread / margin) ** 2)))


def _one_more(spread: float, margin: float) -> int:
    return _seeds(spread, margin) + 1


def _degrees(spread: float, margin: float) -> int:
    n = 2
    while _t(n) * spread / np.sqrt(n) > margin:
        n += 1
    return n


def _whole_width(spread: float, margin: float) -> int:
    return _seeds(2 * spread, margin)


def _no_root(spread: float, margin: float) -> int:
    n = 2
    while _t(n - 1) * spread / n > margin:
        n += 1
    return n


SEEDS_NEEDED = FunctionExercise(
    number="15.2",
    title="How many seeds?",
    kind="implement",
    stars=2,
    minutes=15,
    why="a study that cannot decide its question costs as much as one that can.",
    hints=(
        "Half the width of the interval is t times spread over the root of n.",
        "The quantile of t depends on n, so try n = 2, 3, … in turn.",
        "Stop at the first n with t.ppf(0.975, n - 1) * spread / sqrt(n) <= margin",
    ),
    reasoning=(
        "Half the interval is t(n - 1) · spread / sqrt(n). Both the quantile and the root shrink it as n "
        "grows, so the first n that reaches the margin is the answer. With the normal quantile 1.96 in place "
        "of t the number is too small where few seeds are enough. The spread comes from a pilot or from the "
        "ledger, never from the runs that decide."
    ),
    reference=_seeds,
    inputs=_plan_inputs,
    mistakes={
        "normal": Mistake(_normal, "with few seeds take Student's t, which depends on n: search upwards"),
        "one more": Mistake(_one_more, "your n is one too large: stop at the first that reaches the margin"),
        "degrees": Mistake(_degrees, "n seeds have n - 1 degrees of freedom"),
        "whole width": Mistake(
            _whole_width, ("compare half the interval's width with the margin, not the whole width")
        ),
        "no root": Mistake(_no_root, "the error of a mean falls with the root of n, not with n"),
    },
)

_REGISTRATION: dict[str, Any] = {
    "claim": "Plain accuracy as a reward gives a higher UA than ESWR with a falling α.",
    "first": "accuracy",
    "second": "ESWR",
    "metric": "ua",
    "margin": 0.02,
    "seeds": 10,
    "split": "test",
    "chosen_on": "val",
    "if_not": "We report the interval, and that ESWR may be as good.",
}


def _registered(answer: Mapping[str, Any]) -> tuple[str, str]:
    from emolab_course.capstone import faults

    found = faults(answer)
    if not found:
        return "", "The registration is complete"
    kinds = {"missing": "incomplete", "same arm": "same arms", "margin": "margin", "seeds": "seeds"}
    name = next((kind for word, kind in kinds.items() if word in found[0]), "same clips")
    return name, f"{found[0].capitalize()}."


REGISTRATION = JudgedExercise(
    number="15.1",
    title="A registration",
    kind="design",
    stars=2,
    minutes=30,
    why="what is written down before cannot be adjusted to what came out.",
    hints=(
        "`capstone.FIELDS` lists what it states.",
        "Two arms that differ, a margin above 0, at least five seeds.",
        "Choose on val, decide on test, and say now what you will write if the claim does not hold.",
    ),
    reasoning=(
        "A registration takes away three freedoms: to change the claim, to change what counts as a "
        "difference, and to stop "
        "when it looks good. The last field is the one that people leave out. If you cannot say what you "
        "will write when the "
        "claim does not hold, you have not made a claim. The clips on which it is decided are opened "
        "once, so everything was "
        "chosen on others."
    ),
    takes=dict,
    example=_REGISTRATION,
    judge=_registered,
    mistakes={
        "incomplete": Mistake({"claim": "it is better"}, "every field of capstone.FIELDS is stated, and none is empty"),
        "same arms": Mistake(
            {**_REGISTRATION, "second": "accuracy"}, "a claim compares two arms that differ in one thing"
        ),
        "margin": Mistake(
            {**_REGISTRATION, "margin": 0}, ("say what would be too little to matter, in the unit of the metric")
        ),
        "seeds": Mistake({**_REGISTRATION, "seeds": 3}, "the ledger decides nothing with fewer than five paired seeds"),
        "same clips": Mistake({**_REGISTRATION, "chosen_on": "test"}, "choose on other clips than those that decide"),
    },
)


def _passes(reward: Reward) -> tuple[str, str]:
    found, told = audited(reward)
    if found["right"] <= found["wrong"] + 1e-9:
        if found["right"] < found["wrong"] - 1e-9:
            return "turned", f"{told}."
        return ("blind" if found["right"] else "nothing"), f"{told}."
    paying = [row["hack"] for row in found["rows"] if not row["ok"]]
    if paying:
        kinds = {"label spam": "lists", "hedge": "lists", "every wheel word": "lists"}
        listed = any(name.startswith(tuple(kinds)) for name in paying)
        return ("lists" if listed else "bonus"), f"{told}; {len(paying)} attacks pay, among them {paying[0]!r}."
    if not found["blind"]["ok"]:
        return "hedges", f"{told}; naming several emotions blindly pays more than one."
    return "", f"{told}, and none of {len(found['rows'])} attacks pays more than a wrong answer"


def _parsed(text: str) -> str | None:
    from emolab.parsing import parse_label

    return parse_label(text)


def _exact(completions: Sequence[str], solution: Sequence[str] = (), **columns: Any) -> list[float]:
    return [float(_parsed(text) == gold) for text, gold in zip(completions, solution, strict=True)]


def _gated(completions: Sequence[str], solution: Sequence[str] = (), **columns: Any) -> list[float]:
    hits = _exact(completions, solution)
    return [hit * (1 + 0.2 * (len(text) < 60)) for hit, text in zip(hits, completions, strict=True)]


def _contains(completions: Sequence[str], solution: Sequence[str] = (), **columns: Any) -> list[float]:
    return [float(gold in text) for text, gold in zip(completions, solution, strict=True)]


def _short(completions: Sequence[str], solution: Sequence[str] = (), **columns: Any) -> list[float]:
    hits = _exact(completions, solution)
    return [hit + 0.5 * (len(text) < 12) for hit, text in zip(hits, completions, strict=True)]


def _constant(completions: Sequence[str], **columns: Any) -> list[float]:
    return [1.0] * len(completions)


def _nothing(completions: Sequence[str], **columns: Any) -> list[float]:
    return [0.0] * len(completions)


def _minus(completions: Sequence[str], solution: Sequence[str] = (), **columns: Any) -> list[float]:
    return [1 - hit for hit in _exact(completions, solution)]


OWN_REWARD = JudgedExercise(
    number="15.3",
    title="A reward that passes the audit",
    kind="design",
    stars=3,
    minutes=45,
    why="the capstone trains with a reward of yours, and training attacks it for hours.",
    hints=(
        "Read the label with `parse_label`, and pay for a match with `solution`.",
        "Anything else that you pay counts only where the answer is right: multiply.",
        "hit * (1 + 0.2 * (len(text) < 60))",
    ),
    reasoning=(
        "The parser reads one label or none, so lists and denials earn nothing. A bonus that is "
        "multiplied with the hit "
        "cannot be had without it: this is what `Part(..., gate=...)` does. A bonus that is added pays "
        "for whatever has it, "
        "right or wrong. The audit is a floor: a reward that passes it can still have holes that nobody "
        "has thought of, so "
        "training logs plain accuracy beside it."
    ),
    takes=Callable,
    example=_gated,
    judge=_passes,
    mistakes={
        "lists": Mistake(
            _contains, ("a text that names every emotion contains the right one: read the label with the parser")
        ),
        "bonus": Mistake(_short, "a bonus is paid without a right answer: multiply it with the hit instead of adding"),
        "blind": Mistake(_constant, "right and wrong answers earn the same: compare the label with `solution`"),
        "turned": Mistake(_minus, "a wrong answer earns more than a right one: your sign is turned"),
        "nothing": Mistake(_nothing, "nothing is ever paid: compare the label that the parser reads with `solution`"),
    },
)

MARKING = ChoiceExercise(
    number="15.4",
    title="Marking a verdict",
    kind="read",
    stars=1,
    minutes=10,
    why="who has marked a report writes a better one.",
    hints=(
        "Find the line of the rubric about the verdict.",
        "What is compared: means, or the best of ten with the best of ten?",
        "Best runs and no interval: the last column.",
    ),
    reasoning=(
        "The rubric gives nothing for best runs without an interval. The best of ten is a maximum, and "
        "says more about the "
        "spread of an arm than about its mean: the arm that varies more has the better best run even "
        "where both are equal. "
        "The means over the same ten seeds, their difference and its interval were there to be reported."
    ),
    options={
        "a": "20: ten seeds were run, and the rule is clear",
        "b": "0: best runs are compared, without an interval",
        "c": "10: the interval is missing, the rest is right",
        "d": "10: the words are too strong for what was found",
        "e": "20, if the difference is above the margin",
        "f": "0, because the claim may not hold",
    },
    right="b",
    mistakes={
        "a": Mistake("a", "Ten seeds earn points for the runs. The verdict uses two of the twenty runs."),
        "c": Mistake("c", "Half marks need an interval of something. A difference of two maxima has none here."),
        "d": Mistake("d", "They are, and the half marks are for that with an interval. There is none."),
        "e": Mistake("e", "The margin is for the mean difference, which the sentence does not give."),
        "f": Mistake("f", "A claim that does not hold loses no points. The way it was judged does."),
    },
)

EXERCISES = (REGISTRATION, SEEDS_NEEDED, OWN_REWARD, MARKING)
