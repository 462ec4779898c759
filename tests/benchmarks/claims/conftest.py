"""The fake recipe of `fakes` in place of every recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeModel, FakeRecipe

from benchmarks.claims import runs
from emolab.emotions import EMOTIONS
from emolab.samples import Corpus, EmotionSample


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[FakeRecipe]:
    """The fake recipe in place of every recipe, with a corpus of 16 talkers in domain a and 8 in b."""
    talkers = [("a", f"t{i}") for i in range(16)] + [("b", f"u{i}") for i in range(8)]
    samples = [
        EmotionSample(f"{who}-{e}", emotion=e, speaker=who, split="test", extra={"domain": domain})
        for domain, who in talkers
        for e in EMOTIONS
    ]
    corpus = Corpus(tmp_path, samples, "fake")
    FakeRecipe.done = []

    def load(folder: Path) -> tuple[FakeModel, dict[str, Any]]:
        return FakeModel(json.loads((folder / "skill.json").read_text())), {}

    monkeypatch.setattr(runs, "get_recipe", lambda name: FakeRecipe)
    monkeypatch.setattr(runs, "corpus_of", lambda recipe: corpus)
    monkeypatch.setattr(runs, "load_checkpoint", load)
    return FakeRecipe
