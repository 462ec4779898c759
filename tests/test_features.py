"""Prosodic features: finite on anything, named, and able to tell emotions apart a little on a handful of clips."""

from __future__ import annotations

import numpy as np
import pytest

from emolab.features import FEATURES, prosody_features
from emolab.synth.say import say


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(0),
        np.zeros(16000),
        np.random.default_rng(0).standard_normal(100),
        np.random.default_rng(0).standard_normal(16000) * 0.1,
        np.ones(20000),
        np.sin(np.arange(16000) * 2 * np.pi * 150 / 16000),
    ],
    ids=["empty", "silent", "short", "noise", "constant", "tone"],
)
def test_always_finite(wave: np.ndarray) -> None:
    values, names = prosody_features(wave.astype(np.float32))
    assert values.shape == (len(names),) == (len(FEATURES),) and values.dtype == np.float32
    assert np.isfinite(values).all()


def test_a_tone_has_its_pitch_and_its_level() -> None:
    tone = sum(np.sin(np.arange(24000) * 2 * np.pi * 200 * k / 16000) / k for k in range(1, 6)) * 0.1
    values = dict(zip(FEATURES, prosody_features(tone)[0].tolist(), strict=True))
    assert values["f0_median"] == pytest.approx(12, abs=0.05) and values["f0_sd"] < 0.05
    assert values["level_mean"] == pytest.approx(10 * np.log10((tone**2).mean()), abs=0.5)
    assert values["duration"] == pytest.approx(1.5, abs=0.1) and values["hnr_mean"] > 15


def test_features_do_not_depend_on_the_order_of_calls() -> None:
    one, two = say(sentence="a-neu-test-00", emotion="sad").wave, say(sentence="a-neu-test-01", emotion="angry").wave
    first = prosody_features(one)[0]
    prosody_features(two)
    assert (prosody_features(one)[0] == first).all()
    assert len(set(FEATURES)) == len(FEATURES)
