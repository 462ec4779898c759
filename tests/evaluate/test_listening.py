"""Which clips are answered right without their voice, and what becomes of them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from corpus_trees.media import wav
from emolab_corpora.commands import listen_filter as listen_command
from emolab_corpora.listening import MARK, listen_filter

from emolab.emotions import label_set
from emolab.errors import CorpusError, EvaluationError
from emolab.evaluate import inputs, run
from emolab.prompts import get_prompt
from emolab.recipes.data import to_listen_to
from emolab.samples import Corpus, EmotionSample

MODEL = SimpleNamespace(name="canned", device="cpu", modalities=("audio", "text"), max_seconds=30.0)
MODEL.has_room = lambda *_: True
SILENT = {"a": "happy", "b": "sad", "c": "happy", "d": "no idea", "e": "happy"}
WORDS = {"a": "happy", "b": "happy", "c": "sad", "e": "sad"}


@pytest.fixture
def corpus(tmp_path):
    """a: right both ways; b: right by its words; c: right with silence; d: has no words; e: never right."""
    emotions = {"a": "happy", "b": "happy", "c": "happy", "d": "happy", "e": "angry"}
    samples = [
        EmotionSample(
            name,
            text=None if name == "d" else f"words of {name}",
            emotion=emotion,
            speaker=f"s{name}",
            split="test" if name == "a" else "train",
            extra={"waveform": np.ones(1600, np.float32)},
        )
        for name, emotion in emotions.items()
    ]
    return Corpus(tmp_path, samples, "five", label_set("happy, sad, angry"))


@pytest.fixture
def answers(monkeypatch):
    def answer(lalm, samples, prompt, *_, **__):
        assert prompt.modalities == ("text",) or not any(s.extra["waveform"].any() for s in samples)
        said = WORDS if prompt.modalities == ("text",) else SILENT
        return [f"<answer>{said[s.id]}</answer>" for s in samples]

    monkeypatch.setattr(run, "generate_texts", answer)


def test_clips_are_marked_counted_and_named(corpus, answers):
    found = listen_filter(MODEL, corpus, progress=False)
    assert {s.id: s.extra[MARK] for s in found["corpus"]} == {"a": False, "b": False, "c": False, "d": True, "e": True}
    assert found["asked"] == {"silence": 5, "words alone": 4} and found["right"] == {"silence": 2, "words alone": 2}
    assert found["guessed"] == {"silence": 1.7, "words alone": 1.3}
    assert (found["kept"], found["dropped"], found["dropped_by_label"]) == (2, 3, {"happy": 3})
    assert found["before"] == 0 and found["by_luck"] == pytest.approx(4 * 5 / 9 + 1 / 3, abs=0.05), "d was asked once"
    assert [(row["id"], row["right"]) for row in found["examples"]] == [
        ("a", ["silence", "words alone"]),
        ("b", ["words alone"]),
        ("c", ["silence"]),
    ]
    assert found["examples"][0]["text"] == "words of a" and MARK not in corpus[0].extra


def test_a_second_model_keeps_the_marks_of_the_first(corpus, answers, monkeypatch):
    first = listen_filter(MODEL, corpus, progress=False)["corpus"]
    monkeypatch.setattr(
        run, "generate_texts", lambda lalm, samples, *_, **__: ["<answer>angry</answer>"] * len(samples)
    )
    found = listen_filter(MODEL, first, progress=False)
    assert [s.id for s in found["corpus"] if not s.extra[MARK]] == ["a", "b", "c", "e"]
    assert (found["dropped"], found["before"]) == (4, 3)
    assert [row["right"] for row in found["examples"]] == [[], [], [], ["silence", "words alone"]]


def test_without_a_voice_there_is_nothing_to_take_away(corpus, answers):
    mute = corpus.replace([EmotionSample("m", text="words", emotion="happy")])
    with pytest.raises(EvaluationError, match="no sample has a voice"):
        listen_filter(MODEL, mute, progress=False)


def test_training_leaves_marked_clips_out_and_measures_on_all(corpus, answers):
    said = []
    marked = listen_filter(MODEL, corpus, progress=False)["corpus"]
    assert [s.id for s in to_listen_to(marked, "test", said.append)] == ["a", "d", "e"]
    assert said == ["2 training samples need no listening and are left out"]
    with pytest.raises(CorpusError, match="run `emolab corpus listen-filter TABLE --mark"):
        to_listen_to(corpus, "test", said.append)
    with pytest.raises(CorpusError, match="every training sample is answered without its voice"):
        to_listen_to(marked[:3], "test", said.append)


def test_the_command_writes_a_table_that_training_reads(tmp_path, monkeypatch, capsys):
    rows = [{"id": name, "audio": f"{name}.wav", "text": f"words of {name}", "emotion": "happy"} for name in "abc"]
    for name in "abc":
        wav(tmp_path / f"{name}.wav")
    (tmp_path / "five.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(inputs, "read_model", lambda *_: (MODEL, get_prompt("direct")))
    said = {"a": "happy", "b": "sad", "c": "sad"}
    monkeypatch.setattr(run, "generate_texts", lambda lalm, samples, *_, **__: [said[s.id] for s in samples])
    tables = {}
    for name, mark in (("kept", False), ("marked", True)):
        out = tmp_path / f"{name}.jsonl"
        listen_command(spec=str(tmp_path / "five.jsonl"), labels="happy, sad", mark=mark, out=out)
        tables[name] = {s.id: s.extra[MARK] for s in Corpus.read(out)}
        assert Corpus.read(out).path(Corpus.read(out)[0]).is_file()
    assert tables == {"kept": {"b": True, "c": True}, "marked": {"a": False, "b": True, "c": True}}
    shown = capsys.readouterr().out
    assert (
        "silence: 1 of 3 answered right (a guess gets 1.5)" in shown and "1 need no listening (happy 1); 2 do" in shown
    )
    assert "a: happy, right with silence and words alone: words of a" in shown
    assert "guessing alone would find about 2.2 that need none" in shown


def test_one_split_is_asked_and_the_others_are_written_as_they_are(tmp_path, monkeypatch, capsys):
    rows = [
        {"id": name, "audio": f"{name}.wav", "text": "words", "emotion": "happy", "split": split, "speaker": name}
        for name, split in (("a", "train"), ("b", "train"), ("c", "test"))
    ]
    for row in rows:
        wav(tmp_path / row["audio"])
    (tmp_path / "three.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(inputs, "read_model", lambda *_: (MODEL, get_prompt("direct")))
    said = {"a": "happy", "b": "sad"}
    monkeypatch.setattr(run, "generate_texts", lambda lalm, samples, *_, **__: [said[s.id] for s in samples])
    for mark, kept in ((True, {"a": False, "b": True, "c": None}), (False, {"b": True, "c": None})):
        out = tmp_path / "out.jsonl"
        listen_command(spec=str(tmp_path / "three.jsonl"), labels="happy, sad", split="train", mark=mark, out=out)
        assert {s.id: s.extra.get(MARK) for s in Corpus.read(out)} == kept
    assert "1 need no listening (happy 1); 1 do" in capsys.readouterr().out
