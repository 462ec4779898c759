"""Every exercise both ways: the package's answer passes, and each common mistake fails with its own hint."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from emolab.course import check, source
from emolab.course.compare import Exercise, judge, same
from emolab.course.exercises import EXERCISES
from emolab.course.paths import sources

MISTAKES = [(number, name) for number, exercise in EXERCISES.items() for name in exercise.mistakes]


@pytest.mark.parametrize("number", EXERCISES)
def test_the_reference_passes(number):
    verdict = judge(EXERCISES[number], EXERCISES[number].reference)
    assert verdict, verdict.text


@pytest.mark.parametrize(("number", "name"), MISTAKES)
def test_each_mistake_fails_with_its_own_hint(number, name):
    exercise = EXERCISES[number]
    mistake = exercise.mistakes[name]
    verdict = judge(exercise, mistake.function)
    assert not verdict
    assert mistake.hint in verdict.text
    assert sum(other.hint in verdict.text for other in exercise.mistakes.values()) == 1


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_the_notebooks_own_solution_passes_and_its_stub_says_what_to_do(path):
    solved = source.read(path)
    for cell, stub in zip(solved.cells, source.learner(solved, path).cells, strict=True):
        if "exercise" not in source.tags(cell):
            continue
        number = cell.metadata["exercise"]
        judged = getattr(check, f"ex_{number.replace('.', '_')}")
        assert judged(_function(cell.source)), judged(_function(cell.source)).text
        verdict = judged(_function(stub.source))
        assert not verdict
        assert f"Exercise {number}: " in verdict.text


def _function(code):
    names = {}
    exec(compile(code, "cell", "exec"), names)
    return names[ast.parse(code).body[-1].name]


def test_there_is_a_check_for_every_exercise_and_an_exercise_in_every_notebook():
    cells = [cell for path in sources() for cell in source.read(path).cells]
    used = [cell.metadata["exercise"] for cell in cells if "exercise" in source.tags(cell)]
    assert sorted(used) == sorted(EXERCISES)


DOUBLE = Exercise("9.9", lambda x: 2.0 * x, lambda rng: [(1.0,), (3.0,)])


def test_an_exception_is_the_counter_example():
    def broken(x):
        raise ZeroDivisionError("by nought")

    verdict = judge(DOUBLE, broken)
    assert not verdict
    assert "ZeroDivisionError: by nought" in verdict.text


def test_the_first_counter_example_is_shown():
    verdict = judge(DOUBLE, lambda x: 2.0 if x == 1.0 else 5.0)
    assert "inputs   3" in verdict.text and "yours    5" in verdict.text and "expected 6" in verdict.text


@pytest.mark.parametrize("wrong", [None, "2.0", float("nan"), [2.0], np.array([2.0, 2.0]), True])
def test_other_types_and_shapes_are_not_the_same(wrong):
    assert same(wrong, 2.0, 1e-6) is False


def test_numbers_may_come_as_any_numeric_type():
    assert same(np.float32(2.0), 2.0, 1e-6)
    assert same(np.array([1.0, 2.0]), [1.0, 2.0], 1e-6)
    assert same({"a": np.float64(1)}, {"a": 1.0}, 1e-6)
    assert not same({"a": 1.0, "b": 0.0}, {"a": 1.0}, 1e-6)
