"""What can be shown: every file looked at once, tracks that are not there, clips that are too long."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
from corpus_trees.media import clip, cut, garbage, image, wav

from emolab.errors import CorpusError, MediaError
from emolab.media import audio_of, frames_of, media_key, usable
from emolab.media.usable import cut as windows_of
from emolab.media.usable import look, majority, mean_log_probabilities, pool
from emolab.samples import Corpus, EmotionSample, resolve

usable_module = sys.modules["emolab.media.usable"]


@pytest.fixture
def corpus(tmp_path):
    wav(tmp_path / "good.wav", 1.0)
    wav(tmp_path / "long.wav", 5.0)
    cut(wav(tmp_path / "cut.wav", 1.0))
    garbage(tmp_path / "bad.wav")
    clip(tmp_path / "film.mp4")
    clip(tmp_path / "mute.mp4", audio=False)
    clip(tmp_path / "blind.mp4", video=False)
    samples = [
        EmotionSample(name, audio=f"{name}.wav", emotion="sad") for name in ("good", "long", "cut", "bad", "gone")
    ]
    samples += [EmotionSample(n, audio=f"{n}.mp4", video=f"{n}.mp4", emotion="sad") for n in ("film", "mute", "blind")]
    samples += [
        EmotionSample("face", video="mute.mp4", emotion="sad"),
        EmotionSample("words", text="oh", emotion="sad"),
    ]
    return Corpus(tmp_path, samples, "mixed")


def ids(found):
    return [sample.id for sample in found]


def test_what_cannot_be_shown_is_skipped_counted_and_named(corpus):
    found, report = usable(corpus, progress=False)
    assert ids(found) == ["good", "long", "film", "mute", "blind", "face", "words"]
    assert report.found == 7 and {k: len(v) for k, v in report.skipped.items()} == {"corrupt": 2, "missing": 1}
    assert all(
        any(name in item for items in report.skipped.values() for item in items)
        for name in ("cut.wav", "bad.wav", "gone.wav")
    )
    assert "missing (first: " in report.sentence() and "gone.wav" in report.sentence()


def test_tracks_that_a_file_does_not_have_are_not_shown(corpus):
    found, report = usable(corpus, progress=False)
    by_id = {sample.id: sample for sample in found}
    assert (by_id["mute"].audio, by_id["mute"].video) == (None, "mute.mp4")
    assert (by_id["blind"].audio, by_id["blind"].video) == ("blind.mp4", None)
    assert (by_id["film"].audio, by_id["film"].video) == ("film.mp4", "film.mp4")
    assert "mute.mp4: no audio track; shown as video only" in report.notes
    assert "blind.mp4: no video track; shown as audio only" in report.notes


@pytest.mark.parametrize(
    ("shown", "left"),
    [
        (("audio",), ["good", "long", "film", "blind"]),
        (("video",), ["film", "mute", "face"]),
        (("text",), ["words"]),
        (("audio", "text"), ["good", "long", "film", "blind", "words"]),
    ],
)
def test_only_what_the_prompt_shows_counts(corpus, shown, left):
    found, report = usable(corpus, shown, progress=False)
    assert ids(found) == left
    assert len(found) + report.n_skipped == len(corpus)


def test_long_clips_become_windows_of_equal_length_or_are_left_out(corpus):
    one = corpus.where(id=("good", "long"))
    found, report = usable(one, max_seconds=2.0, progress=False)
    assert ids(found) == ["good", "long#1", "long#2", "long#3"] and report.found == 2
    assert "long: 5.0 s, cut into 3 windows of 2 s at most" in report.notes
    whole = audio_of(resolve(one[1], one.root))
    parts = [audio_of(resolve(sample, one.root)) for sample in found[1:]]
    assert [len(part) for part in parts] == pytest.approx([26_667] * 3, abs=40)
    assert (np.concatenate(parts) == whole).all()
    assert len({media_key(resolve(sample, one.root), "audio") for sample in found}) == 4
    found, report = usable(one, max_seconds=2.0, long_clips="skip", progress=False)
    assert ids(found) == ["good"] and report.skipped == {"longer than 2 s": ["long.wav: 5.0 s"]}
    with pytest.raises(CorpusError, match="expected one of"):
        usable(one, long_clips="shrink")


def test_a_clip_as_long_as_the_limit_is_whole(corpus):
    found, _ = usable(corpus.where(id="long"), max_seconds=5.0, progress=False)
    assert ids(found) == ["long"]


def test_windows_of_a_film_show_their_own_frames(tmp_path):
    clip(tmp_path / "film.mp4", 4.0)
    sample = EmotionSample("f", audio=str(tmp_path / "film.mp4"), video=str(tmp_path / "film.mp4"))
    whole = frames_of(sample)
    halves = [frames_of(half) for half in windows_of(sample, 4.0, 2.0)]
    assert [len(half) for half in halves] == [16, 16] and (np.concatenate(halves) == whole).all()
    assert len(frames_of(windows_of(sample, 4.0, 2.0)[1], fps=2)) == 4


def test_windows_of_a_waveform_and_past_the_end():
    wave = np.arange(40_000, dtype=np.float32) / 40_000
    sample = EmotionSample("w", extra={"waveform": wave})
    found, _ = usable(Corpus(".", [sample]), max_seconds=1.0, progress=False)
    assert (np.concatenate([audio_of(part) for part in found]) == wave).all() and len(found) == 3
    late = replace(sample, extra={"waveform": wave, "audio_window": (5.0, 6.0)})
    with pytest.raises(MediaError, match="window starts at 5 s"):
        audio_of(late)


def test_a_changed_file_is_looked_at_again(tmp_path):
    path = wav(tmp_path / "a.wav")
    assert not look(path).reason and look(path) is look(path)
    garbage(path)
    assert look(path).reason == "corrupt"
    path.unlink()
    assert look(path).reason == "missing"


def test_images_have_no_clock(tmp_path):
    image(tmp_path / "strip.png")
    image(tmp_path / "frames/1.jpg")
    for name in ("strip.png", "frames"):
        assert look(tmp_path / name) == look(tmp_path / name, "header")
        assert (look(tmp_path / name).seconds, look(tmp_path / name).audio, look(tmp_path / name).video) == (
            None,
            False,
            True,
        )


def test_answers_about_windows_become_answers_about_clips():
    assert pool(["a", None, "a", "a", None], ["sad", "x", "happy", "sad", "y"], majority) == ["sad", "x", "y"]
    assert majority([None, None]) is None and majority(["b", "a", "a", "b"]) == "b"
    scores = [np.log([0.8, 0.2]), np.log([0.4, 0.6]) + 7]
    assert np.exp(mean_log_probabilities(scores)) == pytest.approx([0.6, 0.4])


def decoded(monkeypatch, limit):
    """Let `limit` files be decoded, and note which are."""
    seen = []
    real = usable_module.load_audio
    monkeypatch.setattr(usable_module, "DECODED", limit)
    monkeypatch.setattr(usable_module, "load_audio", lambda path: seen.append(path.name) or real(path))
    return seen


def flacs(folder, n):
    wave = np.random.default_rng(0).normal(0, 0.1, 16_000)
    for i in range(n):
        sf.write(folder / f"{i}.flac", wave, 16_000)
    return Corpus(folder, [EmotionSample(str(i), audio=f"{i}.flac") for i in range(n)], "coded")


def test_of_a_wav_the_header_is_enough(tmp_path, monkeypatch):
    seen = decoded(monkeypatch, 256)
    wav(tmp_path / "good.wav", 1.0)
    wav(tmp_path / "short.wav", 0.01)
    sf.write(tmp_path / "float.wav", np.zeros(16_000), 16_000, subtype="FLOAT")
    corpus = Corpus(tmp_path, [EmotionSample(n, audio=f"{n}.wav") for n in ("good", "short", "float")], "wavs")
    found, report = usable(corpus, progress=False)
    assert ids(found) == ["good", "float"] and seen == ["float.wav"]
    assert "0.010 s of audio, less than" in report.sentence()


def test_of_many_coded_files_some_are_decoded_and_the_report_says_how_many_are_not(tmp_path, monkeypatch):
    seen = decoded(monkeypatch, 4)
    found, report = usable(flacs(tmp_path, 13), progress=False)
    assert len(found) == 13 and sorted(seen) == ["0.flac", "12.flac", "4.flac", "8.flac"]
    assert report.notes == [
        "9 of 13 files were looked at by their headers; `emolab corpus verify --check decode` reads them all"
    ]


def test_where_one_of_them_is_faulty_all_are_decoded(tmp_path, monkeypatch):
    seen = decoded(monkeypatch, 4)
    corpus = flacs(tmp_path, 13)
    for name in ("4.flac", "5.flac"):
        cut(tmp_path / name)
    found, report = usable(corpus, progress=False)
    assert set(ids(found)) == {str(i) for i in range(13)} - {"4", "5"} and len(seen) == 13
    assert report.n_skipped == 2 and not report.notes
