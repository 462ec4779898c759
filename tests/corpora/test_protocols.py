"""Named splits: sizes, who is tested, and speakers kept apart where the protocol says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from emolab_corpora.protocols import CREMAD_BLOCKS, PROTOCOLS, RAVDESS_BLOCKS, RAVDESS_EMOBOX

from emolab.corpora.protocols import Protocol, get_protocol, protocols_of
from emolab.errors import CorpusError
from emolab.samples import Corpus, EmotionSample


@pytest.mark.parametrize("name", list(PROTOCOLS))
def test_every_protocol_divides_its_fixture(fixture_corpus, name):
    _, _, corpus, _ = fixture_corpus(PROTOCOLS[name].corpus)
    folds = PROTOCOLS[name].folds(corpus)
    assert (
        len(folds)
        == {
            "iemocap-5fold": 5,
            "iemocap-10fold": 10,
            "meld-official": 1,
            "ravdess-emobox": 6,
            "ravdess-blocks": 6,
            "cremad-5fold": 5,
            "savee-4fold": 4,
            "tess-2fold": 2,
            "emodb-10fold": 10,
            "esd-folders": 1,
            "emotiontalk-official": 1,
            "mer2023-official": 3,
            "dfew-5fold": 5,
            "mafw-5fold": 5,
        }[name]
    )
    for fold in folds:
        ids = [s.id for part in (fold.train, fold.val, fold.test) for s in part]
        assert len(ids) == len(set(ids))
        summary = fold.summary()
        if PROTOCOLS[name].speakers == "disjoint":
            assert summary["shared_speakers"] == [] and not summary["note"]
        else:
            assert summary["note"]
    if name.endswith("fold") or "ravdess" in name:  # every sample is tested once
        tested = [s.id for fold in folds for s in fold.test]
        assert sorted(tested) == sorted(s.id for s in corpus)


def test_folds_of_actors_cover_everyone_once():
    for groups in (RAVDESS_EMOBOX, RAVDESS_BLOCKS):
        assert sorted(actor for group in groups for actor in group) == list(range(1, 25))
        assert {len(group) for group in groups} == {4}
    assert sum(CREMAD_BLOCKS) == 91


def test_cremad_blocks(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("cremad")
    actors = [sorted({int(s.speaker) for s in fold.test}) for fold in get_protocol("cremad-5fold").folds(corpus)]
    assert [(a[0], a[-1], len(a)) for a in actors] == [
        (1001, 1018, 18),
        (1019, 1036, 18),
        (1037, 1054, 18),
        (1055, 1072, 18),
        (1073, 1091, 19),
    ]


def test_iemocap_leaves_a_session_out(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("iemocap")
    for i, fold in enumerate(get_protocol("iemocap-5fold").folds(corpus), 1):
        assert {s.extra["session"] for s in fold.test} == {i}
        assert i not in {s.extra["session"] for s in fold.train}


def test_meld_names_its_shared_speakers(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("meld")
    (fold,) = get_protocol("meld-official").folds(corpus)
    assert fold.shared_speakers == ["Guest", "Ross"]
    assert "shared" in fold.note
    assert [len(part) for part in (fold.train, fold.val, fold.test)] == [7, 7, 7]


def test_dfew_folds_follow_the_lists(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("dfew")
    fold = get_protocol("dfew-5fold").folds(corpus)[0]
    assert sorted(s.id for s in fold.test) == ["dfew-10", "dfew-5"]
    assert fold.summary()["shared_speakers"] is None


def test_an_overlap_of_speakers_is_refused():
    samples = [EmotionSample(str(i), text="x", speaker="same") for i in range(2)]
    corpus = Corpus(".", samples, "c")
    halves = Protocol("halves", "c", "disjoint", "ours", lambda _: iter([("f", ["train", "test"])]))
    with pytest.raises(CorpusError, match="speakers same are in test and in training"):
        halves.folds(corpus)


def test_an_overlap_in_a_corpus_stops_its_protocol(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("iemocap")
    mixed = corpus.replace(replace(s, speaker="one") for s in corpus)
    with pytest.raises(CorpusError, match="one are in test"):
        get_protocol("iemocap-5fold").folds(mixed)


def test_other_and_incomplete_corpora_are_refused(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("ravdess")
    with pytest.raises(CorpusError, match="is for savee, not ravdess"):
        get_protocol("savee-4fold").folds(corpus)
    with pytest.raises(CorpusError, match="incomplete"):
        get_protocol("ravdess-blocks").folds(corpus.where(speaker="actor01"))
    with pytest.raises(CorpusError, match="known are"):
        get_protocol("nonsense")
    assert protocols_of("ravdess") == ["ravdess-emobox", "ravdess-blocks"]
