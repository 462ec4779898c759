"""The vocoder against signals of known pitch, and against itself: analysis, synthesis, analysis."""

from __future__ import annotations

import numpy as np
import pytest
from emolab_synth import seeds, vocoder
from emolab_synth.prosody import Prosody
from emolab_synth.vocoder import SAMPLE_RATE
from emolab_synth.voice import utter

from emolab.media.pitch import track_f0

STILL = Prosody(jitter=0.0, shimmer=0.0)


def harmonic(f0: np.ndarray, count: int = 12) -> np.ndarray:
    """Harmonics falling by 6 dB per octave under an F0 track given per sample."""
    phase = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    return sum(np.sin(k * phase) / k for k in range(1, count + 1)) * 0.1


def test_frames_are_five_milliseconds_apart() -> None:
    wave = harmonic(np.full(8000, 120.0))
    f0 = track_f0(wave)
    assert len(f0) == 8000 // vocoder.HOP_SAMPLES + 1
    assert vocoder.spectral_envelope(wave, f0).shape == (len(f0), vocoder.BINS)


@pytest.mark.parametrize("pitch", [95.0, 130.0, 175.0, 220.0])
def test_the_envelope_of_a_known_envelope_is_found(pitch: float) -> None:
    hz = vocoder.FREQUENCIES
    formants = sum(2 * np.exp(-0.5 * ((hz - at) / 150) ** 2) for at in (700, 1800, 2900))
    true = np.tile(-8 - 2 * np.log2(np.maximum(hz, 100) / 100) + formants, (200, 1))
    f0 = np.full(200, pitch)
    wave = vocoder.synthesise(f0, true, np.full(true.shape, 0.004), np.random.default_rng(0))
    decibels = (vocoder.spectral_envelope(wave, f0)[20:180] - true[20:180])[:, 6:400] * 10 / np.log(10)
    assert abs(np.median(decibels)) < 0.4 and np.median(np.abs(decibels)) < 1.2


@pytest.mark.parametrize("voice", ["m01", "f01", "m09"])
def test_analysis_of_what_was_synthesised_gives_it_back(voice: str) -> None:
    seed = seeds.shipped(voice, seeds.shipped_sentences(voice)[3])
    made = utter(seed, STILL, np.random.default_rng(0))
    f0 = track_f0(made.wave)[: len(made.f0)]
    voiced = (f0 > 0) & (made.f0 > 0)
    assert voiced.sum() > 0.9 * (made.f0 > 0).sum()
    assert abs(np.median(12 * np.log2(f0[voiced] / made.f0[voiced]))) < 0.1
    again = vocoder.spectral_envelope(made.wave, np.where(voiced, f0, 0.0))
    low = slice(6, 256)  # 100 Hz to 4 kHz
    frames = np.flatnonzero(voiced)[5:-5]
    source = seed.log_power[np.minimum(frames, len(seed) - 1)]
    decibels = (again[frames, low] - source[:, low]) * 10 / np.log(10)
    assert np.median(np.abs(decibels - np.median(decibels))) < 2.5


def test_the_noise_of_the_vocoder_comes_from_the_generator_alone() -> None:
    shape = (60, vocoder.BINS)
    track = np.where(np.arange(60) < 30, 120.0, 0.0)

    def speak(number: int) -> bytes:
        rng = np.random.default_rng(number)
        return vocoder.synthesise(track, np.full(shape, -8.0), np.full(shape, 0.5), rng).tobytes()

    assert speak(1) == speak(1)
    assert speak(1) != speak(2)
