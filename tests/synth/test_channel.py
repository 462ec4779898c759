"""Channels of domain `wild`: every codec gives back what went in, and the file's level says nothing of the voice's."""

from __future__ import annotations

import numpy as np
import pytest
from emolab_synth import channel
from emolab_synth.channel import CODECS, Channel, coded, record_wild, sample_channel, sample_wild_room, transmit
from emolab_synth.plan import plan
from emolab_synth.prosody import Prosody
from emolab_synth.realise import realise, render, to_truth
from emolab_synth.seeds import shipped_sentences, shipped_speech
from emolab_synth.talkers import VOICES, talker, talkers

RATE = 16000


def vowel(seconds: float = 0.8) -> np.ndarray:
    """A buzzing vowel at 120 Hz that swells and fades."""
    t = np.arange(int(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 25))
    return 0.1 * wave * np.sin(np.pi * t / seconds)


def rms_db(wave: np.ndarray) -> float:
    return float(10 * np.log10((np.asarray(wave, np.float64) ** 2).mean()))


@pytest.mark.parametrize(("codec", "rate"), [(name, rates[-1]) for name, (_, rates) in CODECS.items()])
def test_a_codec_changes_little_and_moves_nothing(codec: str, rate: int) -> None:
    wave = shipped_speech("m01", shipped_sentences("m01")[0]).wave.astype(np.float64)
    back = coded(wave, codec, rate)
    assert back.shape == wave.shape and np.isfinite(back).all()
    assert np.corrcoef(back, wave)[0, 1] > 0.75


def test_silence_passes_a_codec() -> None:
    assert np.abs(coded(np.zeros(RATE // 2), "libopus", 16000)).max() < 1e-3


@pytest.mark.parametrize("energy", [-8.0, 0.0, 8.0])
def test_the_level_is_the_files_and_not_the_voices(energy: float) -> None:
    assert rms_db(transmit(vowel() * 10 ** (energy / 20), Channel(level_db=-30), energy)) == pytest.approx(-30, abs=0.2)


def test_an_honest_channel_keeps_the_loudness() -> None:
    loud, quiet = (transmit(vowel(), Channel(level_db=-40, keeps_loudness=1.0), e) for e in (6.0, -6.0))
    assert rms_db(loud) - rms_db(quiet) == pytest.approx(12, abs=0.2)


def test_a_telephone_keeps_its_band() -> None:
    wave = transmit(np.random.default_rng(0).normal(0, 0.1, RATE), Channel(low_hz=300, high_hz=3300))
    power = np.abs(np.fft.rfft(wave)) ** 2
    hz = np.fft.rfftfreq(len(wave), 1 / RATE)
    inside = power[(hz > 400) & (hz < 3000)].mean()
    assert power[hz > 5500].mean() < 0.002 * inside and power[hz < 100].mean() < 0.05 * inside


def test_compression_brings_levels_together() -> None:
    steps = np.concatenate([vowel(), 3 * vowel()])
    half = len(steps) // 2

    def gap(ratio: float) -> float:
        wave = transmit(steps, Channel(ratio=ratio))
        return rms_db(wave[half:]) - rms_db(wave[:half])

    assert gap(4.0) < gap(1.0) - 3


def test_channels_are_drawn_from_the_seed_and_differ() -> None:
    drawn = [sample_channel(np.random.default_rng(i)) for i in range(60)]
    assert drawn == [sample_channel(np.random.default_rng(i)) for i in range(60)]
    levels = [c.level_db for c in drawn]
    assert max(levels) - min(levels) > 15
    codecs = [c.codec for c in drawn]
    assert 15 < codecs.count(None) < 45 and len(set(codecs)) > 4


def test_a_wild_recording_is_finite_and_within_full_scale() -> None:
    for i in range(8):
        rng = np.random.default_rng(i)
        wave = record_wild(vowel(), Prosody(energy=9), rng, sample_wild_room(rng), sample_channel(rng))
        assert wave.dtype == np.float32 and np.isfinite(wave).all() and np.abs(wave).max() <= 1.2


def test_wild_talkers_keep_the_split_of_their_voice_and_vary_widely() -> None:
    train = talkers("train", "wild")
    assert {t.split for t in train} == {"train"} and not {t.voice for t in train} & {
        t.voice for t in talkers("test", "wild")
    }
    shifts = [t.f0_shift - VOICES[t.voice].f0_shift for t in train]
    assert max(shifts) > 4 and min(shifts) < -4
    assert talker(train[0].id) is train[0]
    assert all(t.domain != "wild" for t in talkers())


def test_a_wild_corpus_has_channels_in_its_truth_and_renders() -> None:
    specs = plan("wild")
    assert {s.domain for s in specs} == {"wild"}
    spec = next(s for s in specs if s.split == "test" and s.condition == "A")
    made = realise(spec)
    assert to_truth(spec, made)["channel"]["level_db"] == made.channel.level_db  # type: ignore[union-attr]
    wave, frames = render(spec)
    again, _ = render(spec)
    assert np.array_equal(wave, again) and frames.shape == (8, 64, 64, 3)


def test_domains_a_and_b_have_no_channel() -> None:
    made = realise(plan("smoke")[0])
    assert made.channel is None and "channel" not in to_truth(plan("smoke")[0], made)


def test_every_codec_is_one_that_the_ffmpeg_of_pyav_writes() -> None:
    av = pytest.importorskip("av")
    assert all(av.codec.Codec(name, "w") for name in channel.CODECS)
