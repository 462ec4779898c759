"""The rules that every notebook source keeps, as checks that name the cell, and whether what was built is fresh."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emolab_course import source
from emolab_course.build import LARGEST, build
from emolab_course.paths import number_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

LONGEST_CELL = 25
LONGEST_LINE = 79
OPENING = ("# ", "you can", "You need", "<!-- cost study=")
ENDING = ("## Summary", "## Exercise ", "## Tweak this")


@dataclass(frozen=True)
class Problem:
    """One broken rule: where, and what to change."""

    file: str
    cell: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}, cell {self.cell}: {self.message}"


def lint(path: Path) -> list[Problem]:
    """Every structure rule that a source breaks."""
    notebook = source.read(path)
    found = [*_opening(notebook, path), *_setup(notebook, path), *_ending(notebook)]
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            found += [(index, message) for message in _code_cell(cell)]
    lines = path.read_text(encoding="utf-8").splitlines()
    found += [(-1, f"line {n} has {len(line)} characters, at most {LONGEST_LINE}") for n, line in enumerate(lines, 1)
              if len(line) > LONGEST_LINE and not line.startswith(("# |", "# !["))]  # fmt: skip
    return [Problem(path.name, index, message) for index, message in found]


def freshness(path: Path) -> list[Problem]:
    """Built notebooks that are missing, edited by hand, stale, without outputs, or over 1 MiB."""
    problems = []
    for built, text in build(path).items():
        committed = built.read_text(encoding="utf-8") if built.is_file() else ""
        if committed != text:
            problems.append(Problem(built.name, -1, "differs from its source; run: emolab course build"))
        elif '"run"' not in text:
            problems.append(Problem(built.name, -1, "outputs are stale or missing; run: emolab course build --execute"))
        elif len(text.encode()) > LARGEST:
            problems.append(Problem(built.name, -1, "larger than 1 MiB"))
    return problems


def _opening(notebook: NotebookNode, path: Path) -> list[tuple[int, str]]:
    first = notebook.cells[0]
    missing = [part for part in OPENING if part not in first.source]
    if first.cell_type != "markdown" or missing:
        return [(0, f"the opening cell must be Markdown and say: {', '.join(missing or OPENING)}")]
    number = number_of(path)
    return [] if first.source.startswith(f"# {number} ") else [(0, f'the title must start with "# {number} "')]


def _setup(notebook: NotebookNode, path: Path) -> list[tuple[int, str]]:
    call = f'setup("{number_of(path)}")'
    calls = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code" and "setup(" in cell.source]
    code = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    if len(calls) != 1 or calls != code[:1] or call not in notebook.cells[calls[0]].source:
        return [(code[0] if code else 0, f"the first code cell, and only that one, must call {call}")]
    return []


def _ending(notebook: NotebookNode) -> list[tuple[int, str]]:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    positions = [text.rfind(heading) for heading in ENDING]
    if min(positions) < 0 or positions != sorted(positions):
        return [(len(notebook.cells) - 1, f"the end needs, in this order: {', '.join(ENDING)}")]
    exercises = [index for index, cell in enumerate(notebook.cells) if "exercise" in source.tags(cell)]
    checks = [index for index, cell in enumerate(notebook.cells) if "check" in source.tags(cell)]
    if not exercises or len(checks) != len(exercises):
        return [(len(notebook.cells) - 1, 'the exercise needs a cell tagged "exercise" and one tagged "check"')]
    cards = re.findall(r"## Exercise (\w+\.\d+) ·", text)
    cells = [notebook.cells[index].metadata.get("exercise") for index in exercises]
    return [] if cards == cells else [(exercises[0], f"cards of exercises {cards} stand above cells of {cells}")]


def _code_cell(cell: NotebookNode) -> list[str]:
    problems = []
    if len(cell.source.splitlines()) > LONGEST_CELL:
        problems.append(f"{len(cell.source.splitlines())} lines, at most {LONGEST_CELL}")
    defines = [
        node.name for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    if defines and not {"teaching", "exercise"} & set(source.tags(cell)):
        problems.append(f"defines {', '.join(defines)}: import it from the package, or tag a cell that teaches it")
    return problems
