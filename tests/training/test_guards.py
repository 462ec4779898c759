"""Guards: what they let through, what they stop, and what they say."""

from __future__ import annotations

import logging
import math
from types import SimpleNamespace

import pytest

from emolab.errors import RewardError, TrainingError
from emolab.training.guards import AlarmBell, Alarms, GuardedReward, require_finite, require_hearing, text_of


def brittle(prompts, completions, **columns):
    """Fails on one completion, as parsing code does."""
    return [1.0 / (len(text_of(c)) - 3) for c in completions]


def test_a_raising_reward_names_itself_the_row_and_the_completion() -> None:
    with pytest.raises(RewardError) as caught:
        GuardedReward(brittle)(
            prompts=["p"] * 3,
            completions=["long one", "abc", "x"],
            row=[7, 8, 9],
            trainer_state=SimpleNamespace(global_step=4),
        )
    message = str(caught.value)
    assert (
        "'brittle'" in message
        and "ZeroDivisionError" in message
        and "row 8" in message
        and "'abc'" in message
        and "step 5" in message
    )


def test_a_reward_that_only_fails_on_the_batch() -> None:
    def jealous(prompts, completions, **columns):
        if len(completions) > 1:
            raise KeyError("solution")
        return [0.0]

    with pytest.raises(RewardError, match="no single completion"):
        GuardedReward(jealous)(prompts=["p", "p"], completions=["a", "b"])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_reward_that_is_no_number(bad: float) -> None:
    guarded = GuardedReward(lambda prompts, completions, **k: [0.0, bad], "shaky")
    with pytest.raises(TrainingError, match=r"'shaky' is (nan|inf) at row 1, completion 'b'"):
        guarded(prompts=["p", "p"], completions=["a", "b"])


def test_none_means_not_applicable_and_a_wrong_count_is_an_error() -> None:
    assert GuardedReward(lambda prompts, completions, **k: [None, 1])(prompts=["p"] * 2, completions=["a", "b"]) == [
        None,
        1,
    ]
    with pytest.raises(RewardError, match="1 values for 2"):
        GuardedReward(lambda prompts, completions, **k: [1.0])(prompts=["p"] * 2, completions=["a", "b"])


def test_finite() -> None:
    require_finite(1.0, "the loss", 3)
    with pytest.raises(TrainingError, match=r"the loss is nan at step 3, rows \[2, 5\].*'hello'"):
        require_finite(math.nan, "the loss", 3, [5, 2, 2], ["hello"])


@pytest.mark.parametrize("moved", [0.0, 1e-9, math.nan])
def test_deafness(moved: float) -> None:
    with pytest.raises(TrainingError, match="deaf"):
        require_hearing(moved, "audio", 3)
    require_hearing(1e-3, "audio", 3)


@pytest.mark.parametrize(("name", "fine", "bad"), [
    ("kl", 0.1, 6.0), ("entropy", 0.5, 0.001), ("parse_rate", 0.9, 0.4), ("zero_variance", 0.5, 0.95)])  # fmt: skip
def test_each_alarm_has_its_level_and_can_be_switched_off(name: str, fine: float, bad: float) -> None:
    levels = {"kl": "kl_above", "entropy": "entropy_below", "parse_rate": "parse_rate_below",
              "zero_variance": "zero_variance_above"}  # fmt: skip
    assert Alarms().of({name: fine}) == [] and Alarms().of({}) == []
    (alarm,) = Alarms().of({name: bad})
    assert alarm.startswith(f"{name} {bad:.3g} ")
    assert Alarms(**{levels[name]: None}).of({name: bad}) == []


def test_alarms_ring_at_first_and_then_with_patience(caplog: pytest.LogCaptureFixture) -> None:
    bell = AlarmBell(Alarms(patience=10))
    with caplog.at_level(logging.WARNING, "emolab.training"):
        for step in range(1, 13):
            assert bool(bell.ring({"step": step, "kl": 9.0, "entropy": 1.0, "parse_rate": None})) is True
    assert [r.message.split(":")[0] for r in caplog.records] == ["step 1", "step 11"]
    assert bell.ring({"step": 13, "kl": 0.1}) == []
