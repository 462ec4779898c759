"""The classical baseline hears what is easy to hear, and only that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emolab.baselines import classical_baseline, per_speaker
from emolab.errors import EvaluationError
from emolab.samples import Corpus, EmotionSample

PITCH = {"happy": 280.0, "sad": 120.0, "angry": 200.0}


def corpus(speakers: tuple[str, ...], per: int = 6, seed: int = 0) -> Corpus:
    """Buzzes of 0.8 s whose pitch depends on the emotion, and whose words are always the same."""
    rng = np.random.default_rng(seed)
    samples = []
    for speaker in speakers:
        for emotion, pitch in PITCH.items():
            for i in range(per):
                time = np.arange(12_800) / 16_000
                phase = 2 * np.pi * pitch * rng.uniform(0.93, 1.07) * time
                wave = sum(np.sin(k * phase) / k for k in range(1, 9)) * 0.1 + rng.normal(0, 1e-3, len(time))
                samples.append(
                    EmotionSample(
                        f"{speaker}-{emotion}-{i}",
                        text="same words",
                        emotion=emotion,
                        speaker=speaker,
                        split="x",
                        extra={"waveform": wave.astype(np.float32)},
                    )
                )
    return Corpus(Path(), samples, "buzz")


def test_it_learns_pitch_for_new_speakers_and_fails_without_sound():
    train, test = corpus(("a", "b")), corpus(("c", "d"), seed=1)
    result = classical_baseline(train, test, n_boot=50, progress=False)
    assert result["ua"] > 0.95 and result["info"]["trained_on"] == 36
    assert any(name.startswith("f0") for name in result["info"]["weights"]["sad"])
    silent = classical_baseline(train, test, control="silent", n_boot=50, progress=False)
    assert silent["ua"] == pytest.approx(1 / 3) and len({r["predicted"] for r in silent["rows"]}) == 1
    swapped = classical_baseline(train, test, control="swapped", n_boot=50, progress=False)
    assert swapped["ua"] < 0.05


def test_shared_speakers_and_bad_settings_are_refused():
    with pytest.raises(EvaluationError, match="a, b are in both"):
        classical_baseline(corpus(("a", "b"), 1), corpus(("a", "b", "c"), 1), progress=False)
    with pytest.raises(EvaluationError, match="none, speaker"):
        classical_baseline(corpus(("a",), 1), corpus(("b",), 1), normalise="magic")
    with pytest.raises(EvaluationError, match="at least two"):
        classical_baseline(corpus(("a",), 1).where(emotion="sad"), corpus(("b",), 1), progress=False)


def test_per_speaker_by_hand():
    table = per_speaker(np.array([[1.0, 5.0], [3.0, 5.0], [10.0, 0.0], [30.0, 2.0]]), ["a", "a", "b", "b"])
    assert table.tolist() == [[-1, 0], [1, 0], [-1, -1], [1, 1]]
