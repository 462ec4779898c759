"""From `notebooks/src/NN_topic.py` (jupytext percent format, solved) to the learner's notebook and its solution.

Tags mark cells: `exercise` (its function becomes a stub for the learner), `check` (judges it), `teaching` (defines
what it teaches).
"""

from __future__ import annotations

import ast
import hashlib
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

    parsed = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    notebook = v4.new_notebook(metadata={"kernelspec": KERNEL, "language_info": LANGUAGE})
    for index, cell in enumerate(parsed.cells):
        make = v4.new_code_cell if cell.cell_type == "code" else v4.new_markdown_cell
        made = make(source=cell.source, metadata=dict(cell.metadata))
        made["id"] = f"{path.stem[:40].replace('_', '-')}-{index:03d}"
        notebook.cells.append(made)
        if cell.cell_type == "code":
            _parse(cell.source, path, index)
    return notebook


def learner(solved: NotebookNode, path: Path) -> NotebookNode:
    """A copy in which each exercise cell holds a stub that raises `NotImplementedError("Exercise 3.1: …")`.

    The message is the first line of the function's docstring; signature and docstring stay.
    """
    from copy import deepcopy

    notebook = deepcopy(solved)
    for index, cell in enumerate(notebook.cells):
        if "exercise" in tags(cell):
            cell.source = stub(cell.source, cell.metadata.get("exercise", ""), path, index)
    return notebook


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", []))


def stub(code: str, number: str, path: Path, index: int) -> str:
    """An exercise cell's function with its body after the docstring replaced by a `NotImplementedError`.

    Raises EmolabError unless the cell has a number, and exactly one function, with a docstring, as its last statement.
    """
    tree = _parse(code, path, index)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if not number or len(functions) != 1 or tree.body[-1] is not functions[0] or not ast.get_docstring(functions[0]):
        raise EmolabError(
            f'{path}: cell {index} is tagged "exercise"; it needs exercise="N.M" beside its tags and must end with its '
            "only function, which has a docstring"
        )
    docstring = functions[0].body[0]
    kept = code.splitlines()[: docstring.end_lineno]
    first_line = (ast.get_docstring(functions[0]) or "").splitlines()[0]
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
