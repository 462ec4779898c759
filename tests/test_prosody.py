"""Prosodic features: finite on anything, named, and able to tell emotions apart a little on a handful of clips."""

from __future__ import annotations

import numpy as np
import pytest
from emolab_synth.say import say

from emolab.prosody import FEATURES, prosody_features, with_voices
from emolab.samples import Corpus, EmotionSample


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


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seconds", [0.1, 0.25, 0.4, 0.6, 1.0, 2.0])
def test_short_clips_have_finite_features_without_a_warning(seconds):
    values, _ = prosody_features(voice(200, seconds=seconds))
    assert values.any() and np.isfinite(values).all()


def voice(pitch: float, loudness: float = 0.2, seconds: float = 1.2) -> np.ndarray:
    """Vowel-like pulses at `pitch` Hz with four syllables a second."""
    time = np.arange(int(seconds * 16_000)) / 16_000
    wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 12))
    return (loudness * wave * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)) / 2).astype(np.float32)


def said(corpus: Corpus) -> list[str | None]:
    return [sample.parts.get("voice") for sample in with_voices(corpus, progress=False)]


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path / "build"))
    return tmp_path / "build"


def samples(*waves: np.ndarray, speaker: str | None = "s") -> list[EmotionSample]:
    return [EmotionSample(f"{speaker}{i}", speaker=speaker, extra={"waveform": w}) for i, w in enumerate(waves)]


def test_a_voice_is_described_against_its_speaker_s_own():
    low = samples(voice(110), voice(150), voice(130), voice(130), speaker="low")
    high = samples(voice(210), voice(250), voice(230), voice(230), speaker="high")
    found = said(Corpus(".", [*low, *high]))
    for own in (found[:4], found[4:]):
        assert own[0].startswith("a low, ") and own[1].startswith("a high, ") and own[2].startswith("a mid-pitched, ")
    loud = said(Corpus(".", samples(voice(200, 0.03), voice(200, 0.3), voice(200, 0.1), voice(200, 0.1))))
    assert [clause.rsplit(" and ", 1)[1] for clause in loud] == [
        "quiet",
        "loud",
        "of medium loudness",
        "of medium loudness",
    ]


def test_speakers_of_few_clips_are_compared_with_everyone():
    found = said(Corpus(".", [*samples(voice(110), speaker="a"), *samples(voice(250), speaker="b")]))
    assert found[0].startswith("a low, ") and found[1].startswith("a high, ")


def test_what_is_said_already_and_what_has_no_voice_stay(tmp_path, build):
    stated = EmotionSample("x", parts={"voice": "a tired voice"}, extra={"waveform": voice(200)})
    silent = EmotionSample("y", extra={"waveform": np.zeros(16_000, np.float32)})
    gone = EmotionSample("z", audio="gone.wav")
    corpus = Corpus(tmp_path, [stated, silent, gone, EmotionSample("w", text="words"), *samples(voice(200))])
    found = with_voices(corpus, progress=False)
    assert list(found[:4]) == list(corpus[:4])
    assert found[4].extra["voice_from"] == "measured prosody" and found[4].parts["tone"].endswith(" voice")
    assert found[4].describe(("voice",)).startswith("A mid-pitched, ")
    assert len(list((build / "prosody").glob("*.npy"))) == 2
    assert with_voices(corpus.replace(corpus.samples[3:4]), progress=False).samples == corpus.samples[3:4]
