"""New sentences through espeak-ng: the same bytes each time, voices checked, and a clear word when it is missing."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from emolab_synth import espeak, espeak_worker
from emolab_synth.commands import register
from emolab_synth.say import say
from typer.testing import CliRunner

from emolab.errors import SynthError

TEXTS = ["The train is late.", "We have time!"]


@pytest.fixture(scope="module")
def bank() -> list[espeak.Speech]:
    pytest.importorskip("espeakng_loader", reason="the extra `voices` is not installed")
    return espeak.synth_bank("en-us+f1", 165, TEXTS)


def test_the_same_bytes_each_time(bank: list[espeak.Speech]) -> None:
    again = espeak.synth_bank("en-us+f1", 165, TEXTS)
    assert [s.wave.tobytes() for s in again] == [s.wave.tobytes() for s in bank]


def test_an_exclamation_is_spoken_as_a_statement(bank: list[espeak.Speech]) -> None:
    plain = espeak.synth_bank("en-us+f1", 165, [TEXTS[0], "We have time."])
    assert plain[1].wave.tobytes() == bank[1].wave.tobytes()


def test_speech_comes_with_words_and_phones(bank: list[espeak.Speech]) -> None:
    assert [w.text for w in bank[0].words] == ["The", "train", "is", "late"]
    starts = [p.start for p in bank[0].phones]
    assert starts == sorted(starts) and len(starts) >= 9
    assert any(p.stress == 2 for p in bank[0].phones)
    assert bank[0].phones[-1].end == pytest.approx(len(bank[0].wave) / bank[0].rate)


@pytest.mark.parametrize("voice", ["en-us+nobody", "xx-yy"])
def test_an_unknown_voice_is_refused(voice: str, bank: list[espeak.Speech]) -> None:
    with pytest.raises(SynthError, match="no voice"):
        espeak.synth_bank(voice, 165, TEXTS)


def test_without_espeak_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.CompletedProcess([], espeak_worker.NOT_INSTALLED, b"", b"")
    monkeypatch.setattr(espeak.subprocess, "run", lambda *a, **k: gone)
    with pytest.raises(SynthError, match=r"pip install emolab\[voices\]"):
        espeak.synth_bank("en-us", 165, TEXTS)


def test_the_worker_says_when_there_is_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(SystemExit) as stop:
        espeak_worker._library()
    assert stop.value.code == espeak_worker.NOT_INSTALLED


def test_a_long_data_path_is_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / ("long" * 40)
    data.mkdir()
    (data / "phontab").write_text("x")
    monkeypatch.setattr(espeak_worker.tempfile, "gettempdir", lambda: str(tmp_path))
    short = espeak_worker._short(str(data))
    assert len(short) < espeak_worker._LONGEST_DATA_PATH and (Path(short) / "phontab").read_text() == "x"
    assert espeak_worker._short("/usr/share/espeak") == "/usr/share/espeak"


def invoke(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    register(app)
    done = CliRunner().invoke(app, ["say", *arguments])
    return done.exit_code, done.output


def test_say_writes_a_new_sentence(tmp_path: Path, bank: list[espeak.Speech]) -> None:
    code, _ = invoke("The cat sat down.", str(tmp_path / "a.wav"), "--emotion", "sadness", "--intensity", "1")
    wave, rate = soundfile.read(tmp_path / "a.wav")
    assert code == 0 and rate == 16000 and 0.8 < len(wave) / rate < 4


def test_say_needs_no_espeak_for_a_shipped_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak.subprocess, "run", lambda *a, **k: pytest.fail("espeak-ng was started"))
    out = tmp_path / "b.flac"
    code, output = invoke("--seed-sentence", "a-neu-test-00", "--emotion", "happy", "--json", str(out))
    assert code == 0 and '"emotion": "happy"' in output and out.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("Hello there.",), "TEXT in quotes"),
        (("--seed-sentence", "nope", "o.wav"), "no shipped sentence"),
        (("Hello.", "o.mp3"), ".wav"),
        (("Hello.", "nowhere/o.wav"), "no folder"),
        (("...", "o.wav"), "nothing to say"),
        (("Hello.", "o.wav", "--emotion", "hungry"), "surprised"),
        (("Hello.", "o.wav", "--intensity", "2"), "between 0"),
        (("Hello.", "o.wav", "--talker", "bob"), "no talker 'bob'"),
    ],
)
def test_say_refuses_clearly(
    arguments: tuple[str, ...], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = invoke(*arguments)
    assert code == 1 and expected in output
    assert not list(tmp_path.iterdir())


def test_saying_is_seeded_and_a_studio_is_silent_around_the_voice() -> None:
    one, two, three = (say(sentence="a-neu-test-01", emotion="angry", seed=s, by="f08q") for s in (1, 1, 2))
    assert one.wave.tobytes() == two.wave.tobytes() != three.wave.tobytes()
    assert one.prosody != three.prosody and one.talker == "f08q"
    assert not np.any(say(sentence="a-neu-test-01", studio=True).wave[:500])
