"""`emolab attribute` as a person types it, on a tiny random Qwen2-Audio of the real classes, saved as a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from attribution_helpers import model
from typer.testing import CliRunner

from emolab.emotions import EMOTIONS
from emolab.samples import Corpus, EmotionSample


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Qwen2-Audio checkpoint, a corpus of donors, and a stereo file at 44.1 kHz of a person's own."""
    root = tmp_path_factory.mktemp("qwen")
    model("qwen2_audio").save(root / "qwen2-audio")
    rng, samples = np.random.default_rng(0), []
    (root / "corpus").mkdir()
    for i, emotion in enumerate(EMOTIONS):
        soundfile.write(root / "corpus" / f"{i}.wav", rng.normal(0, 0.1, 9600), 16_000)
        text = f"it was number {i}"
        samples.append(EmotionSample(f"s{i}", f"{i}.wav", None, text, emotion, f"t{i}", "train"))
    Corpus(root / "corpus", samples).write(root / "corpus" / "table.jsonl")
    soundfile.write(root / "mine.flac", rng.normal(0, 0.1, (44_100, 2)), 44_100)
    return root


def attribute(*arguments: object) -> dict[str, Any]:
    from emolab.cli.attribute import attribute as command

    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("options", [(), ("--absence", "mean", "--method", "integrated gradients")])
def test_a_persons_own_file_with_qwen2_audio(place, options):
    own = ("--text", "well, that is it", "--model", place / "qwen2-audio", "--corpus", place / "corpus")
    found = attribute(place / "mine.flac", *own, *options)
    assert set(found["phi"]) == {"audio", "text"} and set(found["players"]) == {"word", "window", "spoken"}
    assert found["label"] in EMOTIONS and sum(found["distribution"].values()) == pytest.approx(1.0, abs=1e-5)
    assert [p["name"] for p in found["players"]["word"]] == ["well,", "that", "is", "it"]
    assert found["players"]["window"][-1]["t1"] == pytest.approx(1.0, abs=0.05)
    if not options:
        assert sum(found["phi"].values()) == pytest.approx(found["full"] - found["empty"], abs=1e-5)
        assert all(p["error"] >= 0 for p in found["players"]["window"])


def test_a_file_without_words_and_without_donors(place):
    found = attribute(place / "mine.flac", "--model", place / "qwen2-audio", "--absence", "silence", "--label", "sad")
    assert set(found["phi"]) == {"audio"} and set(found["players"]) == {"window"} and found["label"] == "sad"


def test_a_clip_longer_than_the_model_takes_is_explained_by_its_windows(place):
    """φ of the file is the mean over its windows, and parts keep their times in the file."""
    soundfile.write(place / "long.wav", np.random.default_rng(1).normal(0, 0.1, 6 * 16_000), 16_000)
    options = ("--model", place / "qwen2-audio", "--absence", "silence")
    found = attribute(place / "long.wav", *options)
    assert found["windows"] == 2 and found["label"] in EMOTIONS
    assert sum(found["phi"].values()) == pytest.approx(found["full"] - found["empty"], abs=1e-5)
    times = [part["t0"] for part in found["players"]["window"]]
    assert times == sorted(times) and found["players"]["window"][-1]["t1"] == pytest.approx(6.0, abs=0.2)
