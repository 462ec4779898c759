"""Grade returned notebooks: each exercise's answer in a guarded process, functions on fresh inputs, partial credit.

The grader draws new inputs, lets the learner's function answer them in `sandbox.run`, and compares the answers with the
package's afterwards, so the expected results are never where the learner's code runs. A number, a letter or a text is
fetched the same way and then judged. Only where the exercise runs the learner's function inside the real thing (a
reward in the audit, for one) does the verdict come out of the guarded process itself.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import io
import json
import re
import symtable
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from emolab.errors import EmolabError
from emolab_course import sandbox, source
from emolab_course.compare import Exercise, FunctionExercise, JudgedExercise, judge
from emolab_course.exercises import EXERCISES
from emolab_course.faults import same

LARGEST_NOTEBOOK = 50 * 2**20
PARTLY = 0.5
"""The most that an answer with a fault can earn, as a share of the points."""


@dataclass(frozen=True)
class Task:
    """An exercise as it was given out: its notebook, the name that holds its answer, and its points (its stars)."""

    number: str
    notebook: str
    answer: str
    points: int


@dataclass(frozen=True)
class Grade:
    """One exercise of one learner. `state` is right, partly, wrong, hard-coded, unsolved, error, time, memory, crash,
    garbled or missing; `right` of `tried` fresh inputs were answered rightly.
    """

    learner: str
    notebook: str
    exercise: str
    points: float
    of: int
    state: str
    right: int = 0
    tried: int = 0
    note: str = ""


def tasks(only: Sequence[str] = ()) -> list[Task]:
    """Every exercise of the course that can be graded without the notebook's clips, or those of the notebooks named."""
    from emolab_course.paths import sources

    found = []
    for path in sources(tuple(only)):
        for cell in source.read(path).cells:
            number = cell.metadata.get("exercise", "") if "exercise" in source.tags(cell) else ""
            if number in EXERCISES and not EXERCISES[number].live:
                name = list(_definitions(cell.source) | _assigned(cell.source))[-1]
                found.append(Task(number, path.stem, name, EXERCISES[number].stars))
    return found


def _assigned(code: str) -> dict[str, ast.stmt]:
    last = ast.parse(code).body[-1]
    target = last.targets[0] if isinstance(last, ast.Assign) else None
    return {target.id: last} if isinstance(target, ast.Name) else {}


def returned(folder: Path) -> dict[str, list[Path]]:
    """Notebooks by learner: each folder inside `folder` is one learner's, and so is a notebook that lies in it alone.

    Links are left out: they could lead anywhere. Raises EmolabError where nothing was returned.
    """
    if not folder.is_dir():
        raise EmolabError(f"{folder}: no such folder; it should hold one folder or one notebook for each learner")
    found: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink() or entry.name.startswith("."):
            continue
        if entry.is_dir():
            inside = sorted(p for p in entry.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
            found[entry.name] = [
                p for p in inside if not p.is_symlink() and p.resolve().is_relative_to(entry.resolve())
            ]
        elif entry.suffix == ".ipynb":
            found[entry.stem] = [entry]
    if not found:
        raise EmolabError(f"{folder}: nothing was returned; it should hold one folder or one notebook for each learner")
    return found


def grade(
    folder: Path, seed: int, only: Sequence[str] = (), limits: sandbox.Limits | None = None
) -> Iterator[list[Grade]]:
    """The grades of one learner after the other. `seed` draws the fresh inputs, which all learners share; `only` names
    notebooks (all that anybody returned, where none is named).
    """
    submissions = returned(folder)
    cells = {learner: [cell for path in paths for cell in code_cells(path)] for learner, paths in submissions.items()}
    wanted = tasks(only)
    if not only:
        seen = {number for held in cells.values() for number, _ in held}
        given = {task.notebook for task in wanted if task.number in seen}
        wanted = [task for task in wanted if task.notebook in given]
    with _one_thread():
        for learner, held in cells.items():
            yield [_grade(learner, task, held, seed, limits) for task in wanted]


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: a guarded process may start none, and a process with threads cannot be forked safely.

    What answers often import is imported here once, and not in every guarded process. So is a table with words made
    once: Arrow's first allocation reserves a gigabyte of addresses, which is all that a guarded process may have.
    """
    import pandas
    import scipy.stats  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import torch
    from threadpoolctl import threadpool_limits

    pandas.DataFrame([[0.0]], ["a row"], ["a column"])
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def code_cells(path: Path) -> list[tuple[str, str]]:
    """(exercise number or "", code) of a notebook's code cells; none where the file is no notebook."""
    if path.stat().st_size > LARGEST_NOTEBOOK:
        return []
    try:
        notebook = json.loads(path.read_text(encoding="utf-8", errors="replace"))
        kept = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        return [(str(cell.get("metadata", {}).get("exercise", "")), "".join(cell["source"])) for cell in kept]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def _grade(learner: str, task: Task, cells: list[tuple[str, str]], seed: int, limits: sandbox.Limits | None) -> Grade:
    if _find(cells, task) is None:
        return Grade(learner, task.notebook, task.number, 0.0, task.points, "missing")
    exercise = EXERCISES[task.number]
    if isinstance(exercise, FunctionExercise):
        state, share, right, tried, note = _by_function(exercise, cells, task, seed, limits)
    else:
        state, share, right, tried, note = _by_value(exercise, cells, task, limits)
    return Grade(learner, task.notebook, task.number, round(task.points * share, 2), task.points,
                 state, right, tried, note)  # fmt: skip


def _by_value(
    exercise: Exercise, cells: list[tuple[str, str]], task: Task, limits: sandbox.Limits | None
) -> tuple[str, float, int, int, str]:
    """A number, a letter, a text, a list: fetched from the guarded process and judged in another one."""
    inside = isinstance(exercise, JudgedExercise) and exercise.takes is Callable
    outcome = sandbox.run(lambda: _value(cells, task, exercise if inside else None), limits)
    if outcome.ended != "well":
        return outcome.ended, 0.0, 0, 0, NOTES[outcome.ended]
    told = outcome.value
    if isinstance(told, dict) and "answer" in told:
        value = _decoded(told["answer"])
        judged = sandbox.run(lambda: _verdict(exercise, value), limits)
        told = judged.value if judged.ended == "well" else {"text": NOTES[judged.ended]}
    if not isinstance(told, dict) or "passed" not in told:
        return "error", 0.0, 0, 0, str(told.get("text", "") if isinstance(told, dict) else told)[:200]
    text = str(told.get("text", ""))
    if told["passed"] is True:
        return "right", 1.0, 1, 1, ""
    return ("unsolved" if text.startswith("Not solved yet") else "wrong"), 0.0, 0, 1, text[:400]


def _value(cells: list[tuple[str, str]], task: Task, exercise: Exercise | None) -> Any:
    """The learner's answer, encoded; or the verdict where the learner's function has to run. (Guarded.)"""
    names = _run(cells, task)
    if isinstance(names, str):
        return {"text": names}
    if task.answer not in names:
        return {"text": f"there is no {task.answer}"}
    if exercise is not None:
        return _verdict(exercise, names[task.answer])
    return _verdict_of_stub(task) if names[task.answer] is Ellipsis else {"answer": _encoded(names[task.answer])}


def _verdict_of_stub(task: Task) -> dict[str, Any]:
    return _verdict(EXERCISES[task.number], Ellipsis)


def _verdict(exercise: Exercise, answer: Any) -> dict[str, Any]:
    found = judge(exercise, answer)
    return {"passed": found.passed, "text": found.text}


def _by_function(
    exercise: FunctionExercise, cells: list[tuple[str, str]], task: Task, seed: int, limits: sandbox.Limits | None
) -> tuple[str, float, int, int, str]:
    """A function: its answers to the inputs of the check and to fresh ones."""
    public, fresh = (list(exercise.inputs(np.random.default_rng(number))) for number in (0, seed))
    outcome = sandbox.run(lambda: _answers(cells, task, [*public, *fresh]), limits)
    if outcome.ended != "well":
        return outcome.ended, 0.0, 0, 0, NOTES[outcome.ended]
    answers = outcome.value
    if not isinstance(answers, list) or len(answers) != len(public) + len(fresh):
        return "error", 0.0, 0, 0, str(answers)[:200]
    got = [_decoded(answer) for answer in answers]
    if isinstance(got[0], Raised) and got[0].name == "NotImplementedError":
        return "unsolved", 0.0, 0, 0, ""
    right = [_is_right(exercise, case, answer) for case, answer in zip([*public, *fresh], got, strict=True)]
    known, new = right[: len(public)], right[len(public) :]
    if all(known) and all(new):
        return "right", 1.0, sum(new), len(new), ""
    if all(known):
        return "hard-coded", 0.0, sum(new), len(new), "right on the inputs of the check, wrong on new ones"
    share, note = PARTLY * sum(new) / len(new), _note(exercise, fresh, got[len(public) :])
    raised = all(isinstance(answer, Raised) for answer in got)
    return "error" if raised else "partly" if share else "wrong", share, sum(new), len(new), note


RUNS = (ast.Call, ast.Name, ast.Lambda, ast.comprehension)
"""What an assignment that is taken over as a constant may not hold."""
NOTES = {
    "time": "ran out of time",
    "memory": "asked for more memory than is given",
    "crash": "its process ended without an answer",
    "garbled": "answered with something that is no answer",
}


@dataclass(frozen=True)
class Raised:
    """An exception of the learner's function, by name and message."""

    name: str
    message: str


def _answers(cells: list[tuple[str, str]], task: Task, cases: list[tuple[Any, ...]]) -> Any:
    """Every answer of the learner's function, encoded; or a sentence where there is no such function. (Guarded.)"""
    names = _run(cells, task)
    if isinstance(names, str):
        return names
    if not callable(names.get(task.answer)):
        return f"there is no function {task.answer}"
    return [_answer(names[task.answer], case) for case in cases]


def _run(cells: list[tuple[str, str]], task: Task) -> dict[str, Any] | str:
    """The names that the code of an answer makes, or what it raised. (Guarded.)"""
    names: dict[str, Any] = {"__name__": "returned"}
    try:
        exec(compile(_answer_code(cells, task), "returned", "exec"), names)
    except MemoryError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a stranger's code raises is the answer
        return f"{type(error).__name__}: {error}"
    return names


def _answer(function: Any, case: tuple[Any, ...]) -> Any:
    try:
        return _encoded(function(*deepcopy(case)))
    except MemoryError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a stranger's code raises is the answer
        return {"raised": [type(error).__name__, str(error)[:200]]}


def _encoded(value: Any) -> Any:
    """A result as JSON that says its type."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "detach"):  # a torch tensor
        value = value.detach().cpu().numpy()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"array": value.tolist()}
    if isinstance(value, dict):
        return {"dict": [[_encoded(key), _encoded(item)] for key, item in value.items()]}
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return {kind.__name__: [_encoded(item) for item in value]}
    return {"other": type(value).__name__}


def _decoded(answer: Any) -> Any:
    """What `_encoded` took, or the name of its type where it has no code; anything odd is a plain text."""
    if not isinstance(answer, dict):
        return answer
    kind = next(iter(answer), "other")
    held: Any = answer.get(kind, "")
    try:
        if kind == "raised":
            return Raised(str(held[0]), str(held[1]))
        if kind == "array":
            return np.array(held)
        if kind == "dict":
            return {_decoded(key): _decoded(item) for key, item in held}
        makers = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
        return makers[kind](_decoded(item) for item in held)
    except (KeyError, TypeError, ValueError, IndexError, RecursionError):
        return f"a value of type {held}"


def _is_right(exercise: FunctionExercise, case: tuple[Any, ...], got: Any) -> bool:
    if isinstance(got, Raised):
        return False
    expected = exercise.reference(*deepcopy(case))
    if hasattr(expected, "detach"):
        expected = expected.detach().numpy()
    return same(got, expected, exercise.tolerance, exercise.relative)


def _note(exercise: FunctionExercise, cases: list[tuple[Any, ...]], got: list[Any]) -> str:
    """The first exception, or the hint of the typical mistake that gives these answers."""
    for answer in got:
        if isinstance(answer, Raised):
            return f"{answer.name}: {answer.message}"
    for mistake in exercise.mistakes.values():
        if all(_like(mistake.answer, case, answer, exercise) for case, answer in zip(cases, got, strict=True)):
            return mistake.hint
    return ""


def _like(function: Any, case: tuple[Any, ...], answer: Any, exercise: FunctionExercise) -> bool:
    try:
        return same(answer, function(*deepcopy(case)), exercise.tolerance, exercise.relative)
    except Exception:  # noqa: BLE001 - a mistake may fail on an input, and then it is not like this answer
        return False


def _find(cells: list[tuple[str, str]], task: Task) -> str | None:
    """The code of the exercise's cell; by the function's name where a tool dropped the cell's metadata."""
    for number, code in cells:
        if number == task.number:
            return code
    return next((code for _, code in cells if re.search(rf"^(def {task.answer}\(|{task.answer} =)", code, re.M)), None)


def _answer_code(cells: list[tuple[str, str]], task: Task) -> str:
    """The exercise's cell, after those definitions, imports and constants of other cells that it uses. (Guarded.)"""
    mine = _plain(_find(cells, task) or "")
    known: dict[str, ast.stmt] = {}
    for _, code in cells:
        known = known | _definitions(code)
    needed: list[str] = []
    own, seen, asked = set(_definitions(mine)), set(), _used(mine)
    while asked:
        name = asked.pop()
        if name not in seen and name not in own and name in known:
            needed.append(ast.unparse(known[name]))
            asked += _used(needed[-1])
        seen.add(name)
    return "\n".join([*reversed(needed), mine])


def _definitions(code: str) -> dict[str, ast.stmt]:
    """Functions, classes, imports and constants at the top of a cell, by name; {} where it is not Python."""
    try:
        body = ast.parse(_plain(code)).body
    except (SyntaxError, ValueError):
        return {}
    found: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0]: node for alias in node.names}
        elif isinstance(node, ast.Assign) and not any(isinstance(part, RUNS) for part in ast.walk(node.value)):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
    return found


def _plain(code: str) -> str:
    """Code without the lines that only a notebook understands (%, !)."""
    return "\n".join(line for line in code.splitlines() if not line.lstrip().startswith(("%", "!")))


def _used(code: str) -> list[str]:
    """The names that a piece of code takes from outside of its functions."""
    tables, names = [symtable.symtable(code, "returned", "exec")], []
    while tables:
        table = tables.pop()
        tables += table.get_children()
        top = table.get_type() == "module"
        names += [s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())]
    return names


def as_csv(grades: Sequence[Grade]) -> str:
    """A table with a row for each learner and exercise. Texts that a spreadsheet takes for a formula are quoted."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Grade)], lineterminator="\n")
    writer.writeheader()
    for row in grades:
        writer.writerow({key: _harmless(value) for key, value in asdict(row).items()})
    return text.getvalue()


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    plain = " ".join(value.split())
    return f"'{plain}" if plain.startswith(("=", "+", "-", "@")) else plain


def totals(grades: Sequence[Grade]) -> list[dict[str, Any]]:
    """One row a learner: points, of how many, and how many exercises are right or look hard-coded."""
    rows: dict[str, dict[str, Any]] = {}
    for each in grades:
        row = rows.setdefault(
            each.learner, {"learner": each.learner, "points": 0.0, "of": 0, "right": 0, "hard_coded": 0}
        )
        row["points"] = round(row["points"] + each.points, 2)
        row["of"] += each.of
        row["right"] += each.state == "right"
        row["hard_coded"] += each.state == "hard-coded"
    return list(rows.values())
