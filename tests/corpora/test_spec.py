"""A corpus in one step: every spec, labels, splits, folds, and what is said of them."""

from __future__ import annotations

import pytest
from corpus_trees.media import wav

from emolab.corpora import CORPORA, corpus_folds, fold_names, load_corpus
from emolab.corpora.protocols import SHARES, draw, protocols_of
from emolab.errors import CorpusError, EmolabError
from emolab.samples import Corpus, EmotionSample


def notes(corpus: Corpus) -> str:
    return "; ".join(corpus.report.notes)


@pytest.mark.parametrize("name", list(CORPORA))
def test_every_corpus_comes_with_splits_and_says_how(fixture_corpus, name):
    root, _, published, _ = fixture_corpus(name)
    corpus = load_corpus(f"{name}:{root}")
    assert corpus.counts("split")["train"] and corpus.counts("split")["test"]
    assert corpus.report.found == len(corpus)
    usual = protocols_of(name)[:1]
    if usual:
        assert corpus.protocol == usual[0] and f"protocol {usual[0]}" in notes(corpus)
        assert corpus.fold == fold_names(published)[0]
    else:
        assert corpus.protocol == "drawn" and "SPLIT BY CLIP (no speaker is stated)" in notes(corpus)


def test_folds_by_name_and_by_number(fixture_corpus):
    spec = f"iemocap:{fixture_corpus('iemocap')[0]}"
    fifth = load_corpus(spec, labels="iemocap-4", protocol="iemocap-5fold", fold="Session5")
    assert {s.extra["session"] for s in fifth if s.split == "test"} == {5}
    assert set(fifth.counts()) == {"neutral", "happy", "sad", "angry"}
    assert fifth.report.skipped["xxx: annotators did not agree"]
    assert load_corpus(spec, fold=5).fold == load_corpus(spec, fold="session5").fold == "Session5"
    assert "labels: iemocap-4" in notes(load_corpus(spec))
    folds = corpus_folds(spec)
    assert [fold.fold for fold in folds] == [f"Session{i}" for i in range(1, 6)]
    tested = [s.id for fold in folds for s in fold if s.split == "test"]
    assert sorted(tested) == sorted(s.id for s in folds[0])
    with pytest.raises(CorpusError, match=r"fold .Session9.: expected one of Session1, .*1 to 5"):
        load_corpus(spec, fold="Session9")
    with pytest.raises(CorpusError, match="is for savee, not iemocap"):
        load_corpus(spec, protocol="savee-4fold")


def test_labels_of_a_name_and_of_ones_own(fixture_corpus):
    spec = f"ravdess:{fixture_corpus('ravdess')[0]}"
    assert len(load_corpus(spec).counts()) == 8
    seven = load_corpus(spec, labels="emolab-7")
    assert set(seven.counts()) == {"neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"}
    assert len(seven.report.skipped["calm: no such label in the target"]) == 24
    own = load_corpus(spec, labels="calm, joy")
    assert set(own.counts()) == {"calm", "joy"} and own[0].extra.get("label") in (None, "happy")
    assert len(own.report.skipped["sad: not one of calm, joy"]) == 24
    assert set(load_corpus(spec, labels=("calm", "joy")).counts()) == {"calm", "joy"}
    with pytest.raises(EmolabError, match="no label set"):
        load_corpus(spec, labels="emolab-8")
    with pytest.raises(CorpusError, match="no sample has one of the labels"):
        load_corpus(spec, labels="tense, bored")


def test_a_partial_copy_falls_back_to_a_drawn_split_aloud(fixture_corpus, tmp_path):
    for name in ("03-01-01-01-01-01-01", "03-01-03-01-01-01-01", "03-01-01-02-01-01-01", "03-01-03-02-01-01-01"):
        wav(tmp_path / f"Actor_01/{name}.wav")
    with pytest.raises(CorpusError, match="incomplete"):
        load_corpus(f"ravdess:{tmp_path}", protocol="ravdess-emobox")
    corpus = load_corpus(f"ravdess:{tmp_path}")
    assert corpus.protocol == "drawn" and corpus.counts("split") == {"train": 2, "test": 2}
    assert "ravdess-emobox cannot be used" in notes(corpus) and "SPLIT BY CLIP (1 speaker stated)" in notes(corpus)


def test_a_table_of_ones_own(tmp_path, monkeypatch):
    rows = ["path,emotion,speaker"]
    for i in range(24):
        wav(tmp_path / f"{i}.wav")
        rows.append(f"{i}.wav,{('calm', 'tense', 'bored')[i % 3]},s{i % 4}")
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    for spec in (f"manifest:{tmp_path / 'mine.csv'}", tmp_path / "mine.csv"):
        corpus = load_corpus(spec)
        assert set(corpus.counts()) == {"calm", "tense", "bored"}
        assert set(corpus.counts("split")) == {"train", "val", "test"}
        by_part = {part: {s.speaker for s in corpus if s.split == part} for part in SHARES}
        assert not by_part["train"] & by_part["test"] and not by_part["val"] & by_part["test"]
        assert "speakers kept apart" in notes(corpus)
    monkeypatch.setenv("EMOLAB_CORPUS", f"manifest:{tmp_path / 'mine.csv'}")
    assert load_corpus().samples == corpus.samples
    assert load_corpus(seed=3).counts("split")["train"]
    two = load_corpus(labels="calm, bored")
    assert set(two.counts()) == {"calm", "bored"} and len(two.report.skipped["tense: not one of calm, bored"]) == 8


def test_long_clips_are_cut_or_left_out(tmp_path):
    for i, seconds in enumerate((1.0, 1.0, 5.0)):
        wav(tmp_path / f"sad/{i}.wav", seconds)
    cut = load_corpus(tmp_path, max_seconds=2.0)
    assert len(cut) == 5 and "sad/2.wav: 5.0 s, cut into 3 windows" in notes(cut)
    assert len(load_corpus(tmp_path, max_seconds=2.0, long_clips="skip")) == 2


def test_spellings_of_the_seven_are_the_seven(tmp_path):
    for folder in ("Joy", "ANGRY"):
        for i in range(3):
            wav(tmp_path / f"{folder}/{i}.wav")
    corpus = load_corpus(tmp_path)
    assert set(corpus.counts()) == {"happy", "angry"}


def test_splits_that_a_table_states_are_kept(tmp_path):
    samples = [EmotionSample(str(i), text="x", emotion="sad", split=("train", "dev", "test")[i % 3]) for i in range(9)]
    Corpus(tmp_path, samples, "c").write(tmp_path / "table.jsonl")
    corpus = load_corpus(tmp_path)
    assert corpus.fold == "stated" and corpus.counts("split") == {"train": 3, "val": 3, "test": 3}
    Corpus(tmp_path, [s for s in samples if s.split != "test"], "c").write(tmp_path / "table.jsonl")
    corpus = load_corpus(tmp_path)
    assert corpus.counts("split") == {"train": 3, "test": 3} and "'val' is measured on" in notes(corpus)
    assert load_corpus(tmp_path, protocol="drawn").protocol == "drawn"
    Corpus(tmp_path, [s for s in samples if s.split == "train"], "c").write(tmp_path / "table.jsonl")
    assert set(load_corpus(tmp_path).counts("split")) == {"train", "test"}


@pytest.mark.parametrize("n_speakers", [3, 4, 5, 10, 40])
def test_a_drawn_split_keeps_speakers_apart_and_labels_in_proportion(n_speakers):
    samples = [
        EmotionSample(str(i), text="x", emotion="abc"[i % 3], speaker=f"s{i // 12 % n_speakers}")
        for i in range(12 * n_speakers)
    ]
    corpus = Corpus(".", samples, "c")
    parts, _ = draw(corpus, 1)
    assert draw(corpus, 1)[0] == parts and set(parts) == set(SHARES)
    speakers = {part: {s.speaker for s, p in zip(samples, parts, strict=True) if p == part} for part in SHARES}
    assert not any(speakers[a] & speakers[b] for a, b in (("train", "val"), ("train", "test"), ("val", "test")))
    if n_speakers >= 10:
        for part, share in SHARES.items():
            assert abs(parts.count(part) / len(parts) - share) < 0.06
            assert {s.emotion for s, p in zip(samples, parts, strict=True) if p == part} == {"a", "b", "c"}


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_a_drawn_split_of_few_clips_never_fails(n):
    for speakers in (("me",), (None,), ("me", "you"), ("me", None, None)):
        samples = [
            EmotionSample(str(i), text="x", emotion="ab"[i % 2], speaker=speakers[i % len(speakers)]) for i in range(n)
        ]
        parts, note = draw(Corpus(".", samples, "c"))
        assert len(parts) == n and "seed 0" in note
        if n > 1:
            assert {"train", "test"} <= set(parts)


def test_data_sets_of_hugging_face(fixture_corpus, tmp_path, monkeypatch):
    import datasets
    from emolab_corpora import exchange

    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path / "build"))
    emodb = fixture_corpus("emodb")[2]
    table = exchange.to_datasets(emodb).remove_columns("split")
    table.save_to_disk(str(tmp_path / "saved"))
    datasets.DatasetDict(train=table, validation=table, test=table).save_to_disk(str(tmp_path / "parts"))
    (tmp_path / "parquet").mkdir()
    table.to_parquet(str(tmp_path / "parquet/train-00000-of-00001.parquet"))
    saved = load_corpus(f"hf:{tmp_path / 'saved'}")
    assert saved.counts() == emodb.counts() and saved.protocol == "drawn" and "speakers kept apart" in notes(saved)
    parts = load_corpus(f"hf:{tmp_path / 'parts'}")
    assert parts.counts("split") == dict.fromkeys(("train", "val", "test"), len(emodb))
    assert load_corpus(f"hf:{tmp_path / 'parquet'}").counts() == emodb.counts()
    with pytest.raises(CorpusError, match="hf:"):
        load_corpus(f"hf:{tmp_path / 'build'}")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("ravdess", "give the folder that holds RAVDESS"),
        ("ravdess:", "give the folder"),
        ("ravdess:nowhere", "no such folder"),
        ("raven:x", "no such table or folder.*ravdess"),
        ("manifest:none.csv", "no such file"),
        ("synthetic:huge", "no size 'huge'"),
        ("manifest:", "name a folder or a file, as manifest:FOLDER"),
    ],
)
def test_a_bad_spec_says_what_to_write(spec, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorpusError, match=says):
        load_corpus(spec)
