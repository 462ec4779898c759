"""Every loader against a published listing or another public loader: names, labels and texts that we did not choose.

`published.json` names the source of each corpus's rows, the samples that were looked up there, and in `by_form` what
follows a stated form only (such as the lists behind signed agreements).
"""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from corpus_trees.media import clip, image, text, wav

from emolab import corpora

PUBLISHED = json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8"))


def test_there_is_a_listing_with_a_source_for_each_corpus():
    assert set(PUBLISHED) == set(corpora.CORPORA) - {"listen"}, "LISTEN is Parquet: its tree is made of the columns"
    for name, listing in PUBLISHED.items():
        assert listing["source"], name
        assert listing["looked_up"] and set(listing["looked_up"]) <= set(listing["samples"]), name
        assert listing["by_form"] or set(listing["looked_up"]) == set(listing["samples"]), name


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_a_loader_reads_what_is_published(name, tmp_path):
    listing = PUBLISHED[name]
    for file, content in listing.get("files", {}).items():
        text(tmp_path / file, content)
    for file in listing["media"]:
        {".wav": wav, ".jpg": image}.get(Path(file).suffix, clip)(tmp_path / file)
    corpus, report = corpora.load_published(name, tmp_path)
    assert not report.skipped, report.sentence()
    found = {sample.id.removeprefix(f"{name}-"): sample for sample in corpus}
    assert set(listing["samples"]) <= set(found)
    for key, wanted in listing["samples"].items():
        sample = found[key]
        for field, value in wanted.items():
            if field == "extra":
                assert {k: sample.extra.get(k) for k in value} == value, key
            else:
                found_value = getattr(sample, field)
                assert (list(found_value) if isinstance(value, list) else found_value) == value, (key, field)


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_a_loader_says_what_it_was_checked_against_and_what_not(name):
    says = " ".join((import_module(corpora.LOADERS[name].__module__).__doc__ or "").split())
    assert "Checked against" in says
    for source in re.findall(r"[\w.-]+/[\w.-]+ (?=\w)", PUBLISHED[name]["source"])[:1]:
        assert source.strip() in says
    assert ("not verified against a public listing" in says) == bool(PUBLISHED[name]["by_form"])


def test_the_third_test_of_mer2023_may_have_an_empty_column_of_valence(tmp_path):
    """MERTools reads the column from each of the four tables and then leaves out the third one's values."""
    text(tmp_path / "train-label.csv", "name,discrete,valence\nsample_00003911,sad,-2.5\n")
    text(tmp_path / "test3-label.csv", "name,discrete,valence\nsamplenew_00067688,sad,\n")
    clip(tmp_path / "train/sample_00003911.avi")
    clip(tmp_path / "test3/samplenew_00067688.mp4")
    corpus, _ = corpora.load_published("mer2023", tmp_path)
    assert {sample.split: sample.valence for sample in corpus} == {"train": -2.5, "test3": None}
