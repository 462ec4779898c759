"""The wrong answers that learners give to each exercise, with what to say: from the registry, for a lecturer."""

from __future__ import annotations

import html
from typing import Any

from emolab_course.compare import ChoiceExercise, Exercise
from emolab_course.exercises import EXERCISES
from emolab_course.paths import number_of, sources

SYMBOLS = ("alpha", "beta", "gamma")


def rows() -> list[dict[str, Any]]:
    """Each exercise with its number of known mistakes, and each mistake with its hint."""
    return [
        {
            "number": exercise.number,
            "title": exercise.title,
            "mistakes": [{"answer": given, "hint": hint} for given, hint in of(exercise)],
        }
        for exercise in EXERCISES.values()
    ]


def of(exercise: Exercise) -> list[tuple[str, str]]:
    """What learners answer to an exercise, and the hint that each answer gets."""
    found = []
    for name, mistake in exercise.mistakes.items():
        given = f"{name}: {exercise.options[name]}" if isinstance(exercise, ChoiceExercise) else name
        found.append((given, _sentence(mistake.hint)))
    return found


def _sentence(hint: str) -> str:
    """The hint with a capital letter, unless it begins with a symbol (r, alpha, N, `holds`)."""
    first = hint.split(maxsplit=1)[0]
    return hint if (len(first) == 1 and first != "a") or first in SYMBOLS else hint[:1].upper() + hint[1:]


def table(numbers: list[str]) -> str:
    """The wrong answers to some exercises, in Markdown."""
    lines = []
    for number in numbers:
        exercise = EXERCISES[number]
        lines += [f"\n**{number} {exercise.title}**\n", "| a learner answers | say |", "|---|---|"]
        lines += [f"| {_cell(given)} | {_cell(hint)} |" for given, hint in of(exercise)]
    return "\n".join(lines).strip()


def page() -> str:
    """All exercises, notebook by notebook."""
    parts = []
    for path in sources():
        numbers = [number for number in EXERCISES if number.split(".")[0].zfill(2) in _names(number_of(path))]
        if numbers:
            parts.append(f"## {path.stem}\n\n{table(numbers)}")
    return "\n\n".join(parts)


def _names(notebook: str) -> tuple[str, str]:
    """How the exercises of a notebook may begin: "03b" holds 3b.1."""
    return notebook, notebook.lstrip("0").zfill(2)


def _cell(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")
