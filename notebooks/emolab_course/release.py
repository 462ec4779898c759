"""Hand the course out: the learner's notebooks by week, with the cell metadata that nbgrader reads.

`nbgrader=True` writes what `nbgrader generate_assignment` starts from: solved notebooks whose solutions and asserts
stand between nbgrader's markers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import EmolabError
from emolab_course import source
from emolab_course.build import build, targets
from emolab_course.exercises import EXERCISES
from emolab_course.paths import number_of, sources

if TYPE_CHECKING:
    from nbformat import NotebookNode

WEEKS = Path(__file__).with_name("weeks.toml")


@dataclass(frozen=True)
class Week:
    """One week of the course: its number from 1, its title, and the sources of its notebooks."""

    number: int
    title: str
    sources: tuple[Path, ...]

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return f"week-{self.number:02d}"


def weeks(wanted: str = "") -> list[Week]:
    """The weeks of `weeks.toml`, or those of a list such as "1,3-5". Raises EmolabError for another text."""
    by_number = {number_of(path): path for path in sources()}
    rows = tomllib.loads(WEEKS.read_text(encoding="utf-8"))["week"]
    made = [
        Week(number, row["title"], tuple(by_number[name] for name in row["notebooks"] if name in by_number))
        for number, row in enumerate(rows, 1)
    ]
    chosen = _numbers(wanted, len(made)) if wanted else range(1, len(made) + 1)
    return [week for week in made if week.number in chosen]


def _numbers(text: str, last: int) -> set[int]:
    chosen: set[int] = set()
    for part in text.split(","):
        first, _, end = part.strip().partition("-")
        if not (first.isdigit() and (end or first).isdigit() and 1 <= int(first) <= int(end or first) <= last):
            raise EmolabError(f"--weeks {text}: expected numbers from 1 to {last}, such as 1,3-5")
        chosen |= set(range(int(first), int(end or first) + 1))
    return chosen


def release(out: Path, wanted: Sequence[Week], nbgrader: bool = False) -> list[Path]:
    """Write the notebooks of the weeks to `out/week-NN/`, and return their paths.

    What learners get has no solution. With `nbgrader` the folder is nbgrader's `source/` and holds the solutions.
    """
    from nbformat import reads, v4

    written = []
    for week in wanted:
        folder = out / week.folder
        folder.mkdir(parents=True, exist_ok=True)
        for path in week.sources:
            learner_path, solution_path = targets(path)
            texts = build(path)
            notebook = reads(texts[solution_path if nbgrader else learner_path], as_version=4)
            mark(notebook)
            if nbgrader:
                _for_instructors(notebook)
            target = folder / f"{path.stem}.ipynb"
            target.write_text(v4.writes(notebook, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            written.append(target)
    return written


def get_notebooks(folder: Path) -> list[Path]:
    """Write the learner's notebooks to `folder` and return their paths. Raises EmolabError where one exists."""
    texts = {folder / f"{path.stem}.ipynb": build(path)[targets(path)[0]] for path in sources()}
    for path in texts:
        if path.exists():
            raise EmolabError(f"{path}: there is such a file, perhaps with your answers; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return list(texts)


def mark(notebook: NotebookNode) -> None:
    """Put nbgrader's metadata (its schema 3) on the exercise cells, which learners edit, and on their checks, which
    carry the points and are locked.
    """
    number = ""
    for cell in notebook.cells:
        if "exercise" in source.tags(cell):
            number = cell.metadata["exercise"]
            cell.metadata["nbgrader"] = _metadata(f"ex-{number}", solution=True)
        elif "check" in source.tags(cell) and number:
            cell.metadata["nbgrader"] = _metadata(f"ex-{number}-check", locked=True, points=EXERCISES[number].stars)
            number = ""


def _metadata(name: str, solution: bool = False, locked: bool = False, points: int | None = None) -> dict[str, Any]:
    graded = {} if points is None else {"points": points}
    return {
        "schema_version": 3,
        "cell_type": "code",
        "grade_id": name.replace(".", "-"),
        "grade": points is not None,
        "solution": solution,
        "locked": locked,
        "task": False,
        **graded,
    }


def _for_instructors(notebook: NotebookNode) -> None:
    """Put solutions between nbgrader's markers, and let a failing check raise where nbgrader executes it."""
    for cell in notebook.cells:
        if "exercise" in source.tags(cell):
            cell.source = _between_markers(cell.source)
        elif "check" in source.tags(cell) and "nbgrader" in cell.metadata:
            shown = cell.source.rstrip()
            *before, last = shown.splitlines()
            asserted = f"### BEGIN HIDDEN TESTS\nassert {last}\n### END HIDDEN TESTS"
            cell.source = "\n".join([*before, last, asserted])


def _between_markers(code: str) -> str:
    import ast

    last = ast.parse(code).body[-1]
    first = last.body[1] if isinstance(last, ast.FunctionDef) else last
    lines, pad = code.splitlines(), " " * first.col_offset
    before, solved = lines[: first.lineno - 1], lines[first.lineno - 1 :]
    return "\n".join([*before, f"{pad}### BEGIN SOLUTION", *solved, f"{pad}### END SOLUTION"])
