"""Checks of the exercises: `check.ex_3_1(mine)` judges your answer, `check.hint("3.1")` shows the next hint.

There is a check for each exercise of the registry; exercise 3b.2 has `check.ex_3b_2`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from emolab.errors import EmolabError
from emolab_course.compare import Exercise, Verdict, judge
from emolab_course.exercises import EXERCISES

_hints_shown: Counter[str] = Counter()


def exercise(number: str) -> Exercise:
    """The exercise of a number such as "3.1". Raises EmolabError where there is none."""
    if number not in EXERCISES:
        raise EmolabError(f"there is no exercise {number!r}; there are {', '.join(EXERCISES)}")
    return EXERCISES[number]


def hint(number: str) -> Verdict:
    """The next hint of an exercise. There are three, each tells more than the one before; then the last again."""
    hints = exercise(number).hints
    shown = min(_hints_shown[number], len(hints) - 1)
    _hints_shown[number] += 1
    return Verdict(False, f"Hint {shown + 1} of {len(hints)}: {hints[shown]}")


def ours(number: str) -> Callable[..., Any]:
    """The package's own answer to an exercise that asks for a function. Later cells use it, so that an exercise that
    was skipped blocks nothing. Raises EmolabError for an exercise that asks for something else.
    """
    found = getattr(exercise(number), "reference", None)
    if not callable(found):
        raise EmolabError(f"exercise {number} asks for no function")
    return found


def __getattr__(name: str) -> Callable[[Any], Verdict]:
    number = name.removeprefix("ex_").replace("_", ".")
    if not name.startswith("ex_") or number not in EXERCISES:
        raise AttributeError(f"module 'emolab_course.check' has no attribute {name!r}")

    def check(mine: Any) -> Verdict:
        return judge(EXERCISES[number], mine)

    check.__name__ = check.__qualname__ = name
    check.__doc__ = f"Exercise {number}, {EXERCISES[number].title}."
    return check


def __dir__() -> list[str]:
    return ["hint", "ours", *(f"ex_{number.replace('.', '_')}" for number in EXERCISES)]
