"""`emolab predict` on files that people have: every bad one is named, the good ones are still answered."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from PIL import Image
from typer.testing import CliRunner

from emolab.cli import predict as command
from emolab.emotions import EMOTIONS

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch, tiny: None, model: Any) -> None:
    """Answers of few tokens."""
    generate = type(model).generate
    monkeypatch.setattr(type(model), "generate", lambda self, b, **k: generate(self, b, **{**k, "max_new_tokens": 4}))


def run(*arguments: object) -> tuple[int, dict[str, Any], str]:
    app = typer.Typer()
    command.register(app)
    result = CliRunner().invoke(app, ["predict", *map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout), result.stderr


def voice(seconds: float = 0.5, rate: int = 16_000, channels: int = 1) -> np.ndarray:
    wave = 0.2 * np.sin(2 * np.pi * 150 * np.arange(int(seconds * rate)) / rate) + RNG.normal(
        0, 0.01, int(seconds * rate)
    )
    return np.stack([wave] * channels, axis=1) if channels > 1 else wave


def bad_files(folder: Path) -> dict[str, Path]:
    """A file for each way of being unusable."""
    files = {name: folder / f"{name}.wav" for name in ("corrupt", "empty", "nan", "hour", "missing", "text", "folder")}
    files["corrupt"].write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(range(40)))
    files["empty"].write_bytes(b"")
    files["text"].write_text("<html>not found</html>")
    files["folder"].mkdir()
    files["not-utf8"] = folder / os.fsdecode(b"not-utf8\xff.wav")
    files["not-utf8"].write_bytes(b"RIFF")
    soundfile.write(files["nan"], np.full(8000, np.nan, np.float32), 16_000, subtype="FLOAT")
    soundfile.write(files["hour"], np.zeros(3600 * 4000, np.int16), 4000)
    return files


def test_usable_files_of_every_kind_are_answered(tmp_path):
    kinds = {"plain": (16_000, 1), "stereo": (16_000, 2), "telephone": (8000, 1), "studio": (96_000, 1)}
    for name, (rate, channels) in kinds.items():
        soundfile.write(tmp_path / f"{name}.wav", voice(rate=rate, channels=channels), rate)
    soundfile.write(tmp_path / "music.flac", voice(), 16_000)
    status, result, _ = run(*sorted(tmp_path.iterdir()))
    assert status == 0 and result["failed"] == 0 and result["n"] == 5
    for row in result["files"]:
        assert row["label"] in EMOTIONS and sum(row["distribution"].values()) == pytest.approx(1.0)
        assert row["label_from"] in ("answer", "distribution") and row["seconds"] == pytest.approx(0.5, abs=0.01)


def test_bad_files_are_each_named_and_do_not_stop_the_others(tmp_path):
    bad = bad_files(tmp_path)
    good = tmp_path / "good.wav"
    soundfile.write(good, voice(), 16_000)
    status, result, _ = run(*bad.values(), good)
    assert status == 1 and result["failed"] == len(bad) and result["n"] == len(bad) + 1
    errors = {Path(r["file"]).stem: r["error"] for r in result["files"] if "error" in r}
    assert "its name is not UTF-8; rename the file" in errors.pop("not-utf8\udcff")
    assert set(errors) == set(bad) - {"not-utf8"}
    for name, message in errors.items():
        assert str(bad[name]) in message and len(message) > len(str(bad[name])) + 10
    assert "label" in result["files"][-1]


def test_silence_is_answered_with_a_warning(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    status, result, _ = run(tmp_path / "silent.wav")
    assert status == 0 and any("silen" in w for w in result["files"][0]["warnings"])


def test_own_labels_and_calibration(tmp_path):
    soundfile.write(tmp_path / "a.wav", voice(), 16_000)
    status, result, _ = run(
        tmp_path / "a.wav", "--labels", "bored, excited", "--calibration", "contextual", "--text", "hello there"
    )
    assert status == 0 and set(result["files"][0]["distribution"]) == {"bored", "excited"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--labels", "sad"), "no label set 'sad'"),
        (("--labels", "sad, Sad"), "same label"),
        (("--labels", "sad,"), "cannot be a label"),
        (("--calibration", "mean"), "none or contextual"),
        (("b.wav", "--text", "x"), "one by one"),
    ],
)
def test_unusable_options_are_one_line(tmp_path, arguments, message):
    status, result, _ = run("a.wav", *arguments)
    assert status == 1 and message in result["error"]


def test_for_a_person_it_prints_one_line_a_file(tmp_path):
    soundfile.write(tmp_path / "a.wav", voice(), 16_000)
    app = typer.Typer()
    command.register(app)
    shown = CliRunner().invoke(app, ["predict", str(tmp_path / "a.wav"), str(tmp_path / "none.wav")])
    assert shown.exit_code == 1 and shown.stdout.count("%") == 3 and "none.wav" in shown.stderr


def test_a_face_is_shown_to_a_model_that_sees(tmp_path, monkeypatch, model):
    soundfile.write(tmp_path / "a.wav", voice(), 16_000)
    frames = RNG.integers(0, 255, (64, 64 * 8, 3), np.uint8)
    Image.fromarray(frames).save(tmp_path / "face.png")
    seen = []
    encode = type(model).encode

    def watched(self, samples, prompt, **options):
        seen.append(samples[0].video)
        return encode(self, samples, prompt, **options)

    monkeypatch.setattr(type(model), "encode", watched)
    status, _, _ = run(tmp_path / "a.wav", "--video", tmp_path / "face.png")
    assert status == 0 and seen[0] == str(tmp_path / "face.png")
    status, result, _ = run(tmp_path / "a.wav", "--video", tmp_path / "no.png")
    assert status == 1 and "no.png" in result["files"][0]["error"]


def test_words_and_captions_are_given_beside_a_label(tmp_path):
    soundfile.write(tmp_path / "a.wav", voice(), 16_000)
    for prompt, key in (("words", "words"), ("caption", "caption")):
        _, result, _ = run(tmp_path / "a.wav", "--prompt", prompt)
        row = result["files"][0]
        assert key in row and row["label"] in EMOTIONS
        assert sum(row["distribution"].values()) == pytest.approx(1.0)


def test_a_file_is_decoded_once(tmp_path, monkeypatch):
    from emolab.media import audio

    soundfile.write(tmp_path / "a.wav", voice(), 16_000)
    opened, blocks = [], audio.open_blocks
    monkeypatch.setattr(audio, "open_blocks", lambda path, most: opened.append(path) or blocks(path, most))
    assert run(tmp_path / "a.wav")[0] == 0 and opened == [tmp_path / "a.wav"]


def test_a_file_a_wave_and_a_sample_are_answered_alike(tmp_path, model):
    from emolab.evaluate.predict import predict
    from emolab.samples import EmotionSample

    wave = voice().astype(np.float32)
    soundfile.write(tmp_path / "a.wav", wave, 16_000, subtype="FLOAT")
    sample = EmotionSample("a", audio=str(tmp_path / "a.wav"))
    answers = [predict(model, given) for given in (tmp_path / "a.wav", wave, sample)]
    for answer in answers:
        assert answer["distribution"] == pytest.approx(answers[0]["distribution"], abs=1e-6)
        assert answer["windows"] == 1 and answer["likeness"] is None and answer["note"] == ""
    asked = predict(model, sample, labels="calm, tense, bored")
    assert set(asked["distribution"]) == {"calm", "tense", "bored"} and asked["label"] in asked["distribution"]


def test_a_clip_longer_than_the_model_hears_is_answered_from_windows(tmp_path, model, monkeypatch):
    from emolab.evaluate.predict import predict

    wave = voice(2.0).astype(np.float32)
    halves = [predict(model, part)["distribution"] for part in np.split(wave, 2)]
    monkeypatch.setattr(type(model), "max_seconds", property(lambda self: 1.0))
    whole = predict(model, wave)
    assert whole["windows"] == 2 and whole["seconds"] == 2.0
    for label, probability in whole["distribution"].items():
        assert probability == pytest.approx(np.mean([half[label] for half in halves]), abs=1e-5)


def test_a_clip_unlike_the_training_data_says_so(tmp_path, model, monkeypatch):
    from emolab.lalm.likeness import Likeness

    soundfile.write(tmp_path / "a.wav", voice(), 16_000)
    far = {"distance": 4.0, "threshold": 1.5, "quantile": 0.95, "as_far": 0.0, "unlike": True, "source": "x"}
    monkeypatch.setitem(vars(model), "likeness", Likeness.of(RNG.normal(size=(9, 64)), [None] * 9, [None] * 9))
    monkeypatch.setattr(Likeness, "judge", lambda self, embedding: far)
    _, result, _ = run(tmp_path / "a.wav")
    row = result["files"][0]
    assert row["likeness"] == far and "distance 4.0, and 95% of held-out clips lie below 1.5" in row["note"]
    app = typer.Typer()
    command.register(app)
    shown = " ".join(CliRunner().invoke(app, ["predict", str(tmp_path / "a.wav")]).stdout.split())
    assert "note: this clip is unlike the clips that the model was trained on" in shown and "a.wav: withheld (" in shown
    monkeypatch.setattr(Likeness, "judge", lambda self, embedding: far | {"unlike": False})
    shown = " ".join(CliRunner().invoke(app, ["predict", str(tmp_path / "a.wav")]).stdout.split())
    assert f"a.wav: {row['label']} (" in shown and "withheld" not in shown and "note" not in shown


def test_scores_that_are_no_numbers_are_one_line(tmp_path, model, monkeypatch):
    import torch

    soundfile.write(tmp_path / "a.wav", voice(), 16_000)
    weight = model.head.weight
    kept = weight.detach().clone()
    try:
        with torch.no_grad():
            weight[:3] = float("nan")
        status, result, _ = run(tmp_path / "a.wav")
    finally:
        with torch.no_grad():
            weight.copy_(kept)
    assert status == 1 and "its weights are damaged" in result["files"][0]["error"]


def test_the_microphone_is_recorded_or_its_absence_is_one_line(tmp_path, monkeypatch):
    from emolab.cli.predict import record
    from emolab.media import microphone

    status, result, _ = run()
    assert status == 1 and "--mic" in result["error"]
    monkeypatch.setattr(microphone, "_sounddevice", lambda: FakeDevice())
    status, result, stderr = run("--mic", "--seconds", 0.5)
    assert status == 0 and result["files"][0]["file"] == "recording" and "speak now" in stderr
    app = typer.Typer()
    app.command("record")(record)
    made = CliRunner().invoke(app, [str(tmp_path / "mine.wav"), "--seconds", "0.5", "--json"])
    assert made.exit_code == 0 and soundfile.info(tmp_path / "mine.wav").frames == 8000
    for arguments, message in (
        ([str(tmp_path / "mine.mp3"), "--seconds", "0.5"], ".wav or .flac"),
        ([str(tmp_path / "mine.wav"), "--seconds", "99"], "between 0.1 and 30"),
        ([str(tmp_path / "no" / "mine.wav"), "--seconds", "0.5"], "cannot be written"),
    ):
        failed = CliRunner().invoke(app, arguments)
        assert failed.exit_code == 1 and message in failed.output


def test_without_a_device_recording_says_what_to_install(monkeypatch):
    import builtins
    import sys

    from emolab.errors import MediaError
    from emolab.media import microphone

    found = builtins.__import__
    for error, message in ((ImportError(), r"emolab\[mic\]"), (OSError("no library"), "libportaudio2")):

        def missing(name, *rest, error=error):
            if name == "sounddevice":
                raise error
            return found(name, *rest)

        monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
        monkeypatch.setattr(builtins, "__import__", missing)
        with pytest.raises(MediaError, match=message):
            microphone.record(0.5)
    monkeypatch.undo()
    monkeypatch.setattr(microphone, "_sounddevice", lambda: FakeDevice(level=0.0))
    with pytest.raises(MediaError, match="only zeros"):
        microphone.record(0.5)
    monkeypatch.setattr(microphone, "_sounddevice", lambda: FakeDevice(broken=True))
    with pytest.raises(MediaError, match="cannot be read"):
        microphone.record(0.5)


class FakeDevice:
    """What `sounddevice` looks like to the recorder."""

    PortAudioError = RuntimeError

    def __init__(self, level: float = 0.1, broken: bool = False) -> None:
        self.level, self.broken = level, broken

    def rec(self, frames, samplerate, channels, dtype):
        if self.broken:
            raise self.PortAudioError("no default input device")
        return (self.level * RNG.normal(size=(frames, channels))).astype(dtype)

    def wait(self):
        """Recording is over at once."""


def test_the_help_says_where_this_must_not_be_used():
    app = typer.Typer()
    command.register(app)
    shown = " ".join(CliRunner().invoke(app, ["predict", "--help"]).stdout.split())
    assert "EU AI Act" in shown and "notebook 00" in shown


def test_what_an_answer_says_is_read_by_its_style():
    from emolab.evaluate.predict import said_in

    words = said_in("<think>a sharp voice</think><answer>hostile, sad</answer>", "words")
    assert words == {"label": "sad", "words": ("hostile", "sad")}, "a label by name comes first"
    caption = said_in("<answer>The speaker feels overjoyed. One hears a high voice.</answer>", "caption")
    assert caption["label"] == "happy" and caption["caption"].startswith("The speaker")
    assert said_in("<answer>furious, hostile</answer>", "words")["label"] == "angry", "by the clusters that they share"
    assert said_in("<answer>blue cheese</answer>", "words")["label"] is None
    assert said_in("<answer>glad</answer>", "direct") == {"label": "happy"}
