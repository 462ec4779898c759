"""How an exercise is checked: the learner's function beside the package's, and the first input on which they differ."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Function = Callable[..., Any]


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that learners give, as code, and the hint for whoever's function behaves like it."""

    function: Function
    hint: str


@dataclass(frozen=True)
class Exercise:
    """What is asked for: the package's own function, inputs to compare on, and mistakes that have hints of their own.

    `inputs(rng)` yields argument tuples, edge cases first. A number is right where it differs from the reference by
    at most `tolerance` + `relative` x the reference. The relative part forgives another small constant, such as
    1e-8 in a denominator where the package adds 1e-4.
    """

    number: str
    reference: Function
    inputs: Callable[[np.random.Generator], Iterable[tuple[Any, ...]]]
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    hint: str = "compare the two results above, and work this one case out by hand"
    tolerance: float = 1e-6
    relative: float = 1e-6


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check. It shows itself as text in a notebook, and is true where the answer is right."""

    passed: bool
    text: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.text


def judge(exercise: Exercise, mine: Function) -> Verdict:
    """Compare `mine` with the package's function on every input of the exercise.

    The arguments of each call are copies, so code that works in place is judged by what it returns. An unsolved stub
    and an exception are verdicts too, never errors. The hint is that of the first typical mistake which gives the
    learner's result on the failing input.
    """
    if not callable(mine):
        return Verdict(False, f"Exercise {exercise.number}: give the function itself, not {_short(mine)}.")
    cases = list(exercise.inputs(np.random.default_rng(0)))
    for arguments in cases:
        expected = exercise.reference(*deepcopy(arguments))
        try:
            got = mine(*deepcopy(arguments))
        except NotImplementedError as stub:
            return Verdict(False, f"Not solved yet. {stub}")
        except Exception as error:  # noqa: BLE001 - whatever a learner's code raises is the counter-example
            got = error
        if not same(got, expected, exercise.tolerance, exercise.relative):
            return Verdict(False, _explain(exercise, mine, arguments, got, expected, cases))
    return Verdict(True, f"Exercise {exercise.number}: right, on all {len(cases)} inputs.")


def same(got: Any, expected: Any, tolerance: float, relative: float = 0.0) -> bool:
    """Equal up to the tolerances in every number; dicts by key, sequences and arrays by position, the rest by ==."""
    if isinstance(got, Exception) or (isinstance(got, str) and not isinstance(expected, str)):
        return False
    if isinstance(expected, dict):
        return (
            isinstance(got, dict)
            and got.keys() == expected.keys()
            and all(same(got[key], value, tolerance, relative) for key, value in expected.items())
        )
    if expected is None or isinstance(expected, str | bool | set | frozenset):
        return bool(type(got) is type(expected) and got == expected)
    if got is None:
        return False
    try:
        ours, theirs = np.asarray(expected, float), np.asarray(got, float)
    except (TypeError, ValueError):
        return False
    close = ours.shape == theirs.shape and np.allclose(theirs, ours, rtol=relative, atol=tolerance, equal_nan=True)
    return bool(close)


def _explain(
    exercise: Exercise,
    mine: Function,
    arguments: tuple[Any, ...],
    got: Any,
    expected: Any,
    cases: list[tuple[Any, ...]],
) -> str:
    lines = [
        f"Exercise {exercise.number}: not yet. First counter-example:",
        f"  inputs   {', '.join(_short(argument) for argument in arguments)}",
        f"  yours    {_told(got)}",
        f"  expected {_short(expected)}",
    ]
    if isinstance(got, Exception):
        lines += _their_line(got)
    elif _told(got) == _short(expected):
        lines.append(f"  (the largest difference is {_largest_difference(got, expected):.2g})")
    sentence = _kind_of_fault(got, expected)
    if sentence:
        lines.append(sentence)
    found = _matching_mistake(exercise, mine, arguments, got, cases)
    if found or not sentence:
        lines.append(f"Hint: {found or exercise.hint}.")
    return "\n".join(lines)


def _told(got: Any) -> str:
    return f"{type(got).__name__}: {got}" if isinstance(got, Exception) else _short(got)


def _largest_difference(got: Any, expected: Any) -> float:
    try:
        return float(np.nanmax(np.abs(np.asarray(got, float) - np.asarray(expected, float))))
    except (TypeError, ValueError):
        return float("nan")


def _their_line(error: Exception) -> list[str]:
    """The line of the learner's own code that raised, where the error passed through it."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first frame is the call in `judge`
    if not frames:
        return []
    frame = frames[0]
    return [f"  raised in line {frame.lineno} of your function{f': {frame.line}' if frame.line else ''}"]


def _kind_of_fault(got: Any, expected: Any) -> str:
    """A sentence on what kind of thing is wrong, where it is not the value."""
    if isinstance(got, TypeError) and "argument" in str(got):
        return "Your function takes other arguments than the exercise states. Compare its first line with the stub."
    if isinstance(got, Exception):
        return "Your function raised an exception on this input. Its message and its line stand above."
    if got is None and expected is not None:
        return "Your function returned None. Did you print the result, or forget `return`?"
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            return f"A dict is expected, and your function returned {_type_name(got)}."
        if got.keys() != expected.keys():
            return f"The keys should be {', '.join(map(str, expected))}; yours are {', '.join(map(str, got))}."
        return ""
    if isinstance(expected, str | bool | set | frozenset) or expected is None:
        same_type = type(got) is type(expected)
        return "" if same_type else f"{_type_name(expected)} is expected, and you returned {_type_name(got)}."
    return _fault_of_numbers(got, expected)


def _fault_of_numbers(got: Any, expected: Any) -> str:
    try:
        ours, theirs = np.asarray(expected, float), np.asarray(got, float)
    except (TypeError, ValueError):
        return f"Numbers are expected, and your function returned {_type_name(got)}."
    if isinstance(got, str):
        return "A number is expected, and your function returned a text."
    if ours.shape != theirs.shape:
        return f"The shape should be {_shape(ours)}; yours is {_shape(theirs)}."
    if np.isnan(theirs).any() and not np.isnan(ours).any():
        return "Your result holds NaN: somewhere 0 is divided by 0, or the mean of nothing is taken."
    scaled = bool(np.any(ours)) and np.allclose(theirs, 100 * ours, rtol=1e-6, atol=1e-9)
    return "Your result is 100 times too large: a share is expected, not a percentage." if scaled else ""


def _shape(array: Any) -> str:
    return "a single number" if array.ndim == 0 else str(array.shape)


def _type_name(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _matching_mistake(
    exercise: Exercise, mine: Function, arguments: tuple[Any, ...], got: Any, cases: list[tuple[Any, ...]]
) -> str:
    """The hint of the typical mistake that behaves like `mine` on every input, else on the failing input alone."""
    on_failing = [
        mistake
        for mistake in exercise.mistakes.values()
        if same(_plain(got), _outcome(mistake.function, arguments), exercise.tolerance, exercise.relative)
    ]
    everywhere = [m for m in on_failing if _behaves_like(mine, m.function, cases, exercise)]
    chosen = everywhere or on_failing
    return chosen[0].hint if chosen else ""


def _behaves_like(mine: Function, mistake: Function, cases: list[tuple[Any, ...]], exercise: Exercise) -> bool:
    return all(
        same(_outcome(mine, case), _outcome(mistake, case), exercise.tolerance, exercise.relative) for case in cases
    )


def _outcome(function: Function, arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*deepcopy(arguments))
    except Exception as error:  # noqa: BLE001 - two functions that fail on the same input behave alike
        return type(error).__name__


def _plain(got: Any) -> Any:
    return type(got).__name__ if isinstance(got, Exception) else got


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_short(key)}: {_short(item)}" for key, item in value.items()) + "}"
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(map(str, value))) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_short(item) for item in value) + "]"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
