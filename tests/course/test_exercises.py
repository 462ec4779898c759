"""Every exercise both ways: the model answer passes, and each common mistake fails with its own hint."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable

import numpy as np
import pytest
from emolab_course import check, source
from emolab_course.cards import exercise_table, stars, with_card
from emolab_course.compare import (
    KINDS,
    ChoiceExercise,
    FunctionExercise,
    JudgedExercise,
    Mistake,
    NumberExercise,
    judge,
    number_of,
)
from emolab_course.exercises import EXERCISES, order
from emolab_course.faults import same
from emolab_course.paths import sources
from emolab_course.readme import section

from emolab.errors import EmolabError
from emolab.paths import CHECKOUT

MISTAKES = [(number, name) for number, exercise in EXERCISES.items() for name in exercise.mistakes]


def right_answer(exercise):
    match exercise:
        case FunctionExercise():
            return exercise.reference
        case NumberExercise():
            return number_of(exercise.value)
        case ChoiceExercise():
            return exercise.right
        case JudgedExercise():
            return exercise.example


def wrong_kinds(exercise):
    """None, a wrong shape or type, and an exception, as they come for each type of answer; and what is said."""

    def raises(*arguments, **named):
        raise ZeroDivisionError("by nought")

    match exercise:
        case FunctionExercise():
            return [
                (lambda *arguments: None, "is None"),
                (lambda *arguments: {"a": [object()]}, "expected"),
                (raises, "ZeroDivisionError: by nought"),
                (lambda: 0, "takes other arguments"),
                (3.0, "give the function itself"),
            ]
        case NumberExercise():
            wrong = (
                (None, "is None"),
                ([0.5, 0.5], "shape"),
                ("half", "text"),
                (float("nan"), "NaN"),
                (raises, "call it"),
            )
            return list(wrong)
        case ChoiceExercise():
            return [(None, "NoneType"), (["a"], "a list"), ("z", "There is no option"), (raises, "a function")]
        case JudgedExercise():
            given = [(None, "None"), (b"bytes", "bytes")]
            return [*given, (raises, "by nought")] if exercise.takes is Callable else given


@pytest.mark.parametrize("number", EXERCISES)
def test_the_model_answer_passes(number):
    verdict = judge(EXERCISES[number], right_answer(EXERCISES[number]))
    assert verdict, verdict.text


@pytest.mark.parametrize("number", [n for n, e in EXERCISES.items() if isinstance(e, FunctionExercise)])
def test_the_reference_passes_on_fresh_inputs(number):
    assert judge(EXERCISES[number], EXERCISES[number].reference, seed=123)


@pytest.mark.parametrize(("number", "name"), MISTAKES)
def test_each_mistake_fails_with_its_own_hint(number, name):
    exercise = EXERCISES[number]
    mistake = exercise.mistakes[name]
    answer = number_of(mistake.answer) if isinstance(exercise, NumberExercise) else mistake.answer
    verdict = judge(exercise, answer)
    assert not verdict
    assert mistake.hint in verdict.text, verdict.text
    assert sum(other.hint in verdict.text for other in exercise.mistakes.values()) == 1


@pytest.mark.parametrize("number", EXERCISES)
def test_none_a_wrong_type_and_an_exception_get_a_sentence(number):
    exercise = EXERCISES[number]
    for answer, sentence in wrong_kinds(exercise):
        verdict = judge(exercise, answer)
        assert not verdict
        assert sentence in verdict.text, verdict.text


@pytest.mark.parametrize("number", EXERCISES)
def test_a_card_is_complete(number):
    exercise = EXERCISES[number]
    assert exercise.kind in KINDS and exercise.stars in (1, 2, 3) and exercise.minutes > 0
    assert len(exercise.hints) == len(set(exercise.hints)) == 3
    assert len(exercise.mistakes) >= 5
    assert len({mistake.hint for mistake in exercise.mistakes.values()}) == len(exercise.mistakes)
    assert len(exercise.why) > 20 and len(exercise.reasoning) > 100
    if isinstance(exercise, ChoiceExercise):
        assert {exercise.right, *exercise.mistakes} == set(exercise.options)
        assert all(name == mistake.answer for name, mistake in exercise.mistakes.items())


@pytest.mark.parametrize("number", EXERCISES)
def test_an_unsolved_cell_is_named(number):
    assert judge(EXERCISES[number], ...).text.startswith(f"Not solved yet. Exercise {number}:")


def answer_cells():
    """Every exercise cell of the course: its source file, number, solved code and the learner's stub."""
    for path in sources():
        solved = source.read(path)
        kept = [cell for cell in solved.cells if "model-answer" not in source.tags(cell)]
        for cell, stub in zip(kept, source.learner(solved, path).cells, strict=True):
            if "exercise" in source.tags(cell):
                yield path, cell.metadata["exercise"], cell.source, stub.source


@functools.cache
def cells():
    """Source file, solved code and stub of every exercise cell by number, read once and not while tests collect."""
    return {number: (path, code, stub) for path, number, code, stub in answer_cells()}


@pytest.mark.parametrize("number", EXERCISES)
def test_the_notebooks_own_solution_passes_and_its_stub_says_what_to_do(number):
    _, code, stub = cells()[number]
    judged = getattr(check, f"ex_{number.replace('.', '_')}")
    if needs_its_notebook(code):
        assert judged(answer_of(stub)).text.startswith("Not solved yet.")
        return
    assert judged(answer_of(code)), judged(answer_of(code)).text
    verdict = judged(answer_of(stub))
    assert not verdict
    assert f"Exercise {number}: " in verdict.text


def answer_of(code):
    names = {}
    exec(compile(code, "cell", "exec"), names)
    last = ast.parse(code).body[-1]
    return names[last.name if isinstance(last, ast.FunctionDef) else last.targets[0].id]


def needs_its_notebook(code):
    """Whether the cell's answer is computed from what cells above it made; a run of the notebook checks those."""
    tree = ast.parse(code)
    if isinstance(tree.body[-1], ast.FunctionDef):
        return False
    nodes = list(ast.walk(tree))
    made = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    made |= {
        (a.asname or a.name).split(".")[0] for n in nodes if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names
    }
    made |= {n.arg for n in nodes if isinstance(n, ast.arg)} | set(dir(__builtins__)) | set(__builtins__)
    return any(isinstance(n, ast.Name) and n.id not in made for n in nodes)


def test_every_exercise_stands_in_its_notebook_in_order():
    assert list(cells()) == list(EXERCISES)
    for number, (path, _, _) in cells().items():
        assert path.stem.partition("_")[0].lstrip("0") == number.partition(".")[0].lstrip("0")


def test_the_docs_hold_the_table_of_the_registry():
    text = (CHECKOUT / "docs" / "exercises.md").read_text(encoding="utf-8")
    assert section(text, "exercises") == exercise_table()


def test_stars_are_three():
    assert [stars(n) for n in (1, 2, 3)] == ["★☆☆", "★★☆", "★★★"]


def test_numbers_are_in_the_order_of_the_course():
    assert sorted(["10.1", "3b.2", "4.1", "3.10", "3.2", "3b.1"], key=order) == [
        "3.2", "3.10", "3b.1", "3b.2", "4.1", "10.1"]  # fmt: skip
    with pytest.raises(ValueError, match="no exercise number"):
        order("three.1")


def test_hints_come_one_after_the_other():
    check._hints_shown.clear()
    shown = [check.hint("0.1").text for _ in range(4)]
    assert [text[:11] for text in shown] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Hint 3 of 3"]
    assert all(text.endswith(hint) for text, hint in zip(shown, EXERCISES["0.1"].hints, strict=False))
    with pytest.raises(EmolabError, match="there is no exercise"):
        check.hint("99.1")


def test_checks_are_found_by_completion_and_unknown_ones_are_not_there():
    assert {"hint", "ex_0_1"} <= set(dir(check))
    assert check.ex_0_1.__doc__.startswith("Exercise 0.1, ")
    with pytest.raises(AttributeError, match="ex_99_1"):
        _ = check.ex_99_1


CARD = {
    "number": "9.9", "title": "Twice", "kind": "warm-up", "stars": 1, "minutes": 1, "why": "it is small.",
    "hints": ("a", "b", "c"), "reasoning": "Twice is twice.",
}  # fmt: skip
DOUBLE = FunctionExercise(**CARD, reference=lambda x: 2.0 * x, inputs=lambda rng: [(1.0,), (3.0,)])
HALF = NumberExercise(**CARD, value=lambda: 0.5, tolerance=0.01, mistakes={"of one": Mistake(1.0, "halve it")})
LETTER = ChoiceExercise(
    **CARD, options={"a": "one", "b": "two"}, right="b", mistakes={"a": Mistake("a", "One is half of it")}
)
LOUD = JudgedExercise(
    **CARD,
    takes=str,
    example="HI",
    mistakes={"quiet": Mistake("hi", "use capitals")},
    judge=lambda text: ("" if text.isupper() else "quiet", f"{text!r} was read."),
)


def test_an_exception_is_the_counter_example():
    def broken(x):
        raise ZeroDivisionError("by nought")

    verdict = judge(DOUBLE, broken)
    assert not verdict
    assert "ZeroDivisionError: by nought" in verdict.text


def test_the_first_counter_example_is_shown():
    verdict = judge(DOUBLE, lambda x: 2.0 if x == 1.0 else 5.0)
    assert "inputs   3" in verdict.text and "yours    5" in verdict.text and "expected 6" in verdict.text
    assert 'check.hint("9.9")' in verdict.text


@pytest.mark.parametrize(
    ("exercise", "answer", "told"),
    [
        (HALF, 0.505, "right (0.5)"),
        (HALF, 1.0, "Hint: halve it."),
        (HALF, 0.2, "too small"),
        (HALF, 0.9, "too large"),
        (LETTER, " B) ", "right: two"),
        (LETTER, "a", "One is half of it"),
        (LOUD, "HI", "right. 'HI' was read."),
        (LOUD, "hi", "Hint: use capitals."),
        (LOUD, 5, "Your answer is an int, and a text is expected."),
    ],
)
def test_the_other_types_of_answer_are_judged(exercise, answer, told):
    assert told in judge(exercise, answer).text


def test_a_number_that_is_wrong_is_not_given_away():
    assert "0.5" not in judge(HALF, 0.7).text


def test_an_answer_that_breaks_the_real_thing_is_a_verdict():
    def breaks(answer):
        return answer["missing"], ""

    exercise = JudgedExercise(**CARD, takes=dict, example={}, judge=breaks)
    assert "Your answer raised KeyError" in judge(exercise, {}).text


def test_a_card_lists_the_options_of_a_choice_below_the_task(monkeypatch):
    monkeypatch.setitem(EXERCISES, "9.9", LETTER)
    text = with_card("<!-- exercise 9.9 -->\nHow much is it?")
    assert text.startswith("## Exercise 9.9 · Twice") and text.endswith("- **a.** one\n- **b.** two")
    assert with_card("no marker") == "no marker"


@pytest.mark.parametrize("wrong", [None, "2.0", float("nan"), [2.0], np.array([2.0, 2.0]), "a"])
def test_other_types_and_shapes_are_not_the_same(wrong):
    assert same(wrong, 2.0, 1e-6) is False


@pytest.mark.parametrize(
    ("got", "expected", "equal"),
    [
        (np.float32(2.0), 2.0, True),
        (np.array([1.0, 2.0]), [1.0, 2.0], True),
        ({"a": np.float64(1)}, {"a": 1.0}, True),
        ({"a": 1.0, "b": 0.0}, {"a": 1.0}, False),
        (np.True_, True, True),
        (1, True, False),
        (("sad", None), ["sad", None], True),
        (["sad"], ["happy"], False),
        (None, ["sad"], False),
    ],
)
def test_values_may_come_as_any_type_of_their_kind(got, expected, equal):
    assert same(got, expected, 1e-6) is equal


MEANS = FunctionExercise(
    **CARD, reference=lambda x: x.mean(0), inputs=lambda rng: [(np.array([[0.25, 0.5], [0.75, 0.5]]),)]
)


def _in_place(x):
    x *= 0.5
    return x.sum(0)


@pytest.mark.parametrize(
    ("mine", "sentence"),
    [
        (lambda x: print(""), "is None. Did you print"),
        (lambda x: x.mean(1, keepdims=True), "The shape should be (2,); yours is (2, 1)."),
        (lambda x: x.mean(0) * float("nan"), "holds NaN"),
        (lambda x: x.mean(0) * 100, "100 times too large"),
        (lambda x: "half", "A number is expected, and you gave a text"),
        (lambda x: [object()], "Numbers are expected"),
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

    assert judge(EXERCISES["1.4"], mine)


def test_the_learners_own_line_is_named():
    def broken(x):
        halved = x / 2
        return halved["a"]

    assert "raised in line" in judge(MEANS, broken).text and 'halved["a"]' in judge(MEANS, broken).text


def test_a_hint_is_matched_on_the_failing_case_alone():
    """Right on the first input, wrong on the second in a typical way: the hint of that mistake is given."""
    spread = FunctionExercise(
        **CARD,
        reference=lambda x: float(np.std(x)),
        inputs=lambda rng: [([1.0],), ([1.0, 2.0],)],
        mistakes={"of a sample": Mistake(lambda x: float(np.std(x, ddof=1)), "divide by n")},
    )
    assert "divide by n" in judge(spread, lambda x: 0.0 if len(x) == 1 else float(np.std(x, ddof=1))).text


def test_the_packages_own_answer_is_given_for_functions_alone():
    from emolab_course import check

    assert check.ours("12.1")(1e9, 16, 64) == 2.0 and check.judge(check.exercise("12.1"), check.ours("12.1")).passed
    with pytest.raises(EmolabError, match="asks for no function"):
        check.ours("1.1")


def test_the_hint_is_that_of_the_mistake_which_agrees_on_most_inputs():
    """A chance agreement on the failing input does not choose the hint."""

    def one(x):
        return 1 if x < 3 else x

    exercise = FunctionExercise(
        number="9.9", title="Twice", kind="warm-up", stars=1, minutes=1, why="it is small.", hints=("a", "b", "c"),
        reasoning="", reference=lambda x: 2 * x, inputs=lambda rng: [(1,), (2,), (3,), (4,)],
        mistakes={
            "by chance": Mistake(lambda x: 1, "the constant one"),
            "near": Mistake(lambda x: 1 if x < 3 else x + (x == 4), "nearly the learner's"),
        },
    )  # fmt: skip
    assert "nearly the learner's" in judge(exercise, one).text


def test_what_rounding_left_and_scalars_of_numpy_are_shown_as_plain_numbers():
    from emolab_course.faults import short

    assert [short(-5.55e-17), short(np.int64(0)), short({"a": np.float64(0.5)})] == ["0", "0", "{'a': 0.5}"]


def test_an_evaluation_that_is_given_places_asks_for_masks():
    def places(evaluate, speakers):
        return sum(evaluate([j for j in range(len(speakers)) if j != i], [i]) for i in range(len(speakers)))

    def masks_as_lists(evaluate, speakers):
        def accuracy(groups):
            return sum(evaluate([h != g for h in groups], [h == g for h in groups]) for g in set(groups)) / len(groups)

        return accuracy(range(len(speakers))) - accuracy(speakers)

    assert "evaluate takes two masks" in judge(EXERCISES["1.2"], places).text
    assert judge(EXERCISES["1.2"], masks_as_lists)
