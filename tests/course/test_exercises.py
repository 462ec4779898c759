"""Every exercise both ways: the package's answer passes, and each common mistake fails with its own hint."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from emolab_course import check, source
from emolab_course.compare import Exercise, judge, same
from emolab_course.exercises import EXERCISES
from emolab_course.paths import sources

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


MEANS = Exercise("9.8", lambda x: x.mean(0), lambda rng: [(np.array([[0.25, 0.5], [0.75, 0.5]]),)])


def _in_place(x):
    x *= 0.5
    return x.sum(0)


@pytest.mark.parametrize(
    ("mine", "sentence"),
    [
        (lambda x: print(""), "returned None. Did you print"),
        (lambda x: x.mean(1, keepdims=True), "The shape should be (2,); yours is (2, 1)."),
        (lambda x: x.mean(0) * float("nan"), "holds NaN"),
        (lambda x: x.mean(0) * 100, "100 times too large"),
        (lambda x: "half", "Numbers are expected, and your function returned a str"),
        (lambda x, y: x, "takes other arguments"),
        (lambda: 0, "takes other arguments"),
        (lambda x: x[5], "raised an exception"),
    ],
)
def test_the_kind_of_fault_has_a_sentence_of_its_own(mine, sentence):
    verdict = judge(MEANS, mine)
    assert not verdict and sentence in verdict.text


def test_code_that_works_in_place_is_judged_by_what_it_returns():
    assert judge(MEANS, _in_place)


def test_a_small_constant_in_a_denominator_is_forgiven():
    def mine(features, talkers):
        out = np.array(features, float)
        for talker in set(talkers):
            rows = np.array(talkers) == talker
            own = out[rows]
            out[rows] = (own - own.mean(0)) / (own.std(0) + 1e-8)
        return out

    assert judge(EXERCISES["1.1"], mine)


def test_the_learners_own_line_is_named():
    def broken(x):
        halved = x / 2
        return halved["a"]

    assert "raised in line" in judge(MEANS, broken).text and 'halved["a"]' in judge(MEANS, broken).text


def test_a_hint_is_matched_on_the_failing_case_alone():
    """Right on the first input, wrong on the second in a typical way: the hint of that mistake is given."""
    exercise = EXERCISES["4.1"]
    whole = exercise.mistakes["not scaled"]

    def mine(rewards, group_size):
        return exercise.reference(rewards, group_size) if len(rewards) == 4 else whole.function(rewards, group_size)

    assert whole.hint in judge(exercise, mine).text


def test_something_that_is_no_function_is_named():
    assert "give the function itself" in judge(MEANS, 3.0).text
