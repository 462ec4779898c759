"""Tables of samples: what is written comes back, and a bad row is named with its column."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolab.errors import CorpusError
from emolab.samples import Corpus, EmotionSample, LoadReport, note_path, resolve, sample_from_row, within

FULL = EmotionSample(
    "a/1",
    audio="x/1.wav",
    video="x/1.png",
    text="Grüße 你好",
    emotion="sad",
    speaker="s",
    split="test",
    corpus="c",
    language="de",
    valence=-0.5,
    arousal=0.25,
    dominance=0.0,
    words=("blue", "down"),
    caption="low",
    extra={"votes": {"E1": ["sad"]}, "n": 3, "list": [1, 2]},
    parts={"voice": "a low voice", "words": "\u8bcd"},
)


def table(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_written_tables_come_back(tmp_path, suffix):
    corpus = Corpus(tmp_path, [FULL, EmotionSample("2", text="only text")], "c")
    path = corpus.write(tmp_path / "deep" / f"table{suffix}")
    back = Corpus.read(path)
    assert back.samples == corpus.samples
    assert back.root == tmp_path / "deep"
    assert Corpus.read(tmp_path / "deep").samples == corpus.samples
    assert list((tmp_path / "deep").iterdir()) == [path]
    assert back.name == "table"
    assert Corpus.read(Corpus(tmp_path, [FULL]).write(tmp_path / "one.jsonl")).name == "c"


@given(
    st.builds(
        EmotionSample,
        id=st.text(min_size=1),
        text=st.text(min_size=1),
        words=st.lists(st.text()).map(tuple),
        valence=st.none() | st.floats(-1, 1),
        extra=st.dictionaries(st.text(), st.integers() | st.text()),
    )
)
def test_any_sample_survives_a_table(tmp_path_factory, sample):
    folder = tmp_path_factory.mktemp("any")
    surrogate = any("\ud800" <= c <= "\udfff" for value in (sample.id, sample.text, *sample.words) for c in value)
    if surrogate:
        return
    assert Corpus.read(Corpus(folder, [sample]).write(folder / "t.jsonl")).samples == [sample]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([1], "expected an object"),
        ({"text": "x"}, "column 'id' is missing"),
        ({"id": "", "text": "x"}, "column 'id'"),
        ({"id": 7, "text": "x"}, "column 'id' must be text"),
        ({"id": "1"}, "at least one of the columns"),
        ({"id": "1", "text": "x", "colour": "red"}, "unknown column 'colour'"),
        ({"id": "1", "text": "x", "valence": "high"}, "column 'valence' must be a number"),
        ({"id": "1", "text": "x", "valence": True}, "column 'valence' must be a number"),
        ({"id": "1", "text": "x", "words": "sad"}, "column 'words' must be a list"),
        ({"id": "1", "text": "x", "words": [1]}, "column 'words' must be a list"),
        ({"id": "1", "text": "x", "extra": [1]}, "column 'extra' must be an object"),
        ({"id": "1", "text": "x", "extra": "{"}, "column 'extra' is not JSON"),
        ({"id": "1", "text": "x", "parts": {"nose": "long"}}, "column 'parts' holds texts under tone, voice"),
        ({"id": "1", "text": "x", "parts": {"voice": 3}}, "column 'parts' holds texts under"),
        ({"id": "1", "text": "x", "emotion": 3}, "column 'emotion' must be text"),
        ({"id": "1", "audio": "../x.wav"}, "column 'audio': the path '../x.wav' leads out"),
        ({"id": "1", "audio": "/dev/zero"}, "leads out"),
        ({"id": "1", "video": "a/../../b"}, "leads out"),
    ],
)
def test_a_bad_row_is_named(tmp_path, row, says):
    path = table(tmp_path / "t.jsonl", {"id": "0", "text": "good"}, row)
    with pytest.raises(CorpusError, match=says) as caught:
        Corpus.read(path)
    assert f"{path}, row 2" in str(caught.value)


def test_files_that_are_no_tables(tmp_path):
    (tmp_path / "t.jsonl").write_bytes(b'{"id": "1", "text": "x"}\n\xff\xfe\n')
    (tmp_path / "half.jsonl").write_text('{"id": "1", "te')
    (tmp_path / "t.parquet").write_bytes(b"PAR1 not really")
    (tmp_path / "t.csv").write_text("id\n1\n")
    for name, says in (
        ("t.jsonl", "row 2: not one JSON"),
        ("half.jsonl", "row 1"),
        ("t.parquet", "not readable as Parquet"),
        ("t.csv", "corpus load manifest"),
        ("none.jsonl", "no such table"),
        ("", "no such table"),
    ):
        with pytest.raises(CorpusError, match=says):
            Corpus.read(tmp_path / name)


def test_the_same_id_twice(tmp_path):
    path = table(tmp_path / "t.jsonl", {"id": "1", "text": "x"}, {"id": "2", "text": "x"}, {"id": "1", "text": "y"})
    with pytest.raises(CorpusError, match="row 3: id '1' is that of row 1"):
        Corpus.read(path)


def test_nan_in_parquet_is_nothing(tmp_path):
    path = Corpus(tmp_path, [EmotionSample("1", text="x", valence=0.5), EmotionSample("2", text="y")]).write(
        tmp_path / "t.parquet"
    )
    assert [s.valence for s in Corpus.read(path)] == [0.5, None]
    assert [s.emotion for s in Corpus.read(path)] == [None, None]


def test_what_cannot_be_written_is_told(tmp_path):
    with pytest.raises(CorpusError, match=r"t\.txt"):
        Corpus(tmp_path, [FULL]).write(tmp_path / "t.txt")
    wave = EmotionSample("1", extra={"waveform": np.zeros(3)})
    with pytest.raises(CorpusError, match="1: 'extra' cannot be written"):
        Corpus(tmp_path, [wave]).write(tmp_path / "t.jsonl")
    assert not list(tmp_path.iterdir())


def test_paths_stay_under_the_root(tmp_path):
    inside = resolve(FULL, tmp_path)
    assert inside.audio == str(tmp_path / "x/1.wav")
    assert resolve(inside, tmp_path) == inside
    for path in ("/etc/passwd", "..", "a/../..", ".", "a\0b", f"{tmp_path}2/x"):
        with pytest.raises(CorpusError, match="leads out"):
            within(tmp_path, path, "here")
    assert within(tmp_path, "a/../b.wav", "") == tmp_path / "b.wav"
    with pytest.raises(CorpusError, match="no audio"):
        Corpus(tmp_path, []).path(EmotionSample("1", text="x"))


def test_the_root_that_load_noted_is_used(tmp_path):
    path = table(tmp_path / "t.jsonl", {"id": "1", "audio": "1.wav"})
    note_path(path).write_text(json.dumps({"root": str(tmp_path / "data")}))
    assert Corpus.read(path).root == tmp_path / "data"
    assert Corpus.read(path, root=tmp_path).root == tmp_path
    note_path(path).write_text("{}")
    with pytest.raises(CorpusError, match="key 'root'"):
        Corpus.read(path)


def test_choosing_and_counting(tmp_path):
    corpus = Corpus(
        tmp_path,
        [EmotionSample(str(i), text="x", emotion="sad" if i % 2 else "happy", extra={"take": i}) for i in range(6)],
        "c",
    )
    assert [s.id for s in corpus.where(emotion="sad")] == ["1", "3", "5"]
    assert [s.id for s in corpus.where(lambda s: s.id > "2", emotion=("sad", "angry"), take={3, 4})] == ["3"]
    assert corpus.counts() == {"happy": 3, "sad": 3}
    assert len(corpus[1:3]) == 2 and corpus[0].id == "0"
    assert list(corpus.to_pandas()["take"]) == list(range(6))


def test_reports_add_up():
    one, two = LoadReport("c", 3), LoadReport("c", 2)
    one.skip("missing", "a")
    two.skip("missing", "b", "b: check the path")
    two.notes.append("n")
    one.add(two)
    assert one.summary() == {
        "corpus": "c",
        "found": 3,
        "skipped": {"missing": 2},
        "items": {"missing": ["a", "b"]},
        "notes": ["n"],
        "first": {"missing": "b: check the path"},
    }


def test_ten_thousand_rows_are_read_quickly(tmp_path):
    rows = [EmotionSample(str(i), audio=f"{i % 100}/{i}.wav", emotion="sad", extra={"n": i}) for i in range(10_000)]
    for suffix in (".jsonl", ".parquet"):
        path = Corpus(tmp_path, rows).write(tmp_path / f"t{suffix}")
        started = time.process_time()
        assert len(Corpus.read(path)) == 10_000
        assert time.process_time() - started < 3.0


def test_a_row_alone_needs_no_root():
    assert sample_from_row({"id": "1", "audio": "/anywhere.wav"}, "here").audio == "/anywhere.wav"


def test_half_characters_are_named_in_reading_and_in_writing(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"id": "1", "text": "x"}\n{"id": "2", "text": "half \\ud800"}\n')
    with pytest.raises(CorpusError, match=r"row 2: column 'text' holds half a character .*repair"):
        Corpus.read(path)
    for suffix in (".jsonl", ".parquet"):
        with pytest.raises(CorpusError, match="half a character"):
            Corpus(tmp_path, [EmotionSample("1", text="half \ud800")]).write(tmp_path / f"u{suffix}")
        assert not (tmp_path / f"u{suffix}").exists()


@pytest.mark.parametrize("label", [3, 1.0, float("nan"), np.int64(2)])
def test_a_label_that_is_no_text_is_named(label):
    with pytest.raises(CorpusError, match=r"clip7: emotion .* must be a text"):
        EmotionSample("clip7", text="x", emotion=label)


def test_tables_without_parts_still_read(tmp_path):
    assert Corpus.read(table(tmp_path / "t.jsonl", {"id": "1", "text": "x"}))[0].parts == {}


def test_parts_are_said_in_the_sentences_of_the_caption_or_in_their_own():
    caption = (
        "She is sad. One hears a low, flat voice, slow. The words tell: \u201cGo. Now.\u201d The brows are raised."
    )
    parts = {
        "tone": "a low, flat voice",
        "voice": "a low, flat voice, slow",
        "words": "The words tell: \u201cGo. Now.\u201d",
        "face": "the brows are raised",
        "feeling": "She is sad",
    }
    sample = EmotionSample("1", caption=caption, parts=parts)
    assert sample.describe(("feeling", "voice", "words", "face")) == caption
    assert sample.describe(("tone", "irony")) == "One hears a low, flat voice."
    assert (
        EmotionSample("1", parts={"voice": "\u8bed\u901f\u8f83\u5feb"}).describe() == "\u8bed\u901f\u8f83\u5feb\u3002"
    )
    assert EmotionSample("1", caption="x").describe() is None


def test_a_long_table_shows_how_far_it_is(tmp_path, monkeypatch):
    import tqdm.auto

    shown = []

    class Bar(tqdm.auto.tqdm):
        def __init__(self, *args, **kwargs):
            shown.append((kwargs["desc"], kwargs["delay"]))
            super().__init__(*args, **kwargs | {"disable": True})

    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    (tmp_path / "t.jsonl").write_text('{"id": "a", "emotion": "sad", "text": "x"}\n')
    Corpus.read(tmp_path / "t.jsonl")
    assert shown == [("t.jsonl", 2)], "after two seconds, so that short tables print nothing"


@pytest.mark.parametrize("before", ["os", "huggingface_hub", "huggingface_hub.constants"])
@pytest.mark.parametrize(("allowed", "told_off"), [(None, "True"), ("0", "False")])
def test_nothing_is_told_to_anybody_by_default(before, allowed, told_off):
    """TRL and the hub report their use where nothing forbids it; also where the hub's client was imported first."""
    code = (
        f"import {before}, emolab.training, emolab.lalm\n"
        "import huggingface_hub.constants as c; print(c.HF_HUB_DISABLE_TELEMETRY)"
    )
    clean = {k: v for k, v in os.environ.items() if "TELEMETRY" not in k and k != "DO_NOT_TRACK"}
    clean |= {"HF_HUB_DISABLE_TELEMETRY": allowed} if allowed else {}
    asked = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == told_off
