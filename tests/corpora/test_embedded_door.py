"""The embedded corpus is found by its entry point, and its absence is told with what to install."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from emolab.corpora import LOADERS, load_corpus
from emolab.extras import MissingExtra
from emolab.samples import Corpus, EmotionSample, LoadReport


def test_the_maker_registers_itself():
    assert [point.value for point in entry_points(group="emolab.corpus", name="embedded")] == [
        "emolab_synth.embedded:load"
    ]


def test_without_the_maker_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(LOADERS, "_outside", {})
    monkeypatch.setattr(LOADERS, "_entries", {})
    with pytest.raises(MissingExtra, match=r"emolab_corpora is not installed.*pip install \./data_scripts/corpora"):
        load_corpus("synthetic:smoke")


def test_the_size_reaches_the_maker(monkeypatch):
    asked = []

    def load(size: Path, check: str) -> tuple[Corpus, LoadReport]:
        asked.append(str(size))
        samples = [EmotionSample(f"s{i}", text="so", emotion="sad", speaker=f"p{i}") for i in range(6)]
        return Corpus(Path(), samples, "synthetic"), LoadReport("synthetic", found=6)

    monkeypatch.setattr(LOADERS, "_entries", {"embedded": load})
    assert load_corpus("synthetic:omni").name == load_corpus("synthetic").name == "synthetic"
    assert asked == ["omni", "course"]
