"""The shared corpus: made once, read back, and made again when an older version of the package made it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emolab.synth import corpus, embedded


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path))
    calls: list[Path] = []

    def make(out: Path, size: str, seed: int) -> str:
        calls.append(out)
        assert not out.exists(), "an outdated corpus must be gone before a new one is made"
        return "made"

    monkeypatch.setattr(corpus, "make", make)
    return embedded.corpus_folder("smoke")


def test_an_outdated_corpus_is_made_again(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / corpus.INFO).write_text(json.dumps({"complete": True, "version": corpus.VERSION - 1}))
    assert embedded.embedded_corpus("smoke") == "made"


def test_a_missing_corpus_is_made(folder: Path) -> None:
    assert embedded.embedded_corpus("smoke") == "made"
