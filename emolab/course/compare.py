"""How an exercise is checked: the learner's function beside the package's, and the first input on which they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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

    `inputs(rng)` yields argument tuples, edge cases first. `tolerance` is absolute, for every number in the results.
    """

    number: str
    reference: Function
    inputs: Callable[[np.random.Generator], Iterable[tuple[Any, ...]]]
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    hint: str = "compare the two results above, and work this one case out by hand"
    tolerance: float = 1e-6


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check; it shows itself as text in a notebook, and is true where the answer is right."""

    passed: bool
    text: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.text


def judge(exercise: Exercise, mine: Function) -> Verdict:
    """Compare `mine` with the package's function. An unsolved stub and an exception are verdicts too, never errors."""
    cases = list(exercise.inputs(np.random.default_rng(0)))
    for arguments in cases:
        expected = exercise.reference(*arguments)
        try:
            got = mine(*arguments)
        except NotImplementedError as stub:
            return Verdict(False, f"Not solved yet. {stub}")
        except Exception as error:  # noqa: BLE001 - whatever a learner's code raises is the counter-example
            got = error
        if not same(got, expected, exercise.tolerance):
            return Verdict(False, _explain(exercise, mine, arguments, got, expected, cases))
    return Verdict(True, f"Exercise {exercise.number}: right, on all {len(cases)} inputs.")


def same(got: Any, expected: Any, tolerance: float) -> bool:
    """Equal up to `tolerance` in every number; dicts by key, sequences and arrays by position, the rest by ==."""
    if isinstance(got, Exception) or (isinstance(got, str) and not isinstance(expected, str)):
        return False
    if isinstance(expected, dict):
        return (
            isinstance(got, dict)
            and got.keys() == expected.keys()
            and all(same(got[key], value, tolerance) for key, value in expected.items())
        )
    if expected is None or isinstance(expected, str | bool | set | frozenset):
        return bool(type(got) is type(expected) and got == expected)
    try:
        ours, theirs = np.asarray(expected, float), np.asarray(got, float)
    except (TypeError, ValueError):
        return False
    return ours.shape == theirs.shape and bool(np.allclose(theirs, ours, rtol=0, atol=tolerance, equal_nan=True))


def _explain(
    exercise: Exercise,
    mine: Function,
    arguments: tuple[Any, ...],
    got: Any,
    expected: Any,
    cases: list[tuple[Any, ...]],
) -> str:
    shown = f"{type(got).__name__}: {got}" if isinstance(got, Exception) else _short(got)
    called = ", ".join(_short(argument) for argument in arguments)
    hint = next(
        (m.hint for m in exercise.mistakes.values() if _behaves_like(mine, m.function, cases, exercise)), exercise.hint
    )
    return "\n".join(
        [
            f"Exercise {exercise.number}: not yet. First counter-example:",
            f"  inputs   {called}",
            f"  yours    {shown}",
            f"  expected {_short(expected)}",
            f"Hint: {hint}.",
        ]
    )


def _behaves_like(mine: Function, mistake: Function, cases: list[tuple[Any, ...]], exercise: Exercise) -> bool:
    return all(same(_outcome(mine, case), _outcome(mistake, case), exercise.tolerance) for case in cases)


def _outcome(function: Function, arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*arguments)
    except Exception as error:  # noqa: BLE001 - two functions that fail on the same input behave alike
        return type(error).__name__


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_short(key)}: {_short(item)}" for key, item in value.items()) + "}"
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(map(str, value))) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_short(item) for item in value) + "]"
    return f"{value:.4g}" if isinstance(value, float) else repr(value)
