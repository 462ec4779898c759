"""Your own recordings: tables in four forms, folders, and every way in which a row can be wrong."""

from __future__ import annotations

import json
import unicodedata

import pandas as pd
import pytest
from corpus_trees.media import clip, garbage, wav

from emolab.corpora.manifest import load_manifest
from emolab.errors import CorpusError

ROWS = [
    {"path": "a.wav", "label": "Joy.", "speaker": "1", "text": "hello"},
    {"path": "b/c.wav", "label": "sadness"},
    {"path": "d.mp4", "label": ""},
]


@pytest.fixture
def folder(tmp_path):
    for name in ("a.wav", "b/c.wav"):
        wav(tmp_path / name)
    clip(tmp_path / "d.mp4")
    return tmp_path


def csv(folder, content, name="t.csv"):
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_tables_of_four_kinds(folder, kind):
    path = folder / f"t.{kind}"
    frame = pd.DataFrame(ROWS)
    {
        "csv": lambda: frame.to_csv(path, index=False),
        "tsv": lambda: frame.to_csv(path, index=False, sep="\t"),
        "jsonl": lambda: path.write_text("".join(json.dumps(row) + "\n" for row in ROWS)),
        "parquet": lambda: frame.to_parquet(path),
    }[kind]()
    corpus, report = load_manifest(path)
    assert [s.emotion for s in corpus] == ["happy", "sad", None]
    assert [s.audio for s in corpus] == ["a.wav", "b/c.wav", "d.mp4"]
    assert [s.video for s in corpus] == [None, None, "d.mp4"]
    assert (corpus[0].speaker, corpus[0].text) == ("1", "hello")
    assert report.found == 3 and not report.n_skipped


def test_a_folder_with_folders_named_after_emotions(tmp_path):
    for name in ("Anger/1.wav", "Anger/take2/2.wav", "misc/3.flac", "4.wav"):
        wav(tmp_path / name)
    wav(tmp_path / "Anger/._1.wav")
    corpus, _ = load_manifest(tmp_path)
    assert {s.id: s.emotion for s in corpus} == {
        "4.wav": None,
        "Anger/1.wav": "angry",
        "Anger/take2/2.wav": "angry",
        "misc/3.flac": None,
    }


def test_other_column_names_and_labels(folder):
    path = csv(folder, "clip,feeling\na.wav,elated\n")
    corpus, _ = load_manifest(path, path_column="clip", label_column="feeling", labels=None)
    assert corpus[0].emotion == "elated"
    corpus, _ = load_manifest(path, path_column="clip", label_column="feeling", labels=("positive", "elated"))
    assert corpus[0].emotion == "elated"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("label\nsad\n", "row 1: needs a column 'audio' or 'path'"),
        ("path,label\n,sad\n", "row 1: no path"),
        ("path,label\na.wav,melancholic-ish\n", "row 1: unknown label 'melancholic-ish'; expected one of neutral"),
        ("path,label\n../a.wav,sad\n", "leads out"),
        ("path,label\n/etc/passwd,sad\n", "leads out"),
        ("path,label,valence\na.wav,sad,low\n", "row 1, column 'valence' must be a number"),
        ("path,label\na.wav,sad\na.wav,sad\n", "row 2: id 'a.wav' occurs twice"),
        ("path,label\n", "nothing usable"),
        ('path,"label\na.wav,sad\n', "line 1: not readable as CSV"),
        ("", "nothing usable"),
        ("path,label\nnone.wav,sad\n", "nothing usable.*no such file"),
        ('path,label\n"a.wav,sad\n', "not readable as CSV"),
    ],
)
def test_a_bad_row_is_named(folder, content, says):
    with pytest.raises(CorpusError, match=says):
        load_manifest(csv(folder, content))


def test_bad_rows_can_be_reported_instead(folder):
    garbage(folder / "bad.wav")
    path = csv(folder, "path,label\na.wav,sad\nb/c.wav,puzzled\n../x.wav,sad\nbad.wav,sad\ngone.wav,sad\n")
    corpus, report = load_manifest(path, skip_bad=True)
    assert [s.id for s in corpus] == ["a.wav"]
    assert report.summary()["skipped"] == {"bad row": 2, "corrupt": 1, "missing": 1}
    assert "row 2: unknown label 'puzzled'" in report.skipped["bad row"][0]


def test_sources_that_are_none(folder):
    for name, says in (("gone.csv", "no such file"), ("a.wav", "expected .csv"), ("empty", "nothing usable")):
        (folder / "empty").mkdir(exist_ok=True)
        with pytest.raises(CorpusError, match=says):
            load_manifest(folder / name)
    with pytest.raises(CorpusError, match="needs a column 'mood'"):
        load_manifest(csv(folder, "path\na.wav\n"), label_column="mood")


def test_a_table_in_another_encoding_is_refused(folder):
    (folder / "t.csv").write_bytes("path,text\na.wav,grüß dich\n".encode("cp1252"))
    with pytest.raises(CorpusError, match="save it as UTF-8"):
        load_manifest(folder / "t.csv")
    (folder / "t.csv").write_bytes("path,text\na.wav,grüß dich\n".encode("utf-8-sig"))
    assert load_manifest(folder / "t.csv")[0][0].text == "grüß dich"


def test_a_film_without_pictures_keeps_its_voice(tmp_path):
    clip(tmp_path / "blind.mp4", video=False)
    corpus, report = load_manifest(csv(tmp_path, "path,label\nblind.mp4,sad\n"))
    assert [(s.audio, s.video) for s in corpus] == [("blind.mp4", None)]
    assert any("no video track" in note for note in report.notes)


def test_a_video_without_sound_is_kept_as_video(tmp_path):
    clip(tmp_path / "mute.mp4", audio=False)
    corpus, report = load_manifest(tmp_path)
    assert (corpus[0].audio, corpus[0].video) == (None, "mute.mp4")
    assert "no audio track" in report.notes[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("path,text,label\na.wav,Oh, sad,happy\n", r"line 2: has 4 values for 3 columns; put a text that holds commas"),
        ("path,label\na.wav,sad,\n", "line 2: has 3 values for 2 columns"),
        ("path,label,label\na.wav,sad,happy\n", "column 'label' is named twice"),
        ("path,label,Label\na.wav,sad,happy\n", "two columns are named 'label' but for capitals|row 1"),
    ],
)
def test_a_row_that_does_not_fit_its_header_is_an_error(folder, content, says):
    if "Label" in content:  # the exact name wins, the other stays a column of its own
        assert load_manifest(csv(folder, content))[0][0].emotion == "sad"
        return
    with pytest.raises(CorpusError, match=says):
        load_manifest(csv(folder, content))
    with pytest.raises(CorpusError, match=says):  # no row of such a table can be trusted
        load_manifest(csv(folder, content), skip_bad=True)


def test_quoted_commas_and_short_rows_are_fine(folder):
    corpus, _ = load_manifest(
        csv(folder, 'path,text,label,speaker\na.wav,"Oh, sad",happy\nb/c.wav,"two\nlines",sad,s\n')
    )
    assert [(s.text, s.emotion, s.speaker) for s in corpus] == [("Oh, sad", "happy", None), ("two\nlines", "sad", "s")]


def test_capitals_in_a_header_are_read_and_noted(folder):
    corpus, report = load_manifest(csv(folder, "Path,Emotion,Speaker,Mood\na.wav,sad,s1,x\n"))
    assert (corpus[0].audio, corpus[0].emotion, corpus[0].speaker) == ("a.wav", "sad", "s1")
    assert "column 'Emotion' is read as 'emotion'" in report.notes and not any("Mood" in n for n in report.notes)
    with pytest.raises(CorpusError, match="two columns are named 'path' but for capitals"):
        load_manifest(csv(folder, "PATH,Path,label\na.wav,b/c.wav,sad\n"))


def test_the_same_file_under_other_spellings_counts_once(folder):
    corpus, report = load_manifest(csv(folder, "path,label\na.wav,sad\n./a.wav,happy\nb/../a.wav,sad\nb/c.wav,sad\n"))
    assert [(s.audio, s.emotion) for s in corpus] == [("a.wav", "sad"), ("b/c.wav", "sad")]
    assert len(report.skipped["file of an earlier row"]) == 2
    assert "row 2: ./a.wav is the file of" in report.skipped["file of an earlier row"][0]


def test_slashes_case_and_unicode_forms_of_names(folder):
    wav(folder / unicodedata.normalize("NFD", "é.wav"))
    rows = "b\\c.wav,sad\nA.wav,sad\n" + unicodedata.normalize("NFC", "é.wav") + ",sad\n"
    corpus, report = load_manifest(csv(folder, f"path,label\n{rows}"))
    assert len(corpus) == 3 and all(corpus.path(sample).is_file() for sample in corpus)
    assert len([note for note in report.notes if "as the file is named" in note]) == 3


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_numbers_and_nan_as_labels(folder, suffix):
    import pandas as pd

    frame = pd.DataFrame({"path": ["a.wav", "b/c.wav"], "label": [1.0, float("nan")], "text": ["x", float("nan")]})
    path = folder / f"t{suffix}"
    frame.to_json(path, orient="records", lines=True) if suffix == ".jsonl" else frame.to_parquet(path)
    corpus, _ = load_manifest(path, labels=None)
    assert [(s.emotion, s.text) for s in corpus] == [("1", "x"), (None, None)]
    with pytest.raises(CorpusError, match="row 1: unknown label '1'"):
        load_manifest(path)


def test_names_that_are_not_utf8_are_reported_not_fatal(folder):
    import os

    wav(folder / "sad/ok.wav")
    (folder / "sad" / os.fsdecode(b"bad\xff.wav")).write_bytes((folder / "a.wav").read_bytes())
    corpus, report = load_manifest(folder)
    assert report.skipped["file name that is not UTF-8"] == ["sad/bad\\udcff.wav"]
    assert corpus.write(folder / "out.jsonl") and json.dumps(report.summary(), ensure_ascii=False).encode()


def test_a_pointer_of_git_lfs_says_what_to_run(folder):
    (folder / "b/c.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    _, report = load_manifest(csv(folder, "path,label\na.wav,sad\nb/c.wav,sad\n"))
    assert list(report.skipped) == ["Git LFS pointer"] and "git lfs pull" in report.sentence()
