"""From `notebooks/src/NN_topic.py` (jupytext percent format, solved) to the learner's notebook and its solution.

Tags mark cells: `exercise` (its answer becomes a stub for the learner), `check` (judges it), `teaching` (defines what
it teaches). A Markdown cell's line `<!-- exercise 3.1 -->` becomes the card of that exercise, made from the registry.
The model answer's text follows the check, in a cell tagged `model-answer` that only the solved notebook has. A notebook
that has a quiz ends with it.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from emolab.errors import EmolabError

if TYPE_CHECKING:
    from nbformat import NotebookNode

LANGUAGE = {"name": "python"}
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def source_hash(path: Path) -> str:
    """SHA-256 of a source's text, with line ends normalised, as 64 hex digits."""
    return hashlib.sha256("\n".join(path.read_text(encoding="utf-8").splitlines()).encode()).hexdigest()


def read(path: Path) -> NotebookNode:
    """The solved notebook of a source, without outputs, with cell ids that depend only on position.

    Raises EmolabError where a code cell is not valid Python.
    """
    import jupytext
    from nbformat import v4

    from emolab_course.cards import model_answer, with_card

    parsed = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    number = ""
    notebook = v4.new_notebook(metadata={"kernelspec": KERNEL, "language_info": LANGUAGE})
    for index, cell in enumerate(parsed.cells):
        make = v4.new_code_cell if cell.cell_type == "code" else v4.new_markdown_cell
        text = cell.source if cell.cell_type == "code" else with_card(cell.source)
        made = make(source=text, metadata=dict(cell.metadata))
        made["id"] = f"{path.stem[:40].replace('_', '-')}-{index:03d}"
        notebook.cells.append(made)
        if cell.cell_type == "code":
            _parse(cell.source, path, index)
        number = made.metadata.get("exercise", number)
        if "check" in tags(made) and number:
            answer = v4.new_markdown_cell(model_answer(number), metadata={"tags": ["model-answer"]})
            answer["id"] = f"{made['id']}-answer"
            notebook.cells.append(answer)
    notebook.cells += _quiz_cells(path)
    return notebook


def _quiz_cells(path: Path) -> list[NotebookNode]:
    from nbformat import v4

    from emolab_course.paths import number_of
    from emolab_course.quizzes import names

    number = number_of(path)
    if number not in names():
        return []
    code = f'from emolab_course import quiz\n\nquiz("{number}")'
    made = [v4.new_markdown_cell("## Quiz"), v4.new_code_cell(code, metadata={"tags": ["quiz"]})]
    for cell, part in zip(made, ("heading", "questions"), strict=True):
        cell["id"] = f"{path.stem[:40].replace('_', '-')}-quiz-{part}"
    return made


def learner(solved: NotebookNode, path: Path) -> NotebookNode:
    """A copy without model answers, in which each exercise cell holds a stub: see `stub`."""
    from copy import deepcopy

    notebook = deepcopy(solved)
    for index, cell in enumerate(notebook.cells):
        if "exercise" in tags(cell):
            cell.source = stub(cell.source, cell.metadata.get("exercise", ""), path, index)
    notebook.cells = [cell for cell in notebook.cells if "model-answer" not in tags(cell)]
    return notebook


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", []))


def stub(code: str, number: str, path: Path, index: int) -> str:
    """An exercise cell without its solution.

    A cell that ends with a function keeps its signature and docstring, and the body raises
    `NotImplementedError("Exercise 3.1: …")` with the docstring's first line. A cell that ends with `my_answer = …`
    keeps the comments above its first statement, and its last line is `my_answer = ...`.

    Raises EmolabError unless the cell has a number, and ends with its only function, which has a docstring, or with
    an assignment to one name.
    """
    last = _parse(code, path, index).body[-1:]
    if number and last and isinstance(last[0], ast.FunctionDef) and ast.get_docstring(last[0]):
        return _stub_of_function(code, last[0], number)
    if number and last and isinstance(last[0], ast.Assign) and isinstance(last[0].targets[0], ast.Name):
        comments = itertools.takewhile(lambda line: line.startswith("#"), code.splitlines())
        return "\n".join([*comments, f"{last[0].targets[0].id} = ..."])
    raise EmolabError(
        f'{path}: cell {index} is tagged "exercise"; it needs exercise="N.M" beside its tags and must end with a '
        "function that has a docstring, or with an assignment to one name"
    )


def _stub_of_function(code: str, function: ast.FunctionDef, number: str) -> str:
    docstring = function.body[0]
    kept = code.splitlines()[: docstring.end_lineno]
    first_line = (ast.get_docstring(function) or "").splitlines()[0]
    indent = " " * docstring.col_offset
    message = f'raise NotImplementedError(\n{indent}    "Exercise {number}: {first_line}"\n{indent})'
    return "\n".join([*kept, f"{indent}{message}"])


def _parse(code: str, path: Path, index: int) -> ast.Module:
    try:
        return ast.parse(code)
    except SyntaxError as error:
        raise EmolabError(
            f"{path}: cell {index} is not Python: {error.msg} (line {error.lineno} of the cell)"
        ) from error
