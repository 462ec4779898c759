"""The pitch tracker against signals of known pitch."""

from __future__ import annotations

import numpy as np
import pytest

from emolab.media.audio import SAMPLE_RATE
from emolab.media.pitch import HOP, track_f0


def harmonic(f0: np.ndarray, count: int = 12) -> np.ndarray:
    """Harmonics falling by 6 dB per octave under an F0 track given per sample."""
    phase = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    return sum(np.sin(k * phase) / k for k in range(1, count + 1)) * 0.1


def off(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Semitones between two tracks where the first is voiced."""
    voiced = found > 0
    return 12 * np.log2(found[voiced] / true[voiced])


@pytest.mark.parametrize("pitch", [82.4, 110.0, 151.3, 220.0, 349.2])
def test_a_steady_pitch_is_found_within_a_tenth_of_a_semitone(pitch: float) -> None:
    found = track_f0(harmonic(np.full(SAMPLE_RATE, pitch)))[10:-10]
    assert (found > 0).all()
    assert np.abs(off(found, np.full(len(found), pitch))).max() < 0.1


def test_a_gliding_pitch_is_followed() -> None:
    glide = np.geomspace(100, 240, 2 * SAMPLE_RATE)
    found = track_f0(harmonic(glide))[10:-10]
    true = glide[(np.arange(10, 10 + len(found)) * HOP * SAMPLE_RATE).astype(int)]
    assert (found > 0).mean() > 0.98
    assert np.median(np.abs(off(found, true))) < 0.1


@pytest.mark.parametrize("kind", ["silence", "noise"])
def test_what_has_no_pitch_is_unvoiced(kind: str) -> None:
    wave = np.zeros(SAMPLE_RATE) if kind == "silence" else np.random.default_rng(0).standard_normal(SAMPLE_RATE) * 0.1
    assert (track_f0(wave) > 0).mean() < 0.03
