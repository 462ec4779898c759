"""The quizzes: their structure, and that each notebook shows its own."""

from __future__ import annotations

import re

import pytest
from emolab_course import source
from emolab_course.exercises import EXERCISES
from emolab_course.paths import number_of, sources
from emolab_course.quizzes import lettered, names, quiz

from emolab.errors import EmolabError

NUMBERS = [number_of(path) for path in sources()]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_quiz_has_six_to_eight_questions_with_one_right_and_explained_choices(number):
    questions = quiz(number).questions
    assert 6 <= len(questions) <= 8
    assert len({question.asks for question in questions}) == len(questions)
    for question in questions:
        assert 3 <= len(question.choices) <= 4
        assert sum(choice.right for choice in question.choices) == 1, question.asks
        assert len({choice.text for choice in question.choices}) == len(question.choices)
        for choice in question.choices:
            assert choice.why.endswith((".", '".', ".)")) and len(choice.why.split()) >= 3, choice


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_each_notebook_ends_with_its_quiz(path):
    last = source.read(path).cells[-1]
    assert last.cell_type == "code" and f'quiz("{number_of(path)}")' in last.source


def test_every_quiz_belongs_to_a_notebook_and_the_right_letter_varies():
    assert names() == NUMBERS
    letters = [
        letter
        for number in NUMBERS
        for question in quiz(number).questions
        for letter, choice in lettered(question)
        if choice.right
    ]
    assert all(0.1 < letters.count(letter) / len(letters) < 0.5 for letter in "ABCD")


def test_it_is_plain_html_and_text():
    shown = quiz("03")._repr_html_()
    assert "<script" not in shown and shown.count("<fieldset>") == len(quiz("03").questions)
    assert shown.count('class="right"') == len(quiz("03").questions)
    assert not re.search(r"https?://", shown)
    assert repr(quiz("03")).startswith("1. ")


def test_an_unknown_notebook_is_an_error():
    with pytest.raises(EmolabError, match="no quiz"):
        quiz("77")


@pytest.mark.parametrize("number", NUMBERS)
def test_exercises_that_a_quiz_names_are_in_its_notebook(number):
    for question in quiz(number).questions:
        said = " ".join([question.asks, *(part for c in question.choices for part in (c.text, c.why))])
        for name in re.findall(r"[Ee]xercise (\d+\w?\.\d)", said):
            assert name in EXERCISES and name.split(".")[0] == number.lstrip("0").rjust(1, "0"), name


def test_the_quiz_on_k3_names_its_exercise():
    asked = [question.asks for question in quiz("09").questions if "k3" in question.asks]
    assert asked and all(EXERCISES["9.3"].number in text for text in asked) and "k3" in EXERCISES["9.3"].title
