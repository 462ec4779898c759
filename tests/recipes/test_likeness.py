"""A checkpoint holds how far clips lie from its training clips."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile

from benchmarks.tiny_models import noise_samples, tiny_random
from emolab.lalm.likeness import FILE, likeness_of
from emolab.recipes.stages import Stages
from emolab.samples import Corpus, EmotionSample


@pytest.fixture
def voices(tmp_path: Path) -> Corpus:
    """Twelve recordings of noise by four speakers."""
    for i, sample in enumerate(noise_samples(12, (1.0,))):
        soundfile.write(tmp_path / f"{i}.wav", sample.extra["waveform"], 16_000)
    rows = [EmotionSample(str(i), f"{i}.wav", None, f"text {i}", "sad", f"s{i % 4}", "train") for i in range(12)]
    return Corpus(tmp_path, rows, "mine")


def stages(train: Corpus | None, tmp_path: Path, model: Any) -> Stages:
    return Stages(SimpleNamespace(), SimpleNamespace(out=tmp_path), Corpus(Path(), []), None, model, train=train)


def test_likeness_is_written_from_the_training_clips_that_have_a_voice(tmp_path, voices):
    model = tiny_random()
    stages(voices, tmp_path, model).note_likeness(tmp_path / "sft", model)
    known = likeness_of(model, tmp_path / "sft")
    assert known is not None and known.source == "mine, 12 clips" and len(known.held_out) >= 1
    stages(voices.replace(voices.samples[:5]), tmp_path, model).note_likeness(tmp_path / "few", model)
    stages(None, tmp_path, model).note_likeness(tmp_path / "none", model)
    assert not (tmp_path / "few" / FILE).exists() and not (tmp_path / "none").exists()
