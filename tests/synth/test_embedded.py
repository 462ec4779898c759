"""The shared corpus: made once, read back, and made again when an older version of the package made it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from emolab_synth import corpus, embedded, plan


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path))
    calls: list[Path] = []

    def make(out: Path, size: str, seed: int) -> str:
        calls.append(out)
        assert not out.exists(), "an outdated corpus must be gone before a new one is made"
        return "made"

    monkeypatch.setattr(embedded, "make", make)
    return embedded.corpus_folder("smoke")


def test_an_outdated_corpus_is_made_again(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / corpus.INFO).write_text(json.dumps({"complete": True, "version": corpus.VERSION - 1}))
    assert embedded.embedded_corpus("smoke") == "made"


def test_a_missing_corpus_is_made(folder: Path) -> None:
    assert embedded.embedded_corpus("smoke") == "made"


def test_an_older_table_is_written_again_beside_its_media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path))
    monkeypatch.setitem(plan.SIZES, "tiny", {("a", "train"): (1, 0, 0, 0)})
    root = embedded.corpus_folder("tiny")
    made = corpus.make(root, "tiny", workers=1)
    assert all(set(sample.parts) >= {"tone", "voice", "face", "words", "feeling"} for sample in made)
    media = {path: path.stat().st_mtime_ns for path in (root / "audio").iterdir()}
    info = json.loads((root / corpus.INFO).read_text())
    (root / corpus.INFO).write_text(json.dumps({**info, "table": 1}))
    made.replace(replace(sample, parts={}) for sample in made).write(root / "table.parquet")
    assert embedded.embedded_corpus("tiny").samples == made.samples
    assert {path: path.stat().st_mtime_ns for path in (root / "audio").iterdir()} == media
