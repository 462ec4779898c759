"""Every loader against a published listing or another public loader: names, labels and texts that we did not choose.

`published.json` names the source of each corpus's rows. Where a source shows no real row (the lists behind signed
agreements), the row follows the form and the label words that the source states.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emolab import corpora
from emolab.corpora.fixtures.media import clip, image, text, wav

PUBLISHED = json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8"))


def test_there_is_a_listing_with_a_source_for_each_corpus():
    assert set(PUBLISHED) == set(corpora.CORPORA)
    assert all(listing["source"] for listing in PUBLISHED.values())


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_a_loader_reads_what_is_published(name, tmp_path):
    listing = PUBLISHED[name]
    for file, content in listing.get("files", {}).items():
        text(tmp_path / file, content)
    for file in listing["media"]:
        {".wav": wav, ".jpg": image}.get(Path(file).suffix, clip)(tmp_path / file)
    corpus, report = corpora.load(name, tmp_path)
    assert not report.skipped, report.sentence()
    found = {sample.id.removeprefix(f"{name}-"): sample for sample in corpus}
    assert set(listing["samples"]) <= set(found)
    for key, wanted in listing["samples"].items():
        sample = found[key]
        for field, value in wanted.items():
            if field == "extra":
                assert {k: sample.extra.get(k) for k in value} == value, key
            else:
                assert getattr(sample, field) == value, (key, field)


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_a_loader_says_what_it_was_checked_against(name):
    from importlib import import_module

    assert "Checked against" in (import_module(f"emolab.corpora.{name}").__doc__ or "")
