"""Guards: what they let through, what they stop, and what they say."""

from __future__ import annotations

import logging
import math

import pytest

from emolab.errors import TrainingError
from emolab.training.guards import AlarmBell, Alarms, require_finite, require_hearing


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
