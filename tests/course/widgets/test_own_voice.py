"""One's own recordings: kept whole, read back as a corpus, and the notebook's view over them."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile as sf
from emolab_course.recordings import Recordings, decode
from emolab_course.widgets.own_voice import voice_recorder

from emolab.corpora import manifest
from emolab.errors import CorpusError, MediaError

LABELS = ("calm", "tense", "bored")


def wave(seconds=1.0, pitch=200.0):
    time = np.arange(int(16_000 * seconds)) / 16_000
    return (0.3 * np.sin(2 * np.pi * pitch * time)).astype(np.float32)


def wav_bytes(samples, rate=16_000):
    buffer = io.BytesIO()
    sf.write(buffer, samples, rate, format="WAV")
    return buffer.getvalue()


def test_recordings_are_a_corpus_that_the_manifest_loader_reads(tmp_path):
    mine = Recordings(tmp_path / "mine")
    mine.add(wave(), "calm", text="a, comma")
    mine.add(wav_bytes(wave(pitch=300.0)), "tense")
    corpus, report = manifest.load_manifest(mine.table, labels=LABELS)
    assert [(s.emotion, s.speaker, s.text) for s in corpus] == [("calm", "me", "a, comma"), ("tense", "me", None)]
    assert report.n_skipped == 0 and len(mine) == 2
    assert mine.labels() == ["calm", "tense"] and mine.missing(LABELS) == ["bored"]


def test_numbers_go_on_after_a_recording_was_deleted(tmp_path):
    mine = Recordings(tmp_path)
    mine.add(wave(), "calm")
    mine.add(wave(), "tense")
    (tmp_path / "take-001.wav").unlink()
    assert mine.add(wave(), "bored").audio.endswith("take-003.wav")


def test_a_label_can_be_changed_and_an_unknown_recording_is_named(tmp_path):
    mine = Recordings(tmp_path)
    mine.add(wave(), "calm")
    mine.relabel("take-001.wav", "bored")
    assert mine.rows()[0]["emotion"] == "bored"
    with pytest.raises(CorpusError, match=r"no recording 'take-009\.wav'"):
        mine.relabel("take-009.wav", "calm")


@pytest.mark.parametrize("sound", [b"not a sound", np.zeros(0, np.float32), np.full(10, np.nan, np.float32)])
def test_an_unusable_sound_is_refused_and_leaves_nothing(tmp_path, sound):
    mine = Recordings(tmp_path / "mine")
    with pytest.raises(MediaError):
        mine.add(sound, "calm")
    assert not mine.table.exists() and len(mine) == 0


def test_somebody_elses_table_is_not_overwritten(tmp_path):
    (tmp_path / "recordings.csv").write_text("file,label\na.wav,x\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="choose another folder"):
        Recordings(tmp_path).add(wave(), "calm")
    assert (tmp_path / "recordings.csv").read_text(encoding="utf-8") == "file,label\na.wav,x\n"


def test_a_recording_at_another_rate_is_heard_at_16_khz():
    assert len(decode(wav_bytes(wave(), rate=8_000))) == pytest.approx(32_000, abs=2)


def predicted(note=""):
    return {"label": "tense", "distribution": {"calm": 0.1, "tense": 0.8, "bored": 0.1}, "note": note}


def test_the_view_predicts_and_keeps_what_its_buttons_say(tmp_path):
    heard = []
    mine = Recordings(tmp_path / "mine")
    view = voice_recorder(mine, LABELS, lambda w: heard.append(len(w)) or predicted("unlike <the> training data"))
    parts = view.parts
    assert parts["keep"].disabled
    parts["microphone"].data = wav_bytes(wave(1.5))
    assert heard == [24_000]
    assert "<b>tense</b>" in parts["answer"].value and "unlike &lt;the&gt; training data" in parts["answer"].value
    assert parts["keep"].disabled  # no label chosen yet
    parts["truth"].value = "bored"
    assert not parts["keep"].disabled
    parts["keep"].click()
    assert mine.rows() == [{"audio": "take-001.wav", "emotion": "bored", "speaker": "me", "text": ""}]
    assert parts["keep"].disabled and "1 bored" in parts["kept"].value


def test_the_view_shows_why_and_names_a_broken_sound(tmp_path):
    view = voice_recorder(Recordings(tmp_path), LABELS, lambda w: predicted(), explain=lambda w: "<p>the middle</p>")
    view.handle(wav_bytes(wave()))
    view.parts["why"].click()
    assert view.parts["answer"].value.endswith("<p>the middle</p>")
    view.handle(b"RIFF broken")
    assert "this recording" in view.parts["answer"].value and view.parts["why"].disabled
