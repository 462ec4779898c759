"""`emolab course grade` over twelve returned folders, some of them hostile: a table, and nothing harmed."""

from __future__ import annotations

import csv
import io
import json
import os

import numpy as np
import pytest
from emolab_course import grading, release, sandbox, source
from emolab_course.compare import FunctionExercise
from emolab_course.exercises import EXERCISES
from emolab_course.paths import number_of, sources
from typer.testing import CliRunner

from emolab.cli.main import build
from emolab.errors import EmolabError

QUICK = sandbox.Limits(cpu_seconds=5, wall_seconds=40.0, memory=2**30)
ACCURACY = "def my_unweighted_accuracy(gold, predicted):\n"
RIGHT = """def my_unweighted_accuracy(gold, predicted):
    return share_by_label(gold, predicted).mean()
"""
HELPER = """import numpy as np
def share_by_label(gold, predicted):
    pairs = list(zip(gold, predicted))
    return np.array([np.mean([p == g for g, p in pairs if g == label]) for label in sorted(set(gold))])
"""
WEIGHTED = ACCURACY + "    return sum(g == p for g, p in zip(gold, predicted)) / len(gold)\n"


def hard_coded():
    table = {
        str(case): float(EXERCISES["0.1"].reference(*case))
        for case in EXERCISES["0.1"].inputs(np.random.default_rng(0))
    }
    return f"TABLE = {table!r}\n{ACCURACY}    return TABLE.get(str((gold, predicted)), 0.0)\n"


def notebook(*cells, exercise="0.1"):
    """A returned notebook with these code cells; the last one is the exercise's."""
    made = [
        {"cell_type": "code", "metadata": {}, "source": cell, "outputs": [], "execution_count": None} for cell in cells
    ]
    made[-1]["metadata"] = {"tags": ["exercise"], "exercise": exercise}
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def class_of_twelve(tmp_path):
    """(folder of submissions, a file that hostile ones try to destroy)."""
    precious = tmp_path / "precious.txt"
    precious.write_text("the lecturer's", encoding="utf-8")
    harm = f"__import__('os').system('rm -f {precious}; touch {tmp_path}/harm')"
    returned = {
        "ada": notebook(RIGHT.replace("share_by_label(gold, predicted).mean()", "float(sum(\n        "
            "sum(p == g for g, p in zip(gold, predicted) if g == e) / gold.count(e) for e in set(gold)\n    "
            ") / len(set(gold)))").replace("gold.count(e)", "list(gold).count(e)")),
        "bo": notebook(HELPER, RIGHT),
        "cy": notebook(WEIGHTED),
        "di": notebook(hard_coded()),
        "eve": notebook(f"{harm}\n{WEIGHTED}"),
        "fay": notebook(ACCURACY + "    while True:\n        pass\n"),
        "gus": notebook(ACCURACY + "    return len(bytearray(10 * 2**30))\n"),
        "hal": notebook(ACCURACY + '    raise NotImplementedError("Exercise 0.1: …")\n'),
        "ida": notebook("def my_unweighted_accuracy(gold, predicted)\n    return 1\n"),
        "jo": notebook(f"open({str(precious)!r}, 'w').write('gone')\n{WEIGHTED}"),
        "kit": "this is no notebook",
        "=lou": notebook(
            "import os, signal\n" + ACCURACY + "    os.kill(os.getppid(), signal.SIGKILL)\n    return 1.0\n"
        ),
    }  # fmt: skip
    for name, text in returned.items():
        (tmp_path / "returned" / name).mkdir(parents=True)
        (tmp_path / "returned" / name / "00_start_here.ipynb").write_text(text, encoding="utf-8")
    return tmp_path / "returned", precious


def test_twelve_folders_become_a_table_and_nothing_is_harmed(class_of_twelve):
    folder, precious = class_of_twelve
    before = sorted(path for path in folder.parent.rglob("*"))
    options = ["--csv", "--seed", "5", "--cpu-seconds", "2"]
    result = CliRunner().invoke(build(), ["course", "grade", str(folder), *options])
    assert result.exit_code == 0, result.output
    rows = {row["learner"]: row for row in csv.DictReader(io.StringIO(result.stdout)) if row["exercise"] == "0.1"}
    states = {name: row["state"] for name, row in rows.items()}
    assert states == {
        "ada": "right", "bo": "right", "cy": "partly", "di": "hard-coded", "eve": "partly", "fay": "time",
        "gus": "memory", "hal": "unsolved", "ida": "error", "jo": "error", "kit": "missing", "'=lou": "error",
    }  # fmt: skip
    assert float(rows["ada"]["points"]) == int(rows["ada"]["of"]) == EXERCISES["0.1"].stars
    assert 0 < float(rows["cy"]["points"]) <= grading.PARTLY * int(rows["cy"]["of"])
    assert all(float(rows[name]["points"]) == 0 for name in ("di", "fay", "gus", "hal", "ida", "jo", "kit"))
    assert "SyntaxError" in rows["ida"]["note"] and "PermissionError" in rows["jo"]["note"]
    assert EXERCISES["0.1"].mistakes["plain accuracy"].hint in rows["cy"]["note"]
    assert precious.read_text(encoding="utf-8") == "the lecturer's"
    assert sorted(path for path in folder.parent.rglob("*")) == before


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_solved_notebooks_get_every_point_and_those_given_out_none(path, tmp_path):
    for name, solved in (("solved", True), ("unsolved", False)):
        cells = source.read(path) if solved else source.learner(source.read(path), path)
        (tmp_path / name).mkdir()
        made = [
            {"cell_type": cell.cell_type, "metadata": dict(cell.metadata), "source": cell.source}
            for cell in cells.cells
        ]
        (tmp_path / name / f"{path.stem}.ipynb").write_text(json.dumps({"cells": made}), encoding="utf-8")
    number = number_of(path)
    rows = [row for batch in grading.grade(tmp_path, 7, (number,), QUICK) for row in batch]
    graded = {name: [row for row in rows if row.learner == name] for name in ("solved", "unsolved")}
    assert [(row.exercise, row.state, row.note) for row in graded["solved"] if row.state != "right"] == []
    assert {row.state for row in graded["unsolved"]} == {"unsolved"}
    assert sum(row.points for row in graded["solved"]) == sum(row.of for row in graded["unsolved"]) > 0


FIXED: set[str] = set()
"""Exercises whose inputs are the same for every seed, so that hard-coding them cannot be told."""


def test_fresh_inputs_differ_from_those_of_the_check():
    def drawn(number, seed):
        return repr([[repr(part) for part in case] for case in EXERCISES[number].inputs(np.random.default_rng(seed))])

    functions = [number for number, exercise in EXERCISES.items() if isinstance(exercise, FunctionExercise)]
    assert {number for number in functions if drawn(number, 0) == drawn(number, 1)} == FIXED


# Plain `os` calls on purpose: they are what the guard has to refuse.
# ruff: noqa: PTH123, PTH104, PTH101, SIM115
ATTACKS = {
    "write": lambda path: open(path, "w"),
    "append": lambda path: os.open(path, os.O_WRONLY | os.O_APPEND),
    "remove": os.remove,
    "rename": lambda path: os.rename(path, f"{path}.moved"),
    "mode": lambda path: os.chmod(path, 0o777),
    "program": lambda path: os.execv("/bin/rm", ["rm", str(path)]),
    "fork": lambda path: os.fork(),
    "kill": lambda path: os.kill(os.getppid(), 9),
    "connect": lambda path: __import__("socket").socket(),
    "limits": lambda path: sandbox.resource.setrlimit(sandbox.resource.RLIMIT_CPU, (10**6, 10**6)),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_guard_refuses(attack, tmp_path):
    target = tmp_path / "kept"
    target.write_text("kept", encoding="utf-8")

    def work():
        try:
            ATTACKS[attack](target)
        except (OSError, ValueError) as error:
            return type(error).__name__
        return "done"

    outcome = sandbox.run(work, QUICK)
    assert outcome.ended == "well" and outcome.value in ("PermissionError", "ValueError", "OSError")
    assert target.read_text(encoding="utf-8") == "kept"


def test_guarded_code_still_computes_and_imports():
    def work():
        import colorsys

        return [float(np.linalg.norm(np.ones((50, 50)) @ np.ones(50))), colorsys.__name__]

    outcome = sandbox.run(work, QUICK)
    assert outcome.ended == "well" and outcome.value[1] == "colorsys"


def test_a_forged_answer_is_no_mark():
    """Bytes that a learner's code writes into the pipe are answers at most, and wrong ones earn nothing."""

    def work():
        os.write(3, b'["well", ["right", "right"]]')
        os._exit(0)

    assert sandbox.run(work, QUICK).value == ["right", "right"]
    assert sandbox.run(lambda: os.write(3, b"\xff{"), QUICK).ended == "garbled"


def test_an_empty_folder_and_another_system_are_errors(tmp_path, monkeypatch):
    with pytest.raises(EmolabError, match="nothing was returned"):
        grading.returned(tmp_path)
    monkeypatch.setattr(sandbox.sys, "platform", "win32")
    with pytest.raises(EmolabError, match="Dockerfile"):
        sandbox.run(lambda: 1)


def test_links_are_not_followed(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_text(notebook(WEIGHTED), encoding="utf-8")
    (tmp_path / "class" / "mal").mkdir(parents=True)
    (tmp_path / "class" / "mal" / "a.ipynb").symlink_to(secret)
    (tmp_path / "class" / "mia").symlink_to(tmp_path)
    assert grading.returned(tmp_path / "class") == {"mal": []}


def test_every_notebook_has_its_week():
    planned = [name for week in release.weeks() for name in (path.stem for path in week.sources)]
    assert sorted(planned) == sorted(path.stem for path in sources())
    assert [week.number for week in release.weeks("1,9-10")] == [1, 9, 10]
    with pytest.raises(EmolabError, match="numbers from 1 to 10"):
        release.weeks("0-3")


def test_a_release_has_no_solution_and_nbgraders_metadata(tmp_path):
    import nbformat

    week = release.weeks("1")
    for path in release.release(tmp_path / "out", week):
        made = nbformat.read(path, as_version=4)
        nbformat.validate(made)
        marked = [cell for cell in made.cells if "nbgrader" in cell.metadata]
        answers = [cell for cell in marked if cell.metadata["nbgrader"]["solution"]]
        checks = [cell for cell in marked if cell.metadata["nbgrader"]["grade"]]
        assert len(answers) == len(checks) > 0
        assert all("NotImplementedError" in c.source or c.source.endswith(" = ...") for c in answers)
        assert all(cell.metadata["nbgrader"]["locked"] and cell.metadata["nbgrader"]["points"] > 0 for cell in checks)
        names = [cell.metadata["nbgrader"]["grade_id"] for cell in marked]
        assert len(set(names)) == len(names)
    for path in release.release(tmp_path / "source", week, nbgrader=True):
        text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
        assert text.count("### BEGIN SOLUTION") == text.count("### END SOLUTION") == text.count("### BEGIN HIDDEN")


def test_a_class_shares_a_corpus_that_it_cannot_change(tmp_path, monkeypatch):
    from emolab_course.shared import share_corpora
    from emolab_synth import corpus, embedded

    from emolab.samples import Corpus, EmotionSample

    def make(folder, size, seed):
        folder.mkdir(parents=True)
        made = Corpus(folder, [EmotionSample(id="a", text="Hello.", emotion="sad", split="train")])
        made.write(folder / "table.parquet")
        info = {"complete": True, "version": corpus.VERSION, "table": corpus.TABLE}
        (folder / corpus.INFO).write_text(json.dumps(info), encoding="utf-8")
        return made

    monkeypatch.setattr(embedded, "make", make)
    (made,) = share_corpora(tmp_path / "shared", ("smoke",))
    assert not any(path.stat().st_mode & 0o222 for path in (tmp_path / "shared").rglob("*"))
    monkeypatch.setenv("EMOLAB_SHARED", str(tmp_path / "shared"))
    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path / "own"))
    assert embedded.embedded_corpus("smoke").root == made
    assert not (tmp_path / "own").exists()
