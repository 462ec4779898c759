"""Every loader on its fixture: counts, fields, and every planted fault reported with its file."""

from __future__ import annotations

import pytest

from emolab import corpora
from emolab.corpora import fixtures
from emolab.errors import CorpusError
from emolab.media import load_audio, load_frames
from emolab.taxonomies import TAXONOMIES

NAMES = tuple(corpora.CORPORA)


@pytest.fixture(scope="module", params=NAMES)
def loaded(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param) / "corpus"
    planted = fixtures.make(request.param, root)
    return request.param, planted, *corpora.load(request.param, root)


def test_there_are_thirteen():
    assert len(NAMES) == 13


def test_finds_what_is_there_and_reports_every_planted_fault(loaded):
    _, planted, corpus, report = loaded
    assert {reason: sorted(items) for reason, items in report.skipped.items()} == {
        reason: sorted(items) for reason, items in planted.faults.items()}
    assert len(corpus) == report.found == planted.found


def test_samples_are_consistent(loaded):
    name, _, corpus, _ = loaded
    assert len({sample.id for sample in corpus}) == len(corpus)
    for sample in corpus:
        assert sample.corpus == name
        assert sample.emotion in TAXONOMIES[corpora.info(name).labels]
        assert sample.audio or sample.video
        for modality in ("audio", "video"):
            if getattr(sample, modality):
                assert corpus.path(sample, modality).exists()


def test_media_of_a_sample_can_be_used(loaded):
    _, _, corpus, _ = loaded
    sample = next(s for s in corpus if s.audio)
    assert load_audio(corpus.path(sample)).size > 0
    if any(s.video for s in corpus):
        sample = next(s for s in corpus if s.video)
        assert load_frames(corpus.path(sample, "video"), max_frames=2).shape[1:] == (32, 32, 3)


def test_videos_with_sound_keep_it(loaded):
    name, _, corpus, report = loaded
    silent = sum("no audio track" in note for note in report.notes)
    assert sum(sample.audio is None for sample in corpus) == silent + {"dfew": 2}.get(name, 0)
    assert silent == {"dfew": 1, "mafw": 1}.get(name, 0)


def test_labels_map_to_the_seven_and_nothing_is_lost_silently(loaded):
    name, _, corpus, _ = loaded
    mapped, dropped = corpora.relabel(corpus, corpora.info(name).labels, "emolab-7")
    assert len(mapped) + dropped.n_skipped == len(corpus)
    assert {s.emotion for s in mapped} <= set(TAXONOMIES["emolab-7"])
    assert all(s.extra["label"] in TAXONOMIES[corpora.info(name).labels] for s in mapped)


def test_a_table_survives_writing_and_reading(loaded, tmp_path):
    _, _, corpus, _ = loaded
    for suffix in (".jsonl", ".parquet"):
        path = corpus.write(tmp_path / f"table{suffix}")
        assert corpora.Corpus.read(path, corpus.root).samples == corpus.samples


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_something_else_is_refused_with_the_layout(name, tmp_path):
    (tmp_path / "holiday.txt").write_text("sun")
    with pytest.raises(CorpusError, match=str(tmp_path)):
        corpora.load(name, tmp_path)
    with pytest.raises(CorpusError, match="no such folder"):
        corpora.load(name, tmp_path / "nowhere")


def test_unknown_names_are_listed():
    with pytest.raises(CorpusError, match="ravdess"):
        corpora.load("raven", ".")
