"""How an exercise is checked: the learner's answer beside the real thing, and the first case on which they differ.

There are four kinds of answer. A `FunctionExercise` is compared with the package's own function on many inputs. A
`NumberExercise` is compared with a number. A `ChoiceExercise` explains each of its options. A `JudgedExercise` hands
the answer (a sentence, a list, a reward, …) to the real thing, such as the parser, the audit or the metric.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emolab_course.faults import differs_only_far_down, kind_of_fault, same, short, told, type_name

Function = Callable[..., Any]
WORDS = {str: "a text", float: "a number", list: "a list", dict: "a dict"}
KINDS = ("warm-up", "derive", "implement", "predict", "design", "break", "diagnose", "read")


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that learners give (a function, a number, a letter, …), and the hint for one who gives it."""

    answer: Any
    hint: str


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """What is said of every exercise.

    `kind` is one of `KINDS`, `stars` the difficulty from 1 to 3, `minutes` an estimate. `why` is a sentence on why it
    matters, `hints` are three, each tells more than the one before. `reasoning` is the model answer's text. `mistakes`
    are at least five wrong answers by name. An answer that needs the notebook's own clips or model is `live`: the
    notebook checks it, and a grader leaves it out.
    """

    number: str
    title: str
    kind: str
    stars: int
    minutes: int
    why: str
    hints: tuple[str, str, str]
    reasoning: str
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    live: bool = False


@dataclass(frozen=True, kw_only=True)
class FunctionExercise(Exercise):
    """The answer is a function that gives what `reference` gives.

    `inputs(rng)` yields argument tuples, edge cases first. A number is right where it differs from the reference by
    at most `tolerance` + `relative` x the reference. The relative part forgives another small constant, such as
    1e-8 in a denominator where the package adds 1e-4. A mistake's answer is a function.
    """

    reference: Function
    inputs: Callable[[np.random.Generator], Iterable[tuple[Any, ...]]]
    tolerance: float = 1e-6
    relative: float = 1e-6


@dataclass(frozen=True, kw_only=True)
class NumberExercise(Exercise):
    """The answer is a number within `tolerance` of `value`, or of what `value()` computes. A mistake's answer too."""

    value: float | Callable[[], float]
    tolerance: float


@dataclass(frozen=True, kw_only=True)
class ChoiceExercise(Exercise):
    """The answer is the letter of one of `options`. The mistakes explain the others; their names are the letters."""

    options: Mapping[str, str]
    right: str


@dataclass(frozen=True, kw_only=True)
class JudgedExercise(Exercise):
    """The answer is anything of type `takes`, judged by running the real thing.

    `judge(answer)` returns the name of the mistake ("" for a right answer), and a sentence on what was measured.
    `example` is a right answer, `takes` is str, float, list, dict or Callable.
    """

    judge: Callable[[Any], tuple[str, str]]
    takes: Any
    example: Any


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check. It shows itself as text in a notebook, and is true where the answer is right."""

    passed: bool
    text: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.text


def judge(exercise: Exercise, answer: Any, seed: int = 0) -> Verdict:
    """Judge an answer. An unsolved stub and an exception are verdicts too, never errors.

    `seed` draws the random inputs of a function's exercise, so a grader can use fresh ones.
    """
    if answer is Ellipsis:
        return Verdict(False, f"Not solved yet. Exercise {exercise.number}: {exercise.title}.")
    if isinstance(exercise, FunctionExercise):
        return _judge_function(exercise, answer, seed)
    if isinstance(exercise, NumberExercise):
        return _judge_number(exercise, answer)
    if isinstance(exercise, ChoiceExercise):
        return _judge_choice(exercise, answer)
    if isinstance(exercise, JudgedExercise):
        return _judge_by_running(exercise, answer)
    raise TypeError(f"exercise {exercise.number}: {type_name(exercise)} is no kind of exercise")


def _right(exercise: Exercise, more: str) -> Verdict:
    return Verdict(True, f"Exercise {exercise.number}: right{more}.")


def _not_yet(exercise: Exercise, *lines: str) -> Verdict:
    more = f'More help: check.hint("{exercise.number}")'
    return Verdict(False, "\n".join([f"Exercise {exercise.number}: not yet.", *filter(None, lines), more]))


def _judge_function(exercise: FunctionExercise, mine: Any, seed: int) -> Verdict:
    """Compare `mine` with the reference on every input.

    The arguments of each call are copies, so code that works in place is judged by what it returns. The hint is that
    of the first typical mistake which gives the learner's result on the failing input.
    """
    if not callable(mine):
        return Verdict(False, f"Exercise {exercise.number}: give the function itself, not {short(mine)}.")
    cases = list(exercise.inputs(np.random.default_rng(seed)))
    for arguments in cases:
        expected = exercise.reference(*deepcopy(arguments))
        try:
            got = mine(*deepcopy(arguments))
        except NotImplementedError as stub:
            return Verdict(False, f"Not solved yet. {stub}")
        except Exception as error:  # noqa: BLE001 - whatever a learner's code raises is the counter-example
            got = error
        if not same(got, expected, exercise.tolerance, exercise.relative):
            return _not_yet(exercise, *_counter_example(exercise, mine, arguments, got, expected, cases))
    return _right(exercise, f", on all {len(cases)} inputs")


def _counter_example(
    exercise: FunctionExercise,
    mine: Function,
    arguments: tuple[Any, ...],
    got: Any,
    expected: Any,
    cases: list[tuple[Any, ...]],
) -> list[str]:
    lines = [
        "First counter-example:",
        f"  inputs   {', '.join(short(argument) for argument in arguments)}",
        f"  yours    {told(got)}",
        f"  expected {short(expected)}",
        differs_only_far_down(got, expected),
        _their_line(got),
        kind_of_fault(got, expected),
    ]
    found = _matching_mistake(exercise, mine, arguments, got, cases)
    if found or not lines[-1]:
        lines.append(f"Hint: {found or 'work this one case out by hand, and compare each step with your code'}.")
    return lines


def _their_line(error: Any) -> str:
    """The line of the learner's own code that raised, where the error passed through it."""
    frames = traceback.extract_tb(error.__traceback__)[1:] if isinstance(error, Exception) else []
    if not frames:  # the first frame is the call in this module
        return ""
    return f"  raised in line {frames[0].lineno} of your code{f': {frames[0].line}' if frames[0].line else ''}"


def _matching_mistake(
    exercise: FunctionExercise, mine: Function, arguments: tuple[Any, ...], got: Any, cases: list[tuple[Any, ...]]
) -> str:
    """The hint of the typical mistake that behaves like `mine` on the failing input, and on most of the others."""
    outcome = type(got).__name__ if isinstance(got, Exception) else got
    on_failing = [
        mistake
        for mistake in exercise.mistakes.values()
        if same(outcome, _outcome(mistake.answer, arguments), exercise.tolerance, exercise.relative)
    ]
    return max(on_failing, key=lambda m: _alike(mine, m.answer, cases, exercise)).hint if on_failing else ""


def _alike(mine: Function, mistake: Function, cases: list[tuple[Any, ...]], exercise: FunctionExercise) -> int:
    """On how many inputs two functions give the same."""
    outcomes = ((_outcome(mine, case), _outcome(mistake, case)) for case in cases)
    return sum(same(one, other, exercise.tolerance, exercise.relative) for one, other in outcomes)


def _outcome(function: Function, arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*deepcopy(arguments))
    except Exception as error:  # noqa: BLE001 - two functions that fail on the same input behave alike
        return type(error).__name__


def _judge_number(exercise: NumberExercise, mine: Any) -> Verdict:
    fault = kind_of_fault(mine, 0.0, subject="Your answer")
    if callable(mine) or fault:
        return _not_yet(exercise, fault or "A number is expected, and you gave a function: call it.")
    given, expected = float(mine), number_of(exercise.value)
    if same(given, expected, exercise.tolerance):
        return _right(exercise, f" ({short(expected)})")
    for mistake in exercise.mistakes.values():
        if same(given, number_of(mistake.answer), exercise.tolerance):
            return _not_yet(exercise, f"  yours    {short(given)}", f"Hint: {mistake.hint}.")
    side = "small" if given < expected else "large"
    return _not_yet(exercise, f"  yours    {short(given)}", f"It is too {side}.")


def number_of(value: float | Callable[[], float]) -> float:
    """A number, or what a function computes."""
    return float(value() if callable(value) else value)


def _judge_choice(exercise: ChoiceExercise, mine: Any) -> Verdict:
    letters = ", ".join(exercise.options)
    if not isinstance(mine, str):
        return _not_yet(exercise, f"Your answer is {type_name(mine)}. Give one of the letters {letters} as a text.")
    letter = mine.strip().strip(".)").lower()
    if letter == exercise.right:
        return _right(exercise, f": {exercise.options[letter].rstrip('.')}")
    if letter not in exercise.options:
        return _not_yet(exercise, f"There is no option {short(mine)}. Give one of the letters {letters}.")
    return _not_yet(exercise, f"  yours    {letter}. {exercise.options[letter]}", exercise.mistakes[letter].hint)


def _judge_by_running(exercise: JudgedExercise, mine: Any) -> Verdict:
    wanted = exercise.takes
    fitting = callable(mine) if wanted is Callable else isinstance(mine, (list, tuple) if wanted is list else wanted)
    if mine is None or not fitting:
        what = "a function" if wanted is Callable else WORDS.get(wanted, f"a {wanted.__name__}")
        given = "None" if mine is None else type_name(mine)
        return _not_yet(exercise, f"Your answer is {given}, and {what} is expected.")
    try:
        name, measured = exercise.judge(deepcopy(mine))
    except NotImplementedError as stub:
        return Verdict(False, f"Not solved yet. {stub}")
    except Exception as error:  # noqa: BLE001 - whatever an answer makes the real thing raise is the verdict
        return _not_yet(exercise, f"Your answer raised {told(error)}", "Try it alone in a cell, and mend that first.")
    if not name:
        return _right(exercise, f". {measured.rstrip('.')}")
    hint = exercise.mistakes[name].hint if name in exercise.mistakes else name
    return _not_yet(exercise, f"  {measured}", f"Hint: {hint}.")
