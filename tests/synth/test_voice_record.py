"""Utterances, recordings and their frame-by-frame truth: the same bytes in any order, levels and times as stated."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from emolab_synth import seeds
from emolab_synth.prosody import BASE, sample_any, shifted
from emolab_synth.vocoder import SAMPLE_RATE
from emolab_synth.voice import Room, Utterance, ground_truth, record, sample_room, utter

from emolab.errors import SynthError

DRY = Room(snr_db=None)


def seed_of(voice: str = "m02", number: int = 1) -> seeds.Seed:
    return seeds.shipped(voice, seeds.shipped_sentences(voice)[number])


def spoken(**cues: float) -> Utterance:
    return utter(seed_of(), shifted(BASE, **cues), np.random.default_rng(0))


def digest(job: tuple[str, int, int]) -> str:
    voice, number, uid = job
    rng = np.random.default_rng([5, uid])
    prosody, room = sample_any(rng), sample_room(rng, "ab"[uid % 2])
    wave = record(utter(seed_of(voice, number), prosody, rng, 1.5, 1.03).wave, prosody, rng, room)
    return hashlib.sha256(wave.tobytes()).hexdigest()


def test_the_same_bytes_twice_and_in_another_order() -> None:
    jobs = [("m02", 1, 0), ("f05", 3, 1), ("m02", 4, 2), ("f05", 3, 3)]
    first = [digest(j) for j in jobs]
    seeds.shipped.cache_clear()
    seeds._voice_wave.cache_clear()
    assert [digest(j) for j in reversed(jobs)][::-1] == first
    assert len(set(first)) == len(jobs)


def test_extreme_prosody_gives_a_usable_recording() -> None:
    for uid in range(12):
        rng = np.random.default_rng(uid)
        prosody = sample_any(rng)
        wave = record(utter(seed_of("f10", uid), prosody, rng, 3.0, 1.1).wave, prosody, rng, sample_room(rng, "b"))
        assert wave.dtype == np.float32 and np.isfinite(wave).all()
        assert 0.003 < np.abs(wave).max() <= 1.0 and 0.6 < len(wave) / SAMPLE_RATE < 7


@pytest.mark.parametrize("energy", [-5.0, 0.0, 6.0])
def test_level_is_the_rooms_plus_the_prosodys(energy: float) -> None:
    made = spoken(energy=energy)
    wave = record(made.wave, made.prosody, np.random.default_rng(1), Room(snr_db=None, lead=0, tail=0, level_db=-30))
    assert 10 * np.log10((wave.astype(float) ** 2).mean()) == pytest.approx(-30 + energy, abs=0.3)


def test_noise_is_as_far_below_the_neutral_level_as_stated() -> None:
    made = spoken(energy=-4.0)
    room = Room(snr_db=20.0, lead=0.5, level_db=-30)
    lead = record(made.wave, made.prosody, np.random.default_rng(1), room)[: int(0.45 * SAMPLE_RATE)].astype(float)
    assert 10 * np.log10((lead**2).mean()) == pytest.approx(-50, abs=1.0)


def test_a_recording_lasts_as_long_as_the_voice_and_its_room() -> None:
    made = spoken()
    wave = record(made.wave, made.prosody, np.random.default_rng(1), Room(lead=0.1, tail=0.2, rt60=0.3))
    assert len(wave) == len(made.wave) + int(0.3 * SAMPLE_RATE)


def test_a_dull_microphone_takes_the_highs() -> None:
    made = spoken()

    def highs(band: float | None) -> float:
        wave = record(made.wave, made.prosody, np.random.default_rng(1), Room(band_hz=band))
        power = np.abs(np.fft.rfft(wave)) ** 2
        return float(power[int(0.8 * len(power)) :].sum() / power.sum())

    assert highs(4000.0) < 0.05 * highs(None)


def test_loud_peaks_are_bent_and_never_clipped() -> None:
    made = spoken(energy=9.0)
    wave = record(made.wave, made.prosody, np.random.default_rng(1), Room(snr_db=None, level_db=-26))
    assert 0.8 < np.abs(wave).max() < 1.0
    assert np.abs(record(made.wave, made.prosody, np.random.default_rng(1), Room(level_db=0))).max() <= 1.0


def test_rooms_of_domain_b_are_noisier() -> None:
    def mean_snr(domain: str) -> float:
        rng = np.random.default_rng(0)
        return float(np.mean([sample_room(rng, domain).snr_db for _ in range(200)]))

    assert mean_snr("b") < mean_snr("a") - 5
    with pytest.raises(SynthError, match="'c'"):
        sample_room(np.random.default_rng(0), "c")


@pytest.mark.parametrize("hop", [0.01, 0.04])
def test_truth_has_one_row_per_frame_of_the_recording(hop: float) -> None:
    made = spoken()
    room = Room(lead=0.13, tail=0.2)
    seconds = len(record(made.wave, made.prosody, np.random.default_rng(0), room)) / SAMPLE_RATE
    truth = ground_truth(made, hop, room.lead, seconds)
    assert {len(v) for v in truth.values()} == {int(np.ceil(seconds / hop - 1e-6))}
    before = truth["voiced"][: int(0.13 / hop)]
    assert not before.any() and (truth["energy"][: int(0.13 / hop)] < -20).all()
    assert ((truth["f0"] > 0) == truth["voiced"]).all()
    assert truth["phone"].min() == 0 and truth["phone"].max() < len(seeds.PHONE_CLASSES)


def test_truth_follows_the_prosody() -> None:
    low, high = ground_truth(spoken(f0=-2)), ground_truth(spoken(f0=4))
    both = low["voiced"] & high["voiced"]
    assert np.median((high["f0"] - low["f0"])[both]) == pytest.approx(0.5, abs=0.02)
    assert np.median((high["semitones"] - low["semitones"])[both]) == pytest.approx(6, abs=0.2)
    loud, bright = ground_truth(spoken(energy=5)), ground_truth(spoken(tilt=2))
    plain = ground_truth(spoken())
    assert np.median((loud["energy"] - plain["energy"])[plain["voiced"]]) == pytest.approx(5, abs=0.2)
    assert np.median((bright["tilt"] - plain["tilt"])[plain["voiced"]]) == pytest.approx(2, abs=0.2)


def test_the_truth_of_f0_is_what_a_tracker_finds() -> None:
    from emolab.media.pitch import track_f0

    made = spoken(f0=2.0)
    wave = record(made.wave, made.prosody, np.random.default_rng(0), Room(lead=0.1, snr_db=40))
    truth = ground_truth(made, 0.01, 0.1, len(wave) / SAMPLE_RATE)
    found = track_f0(wave, 0.01)[: len(truth["f0"])]
    both = (found > 0) & truth["voiced"][: len(found)]
    assert both.sum() > 0.85 * truth["voiced"].sum()
    assert np.median(np.abs(12 * (np.log2(found[both]) - truth["f0"][: len(found)][both]))) < 0.2


def test_words_move_with_the_rate_and_the_pauses() -> None:
    fast, slow = spoken(rate=0.3, pause=0), spoken(rate=-0.3, pause=0)
    assert [w for _, w in fast.words] == [w for _, w in slow.words]
    assert slow.words[-1][0] > 1.3 * fast.words[-1][0]
    assert slow.seconds > slow.words[-1][0] and spoken(pause=60).seconds > spoken(pause=0).seconds


def test_a_dry_room_adds_nothing() -> None:
    made = spoken()
    wave = record(made.wave, made.prosody, np.random.default_rng(0), DRY)
    assert not wave[: int(DRY.lead * SAMPLE_RATE)].any()
