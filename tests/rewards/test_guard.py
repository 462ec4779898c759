"""The guard: every way in which a reward can fail is one line that names reward, row and completion."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from emolab.errors import RewardError
from emolab.rewards import Accuracy, Format, Guarded, Part, Rubric

TWO = ["a", "b"]


def giving(*values):
    def shaky(completions, **columns):
        return list(values)

    return shaky


def test_a_raising_reward_names_itself_the_step_the_row_and_the_completion() -> None:
    def brittle(completions, **columns):
        return [1.0 / (len(c) - 3) for c in completions]

    state = SimpleNamespace(global_step=4, max_steps=8)
    with pytest.raises(RewardError) as caught:
        Guarded(brittle)(["long one", "abc", "x"], prompts=["p"] * 3, row=[7, 8, 9], trainer_state=state)
    message = str(caught.value)
    assert all(part in message for part in ("'brittle'", "ZeroDivisionError", "row 8", "'abc'", "step 5"))


def test_a_reward_that_only_fails_on_the_batch() -> None:
    def jealous(completions, **columns):
        if len(completions) > 1:
            raise KeyError("solution")
        return [0.0]

    with pytest.raises(RewardError, match="no single completion"):
        Guarded(jealous)(TWO)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (math.nan, "is nan at row 1"),
        (math.inf, "is inf at row 1"),
        (-math.inf, "is -inf at row 1"),
        (np.float64("nan"), "is nan at row 1"),
        (4e38, "infinite in float32, at row 1"),
        (-1e300, "infinite in float32, at row 1"),
        (10**400, "is inf at row 1"),
        ("0.5", r"is '0\.5' \(str\), not a number or None, at row 1"),
        ([0.5], "not a number or None, at row 1"),
        (1 + 2j, "not a number or None, at row 1"),
        (np.array([1.0]), "not a number or None, at row 1"),
        (object, "not a number or None, at row 1"),
    ],
)
def test_what_is_no_number_names_the_row_and_the_completion(bad, said) -> None:
    with pytest.raises(RewardError, match=f"'shaky' .*{said}.*completion 'b'"):
        Guarded(giving(0.0, bad))(TWO)


@pytest.mark.parametrize("found", [None, 1.0, "ab", {"a": 1, "b": 2}, b"ab"])
def test_what_is_no_list_is_said(found) -> None:
    with pytest.raises(RewardError, match=r"'f' returned .*expected a list of one number or None"):
        Guarded(lambda completions, **columns: found, "f")(TWO)


def test_a_wrong_count_is_said() -> None:
    with pytest.raises(RewardError, match="'shaky' returned 1 values for 2 completions"):
        Guarded(giving(1.0))(TWO)


def test_numbers_of_every_kind_pass_as_floats() -> None:
    torch = pytest.importorskip("torch")
    values = [1, True, np.float32(0.5), np.int64(2), torch.tensor(0.25), np.array(3.0), None]
    got = Guarded(giving(*values))(["x"] * 7)
    assert got == [1.0, 1.0, 0.5, 2.0, 0.25, 3.0, None] and all(type(v) in (float, type(None)) for v in got)
    assert Guarded(lambda completions, **columns: np.ones(2), "f")(TWO) == [1.0, 1.0]
    assert Guarded(lambda completions, **columns: torch.zeros(2), "f")(TWO) == [0.0, 0.0]


def test_nan_does_not_become_the_lower_bound_of_a_clip() -> None:
    clipped = Rubric("r", (Part(giving(0.5, math.nan), clip=(0.0, 1.0)),), clip=(0.0, 1.0))
    with pytest.raises(RewardError, match="'shaky' is nan at row 1, completion 'b'"):
        clipped(TWO)


def test_a_part_cannot_change_what_the_next_part_sees() -> None:
    def vandal(completions, **columns):
        columns["solution"][0] = "happy"
        columns["words"][0].append("glad")
        columns["measured"][:] = 0.0
        completions[0] = [{"role": "assistant", "content": "<answer>happy</answer>"}]
        return [0.0] * len(completions)

    def witness(completions, **columns):
        assert columns["measured"].tolist() == [1.0] and columns["words"] == [["sad"]]
        return [float(columns["solution"] == ["sad"])]

    message = [{"role": "assistant", "content": "<answer>sad</answer>"}]
    columns = {"solution": ["sad"], "words": [["sad"]], "measured": np.ones(1)}
    rubric = Rubric.of([vandal, witness, Accuracy()])
    assert rubric.score([message], **columns).parts == {"vandal": [0.0], "witness": [1.0], "accuracy": [1.0]}
    assert columns["solution"] == ["sad"] and message[0]["content"] == "<answer>sad</answer>"


def test_a_rubric_in_a_guard_names_the_part_once() -> None:
    rubric = Rubric("both", (Part(Format("any")), Part(giving(0.0, "x"))))
    with pytest.raises(RewardError) as caught:
        Guarded(rubric)(TWO, row=[3, 4])
    assert str(caught.value) == "reward 'shaky' is 'x' (str), not a number or None, at row 4, completion 'b'"


def test_an_own_error_keeps_its_words_and_gains_the_row() -> None:
    with pytest.raises(RewardError) as caught:
        Guarded(Accuracy())(TWO, solution=["sad", "purple"], row=[1, 2])
    assert str(caught.value).startswith("reward 'accuracy': solution 'purple' is not one of neutral")
    assert str(caught.value).endswith("at row 2, completion 'b'")


def test_a_completion_that_is_no_text_is_shown() -> None:
    with pytest.raises(RewardError, match="got int at row 0, completion 3"):
        Guarded(Format())([3])
