"""Ten lesson plans of 90 minutes: `plans.toml`, held to the weeks, the notebooks and the exercises' minutes."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from emolab.paths import CHECKOUT
from emolab_course import mistakes
from emolab_course.exercises import EXERCISES, Exercise
from emolab_course.paths import number_of, sources
from emolab_course.release import Week, weeks

MINUTES = 90


@cache
def headings(notebook: str) -> tuple[str, ...]:
    """The headings of a notebook's text, in order."""
    text = sources((notebook,))[0].read_text(encoding="utf-8")
    return tuple(re.findall(r"^# ## (.+)$", text, re.MULTILINE))


def notebook_of(exercise: str) -> str:
    """The notebook of an exercise: 03b of 3b.1."""
    return re.sub(r"^(\d)(?!\d)", r"0\1", exercise.split(".")[0])


@dataclass(frozen=True)
class Plan:
    """The plan of one week's lesson."""

    week: int
    aims: tuple[str, ...]
    before: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    check: tuple[tuple[str, str], ...]

    @property
    def of(self) -> Week:
        """The week that it belongs to."""
        return weeks(str(self.week))[0]

    @property
    def title(self) -> str:
        """The week's title."""
        return self.of.title

    @property
    def minutes(self) -> int:
        """How long the lesson takes."""
        return sum(row["minutes"] for row in self.rows)

    @property
    def in_class(self) -> list[Exercise]:
        """The exercises that are solved in the lesson."""
        return [EXERCISES[number] for row in self.rows for number in row.get("exercises", ())]

    @property
    def at_home(self) -> list[Exercise]:
        """The other exercises of the week's notebooks."""
        notebooks = {number_of(path) for path in self.of.sources}
        done = {exercise.number for exercise in self.in_class}
        return [e for e in EXERCISES.values() if notebook_of(e.number) in notebooks and e.number not in done]

    def faults(self) -> list[str]:
        """What does not fit: minutes, headings, notebooks, exercises; a sentence each."""
        found = [] if self.minutes == MINUTES else [f"{self.minutes} minutes, expected {MINUTES}"]
        notebooks = [number_of(path) for path in self.of.sources]
        cells = [cell.split(": ", 1) for row in self.rows for cell in row.get("cells", ())]
        found += [f"{n} has no heading {name!r}" for n, name in cells if name not in headings(n)]
        found += [f"{n} is not of this week" for n in {n for n, _ in cells} - set(notebooks)]
        found += [f"notebook {n} is not used" for n in notebooks if n not in {n for n, _ in cells}]
        for row in self.rows:
            numbers = row.get("exercises", ())
            need = sum(EXERCISES[number].minutes for number in numbers)
            if need > row["minutes"]:
                found.append(f"{', '.join(numbers)} need {need} minutes and get {row['minutes']}")
            found += [f"{n} is not of this week" for n in numbers if notebook_of(n) not in notebooks]
        return [f"week {self.week}: {fault}" for fault in found]

    def page(self) -> str:
        """The plan in Markdown."""
        books = [f"[{p.stem}](../../notebooks/{p.stem}.ipynb)" for p in self.of.sources]
        parts = [
            f"# Week {self.week}: {self.title}",
            f"{self.minutes} minutes, with {' and '.join(books)}. Written by `emolab course lessons --write`.",
            "## Aims\n\nAfter the lesson a learner can\n\n" + _list(self.aims),
            "## Before class\n\n" + _list(self.before),
            "## Minute by minute\n\n" + self._table(),
            "## Exercises\n\nIn class:\n\n" + _exercises(self.in_class),
        ]
        if self.at_home:
            minutes = sum(exercise.minutes for exercise in self.at_home)
            parts.append(f"At home, {minutes} minutes in all:\n\n" + _exercises(self.at_home))
        wrong = mistakes.table([exercise.number for exercise in self.in_class])
        parts.append("## Wrong answers to expect, and what to say\n\n" + wrong)
        asked = "\n".join(f"- {question}\n  *{answer}*" for question, answer in self.check)
        quizzes = f"Then the quiz at the end of each notebook: {len(self.of.sources)} this week."
        parts.append(f"## Check understanding\n\n{asked}\n\n{quizzes}")
        return "\n\n".join(parts) + "\n"

    def _table(self) -> str:
        lines, start = ["| minutes | what | cells | exercises |", "|---|---|---|---|"], 0
        for row in self.rows:
            end = start + row["minutes"]
            cells, numbers = "; ".join(row.get("cells", ())), ", ".join(row.get("exercises", ()))
            lines.append(f"| {start}–{end} | {row['do']} | {cells} | {numbers} |")
            start = end
        return "\n".join(lines)


def _list(items: tuple[str, ...]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _exercises(some: list[Exercise]) -> str:
    stars = ("★☆☆", "★★☆", "★★★")
    return "\n".join(f"- {e.number} {e.title}: {e.kind}, {stars[e.stars - 1]}, {e.minutes} minutes" for e in some)


@cache
def plans() -> tuple[Plan, ...]:
    """All plans, by week."""
    listed = tomllib.loads(Path(__file__).with_name("plans.toml").read_text(encoding="utf-8"))["lesson"]
    return tuple(
        Plan(p["week"], tuple(p["aims"]), tuple(p["before"]), tuple(p["rows"]), tuple(map(tuple, p["check"])))
        for p in listed
    )


def pages() -> dict[str, str]:
    """The files of docs/lessons with their text."""
    every = plans()
    index = "\n".join(f"- [Week {plan.week}: {plan.title}](week-{plan.week:02d}.md)" for plan in every)
    top = (
        f"# Lesson plans\n\nTen lessons of {MINUTES} minutes. Written by `emolab course lessons --write`.\n\n{index}\n"
    )
    return {"README.md": top} | {f"week-{plan.week:02d}.md": plan.page() for plan in every}


def write() -> None:
    """Write docs/lessons."""
    folder = CHECKOUT / "docs" / "lessons"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
