"""The exercises, one file for each notebook: cards, what each answer is compared with, and typical mistakes.

Every file has a tuple `EXERCISES`; the registry below is made of them. A mistake is a real answer (a function, a
number, a letter, a sentence), and a test gives each of them to its check.
"""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import iter_modules

from emolab_course.compare import Exercise


def order(number: str) -> tuple[int, str, int]:
    """The place of an exercise number in the course: "3.2" before "3b.1" before "4.1"."""
    notebook, _, position = number.partition(".")
    found = re.fullmatch(r"(\d+)([a-z]?)", notebook)
    if found is None:
        raise ValueError(f"{number!r} is no exercise number; write 3.1 or 3b.1")
    return int(found[1]), found[2], int(position)


def _all() -> dict[str, Exercise]:
    found: dict[str, Exercise] = {}
    for module in iter_modules(__path__):
        for exercise in import_module(f"{__name__}.{module.name}").EXERCISES:
            if exercise.number in found:
                raise ValueError(f"exercise {exercise.number} is there twice: {module.name}.py has it too")
            found[exercise.number] = exercise
    return {number: found[number] for number in sorted(found, key=order)}


EXERCISES: dict[str, Exercise] = _all()
"""Every exercise by its number, in the order of the course."""
