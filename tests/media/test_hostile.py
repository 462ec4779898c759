"""More than a hundred hostile files: each a clear error or a usable wave, none a crash, a hang or a memory blow-up."""

from __future__ import annotations

import json
import time
import tracemalloc

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from emolab.cli.corpus import register
from emolab.errors import MediaError
from emolab.media import SAMPLE_RATE, audio_of, check_audio, load_audio, load_frames, probe
from emolab.media.usable import look
from emolab.samples import EmotionSample

SECONDS = 5.0


def outcome(function, path):
    started = time.perf_counter()
    try:
        value = function(path)
    except MediaError as error:
        value = error
    assert time.perf_counter() - started < SECONDS, path
    return value


def test_each_file_gives_its_documented_result(hostile):
    folder, expected = hostile
    for name, wanted in expected.items():
        result = outcome(load_audio, folder / name)
        if isinstance(result, MediaError):
            assert wanted != "loads", str(result)
            assert str(folder / name)[:100] in str(result)
            assert ";" in str(result), f"says what to do: {result}"
        else:
            assert wanted != "fails", name
            assert result.dtype == np.float32 and result.ndim == 1 and np.isfinite(result).all()
            assert 0.02 * SAMPLE_RATE < len(result) < 600 * SAMPLE_RATE


def test_every_other_reader_only_raises_media_errors(hostile):
    folder, expected = hostile
    for name in expected:
        for reader in (probe, look, lambda path: load_frames(path, max_frames=3)):
            outcome(reader, folder / name)


def test_check_audio_never_raises_and_agrees_with_load_audio(hostile):
    folder, expected = hostile
    for name, wanted in expected.items():
        found = outcome(check_audio, folder / name)
        assert wanted == "either" or (found.error is None) == (wanted == "loads")
        json.dumps(found.summary(), allow_nan=False)
    assert check_audio(folder / "silent.wav").silent
    assert not check_audio(folder / "silent.wav").ok
    assert check_audio(folder / "clipped.wav").clipped


def test_an_hour_is_refused_without_reading_it(hostile):
    folder, _ = hostile
    tracemalloc.start()
    for name in ("hour.wav", "hour_stream.wav", "hour.flac", "channels_64.wav"):
        outcome(load_audio, folder / name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 120e6
    assert "cut it into utterances" in str(outcome(load_audio, folder / "hour.wav"))


def test_commands_report_them_all_without_a_traceback(hostile):
    folder, expected = hostile
    app = typer.Typer()
    register(app)
    manifest = folder / "mine.csv"
    manifest.write_text("path,label\n" + "".join(f"{name},sad\n" for name in expected))
    for check in ("header", "decode"):
        run = CliRunner().invoke(app, ["load", "manifest", str(manifest), "--check", check, "--json"])
        assert run.exit_code == 0, run.output
        result = json.loads(run.stdout)
        assert result["found"] + sum(result["skipped"].values()) == len(expected)
    must_fail = {name for name, wanted in expected.items() if wanted == "fails"} - {"mute.mp4"}  # a video still
    told = " ".join(item for items in result["items"].values() for item in items)
    assert all(name[:100] in told for name in must_fail)


def test_a_path_outside_the_root_is_refused_before_it_is_opened(tmp_path):
    app = typer.Typer()
    register(app)
    for path in ("/dev/zero", "../../etc/passwd", "a/../../b.wav"):
        row = {"id": "1", "audio": path}
        (tmp_path / "table.jsonl").write_text(json.dumps(row) + "\n")
        run = CliRunner().invoke(app, ["verify", str(tmp_path), "--json"])
        assert run.exit_code == 1
        assert "leads out of" in json.loads(run.stdout)["error"]


def test_a_sample_without_audio_or_with_a_bad_waveform():
    with pytest.raises(MediaError, match="no audio"):
        audio_of(EmotionSample("1", text="hi"))
    for wave in (np.zeros((2, 5)), np.zeros(0), np.array([np.nan])):
        with pytest.raises(MediaError, match="waveform"):
            audio_of(EmotionSample("1", extra={"waveform": wave}))
