"""The shipped seeds: complete for every plan, readable, small, and split as their talkers are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from emolab_synth import seeds
from emolab_synth.espeak import Phone, Speech, Word
from emolab_synth.plan import plan
from emolab_synth.talkers import TALKERS, VOICES, talker, talkers
from emolab_synth.text import sentence, sentences_of

from emolab.errors import SynthError


@pytest.mark.parametrize("voice", list(VOICES))
def test_a_voice_says_exactly_its_sentences(voice: str) -> None:
    wanted = sentences_of(voice, VOICES[voice].split, VOICES[voice].domain)
    assert seeds.shipped_sentences(voice) == tuple(s.id for s in wanted), "run data_scripts/make_seeds.py"
    assert [seeds.index()[voice][s.id]["text"] for s in wanted] == [s.text for s in wanted]
    speech = seeds.shipped_speech(voice, wanted[-1].id)
    assert np.isfinite(speech.wave).all() and 0.5 < len(speech.wave) / speech.rate < 4.5
    assert 0.02 < np.abs(speech.wave).max() <= 1.0


def test_every_sample_of_every_size_has_its_seed() -> None:
    for size in ("smoke", "course", "full"):
        missing = {
            (s.talker.voice, s.sentence.id)
            for s in plan(size)
            if s.sentence.id not in seeds.shipped_sentences(s.talker.voice)
        }
        assert not missing


def test_held_out_talkers_share_neither_voice_nor_sentence_with_training() -> None:
    for voice in VOICES.values():
        folds = {sentence(s).fold for s in seeds.shipped_sentences(voice.id)}
        assert folds == {voice.split}
    variant = {v.id: v.espeak.split("+")[1] for v in VOICES.values()}
    assert len(set(variant.values())) == len(variant)


def test_talkers_inherit_from_their_voice() -> None:
    assert len(TALKERS) == 4 * len(VOICES)
    assert [len(talkers(split, "a")) for split in ("train", "val", "test")] == [48, 8, 16]
    assert [len(talkers(split, "b")) for split in ("train", "test")] == [12, 12]
    assert all(t.split == VOICES[t.voice].split and t.domain == VOICES[t.voice].domain for t in TALKERS.values())
    assert len({(t.f0_shift, t.warp) for t in TALKERS.values() if t.voice == "m01"}) == 4
    with pytest.raises(SynthError, match="m99p"):
        talker("m99p")


def test_the_seeds_are_small() -> None:
    files = list(seeds.DATA.iterdir())
    assert max(f.stat().st_size for f in files) < 1 << 20
    assert sum(f.stat().st_size for f in files) < 9_000_000


def test_a_seed_knows_its_words_phones_and_pitch() -> None:
    name = next(s for s in seeds.shipped_sentences("f03") if "-neu-" in s)
    seed = seeds.shipped("f03", name)
    text = seeds.index()["f03"][name]["text"]
    said = [word for _, word in seed.words]  # espeak-ng runs some short words together
    assert said[0] == text.split()[0] and set(said) <= set(text.replace(",", "").rstrip(".").split())
    assert len(said) >= 0.6 * len(text.split())
    assert 150 < seed.f0 < 260 and 0.4 < seed.voiced.mean() < 0.95
    assert len(seed.stress) >= 2 and (np.diff([at for at, _ in seed.words]) > 0).all()
    vowels, silence = seed.phone == 1, seed.phone == 0
    assert seed.voiced[vowels].mean() > 0.8 > 0.5 > seed.voiced[silence].mean()
    assert np.median(seed.log_power[vowels].max(1)) > np.median(seed.log_power[silence].max(1)) + 2


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("tS", "voiceless fricative"),
        ("dZ", "voiced fricative"),
        ("I2", "vowel"),
        ("@L", "vowel"),
        ("t#", "voiceless stop"),
        ("N", "nasal"),
        ("r", "glide"),
        ("_:", "silence"),
    ],
)
def test_phone_classes(label: str, name: str) -> None:
    assert seeds.PHONE_CLASSES[seeds.phone_class(label)] == name


def made_up() -> Speech:
    rate = 22050
    t = np.arange(rate) / rate
    wave = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 9)) * 0.1
    return Speech(wave.astype(np.float32), rate, [Phone(0.0, 0.4, "a", 2), Phone(0.4, 1.0, "z", 0)], [Word(0.0, "ah")])


def test_packing_and_unpacking_keep_sound_and_marks() -> None:
    first, second = seeds.as_shipped([made_up(), made_up()])
    assert first.rate == 16000 and len(first.wave) == 16000
    assert [(p.start, p.end, p.label, p.stress) for p in second.phones] == [(0.0, 0.4, "a", 2), (0.4, 1.0, "z", 0)]
    assert second.words == [Word(0.0, "ah")]
    assert np.corrcoef(first.wave, seeds.to_16k(made_up()))[0, 1] > 0.98
    assert seeds.analyse(second).f0 == pytest.approx(140, rel=0.005)


def test_the_script_that_made_them_finds_them_up_to_date(tmp_path: Path) -> None:
    from data_scripts.make_seeds import up_to_date

    wanted = sentences_of("m07", "val", "a")
    assert up_to_date(VOICES["m07"], wanted, seeds.DATA)
    assert not up_to_date(VOICES["m07"], wanted[1:], seeds.DATA)
    assert not up_to_date(VOICES["m07"], wanted, tmp_path)


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(SynthError, match="m99"):
        seeds.shipped("m99", "a-neu-train-00")
    with pytest.raises(SynthError, match="b-neu-test-00"):
        seeds.shipped("m01", "b-neu-test-00")
    with pytest.raises(SynthError, match="nothing here: no voiced"):
        seeds.analyse(Speech(np.zeros(8000, np.float32), 16000), "nothing here")


def test_a_broken_installation_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "DATA", tmp_path)
    caches = (seeds.index, seeds._voice_wave)
    for cached in caches:
        cached.cache_clear()
    try:
        with pytest.raises(SynthError, match="reinstall"):
            seeds.index()
        (tmp_path / "m01.json").write_text(json.dumps({"x": {}}))
        (tmp_path / "m01.ogg").write_bytes(b"not sound")
        with pytest.raises(SynthError, match=r"m01\.ogg.*reinstall"):
            seeds.shipped_speech("m01", "x")
    finally:
        for cached in caches:
            cached.cache_clear()
