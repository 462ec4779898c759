"""What a notebook and a table say of an exercise: its card, its model answer, a row. All of it comes from the registry.

A source holds `<!-- exercise 3.1 -->` above the text of the task; the card is put in its place.
"""

from __future__ import annotations

import re
from typing import Any

from emolab_course.check import exercise
from emolab_course.compare import ChoiceExercise, Exercise

MARKER = re.compile(r"^<!-- exercise (\w+\.\d+) -->$", re.MULTILINE)


def stars(count: int) -> str:
    """The difficulty as three stars, the first `count` of them filled."""
    return "★" * count + "☆" * (3 - count)


def with_card(text: str) -> str:
    """A Markdown cell's text with the card in place of its marker, and the options of a choice at its end."""
    found = MARKER.search(text)
    if found is None:
        return text
    asked = exercise(found[1])
    options = ""
    if isinstance(asked, ChoiceExercise):
        options = "\n" + "\n".join(f"- **{letter}.** {option}" for letter, option in asked.options.items())
    return f"{MARKER.sub(lambda _: _card(asked), text)}{options and chr(10)}{options}"


def _card(asked: Exercise) -> str:
    return (
        f"## Exercise {asked.number} · {asked.title}\n\n"
        f"*{asked.kind}* · {stars(asked.stars)} · about {asked.minutes} minutes · "
        f'stuck? `check.hint("{asked.number}")`\n\n'
        f"*Why it matters:* {asked.why}"
    )


def model_answer(number: str) -> str:
    """The reasoning behind an exercise's model answer, as a Markdown fold."""
    return (
        f"<details><summary>Model answer of exercise {number}: the reasoning</summary>\n\n"
        f"{exercise(number).reasoning}\n\n</details>"
    )


def rows() -> list[dict[str, Any]]:
    """One row an exercise, in the order of the course: number, title, kind, stars, minutes, and why it matters."""
    from emolab_course.exercises import EXERCISES

    shown = ("number", "title", "kind", "stars", "minutes", "why")
    return [{name: getattr(asked, name) for name in shown} for asked in EXERCISES.values()]


def exercise_table() -> str:
    """The rows as a Markdown table, with the sum of the minutes."""
    found = rows()
    lines = ["| | exercise | kind | | minutes |", "|---|---|---|---|---:|"]
    lines += [
        f"| {row['number']} | {row['title']} | {row['kind']} | {stars(row['stars'])} | {row['minutes']} |"
        for row in found
    ]
    return "\n".join([*lines, f"| | {len(found)} exercises | | | {sum(row['minutes'] for row in found)} |"])
