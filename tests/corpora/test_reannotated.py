"""Corpora that others have annotated anew, EmotionCoT and MMEVerse, in small trees of the published layouts."""

from __future__ import annotations

import json
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from corpus_trees.media import clip, cut, text, wav
from emolab_corpora import emotioncot, mmeverse

from emolab.errors import CorpusError

COT = {  # the example of the data set's card, which names each column, with a path and words of our own
    "audio_path": "IEMOCAP/Ses01F_impro01_F000.wav",
    "transcription": "Excuse me.",
    "emotion": "neutral",
    "pitch_level": "normal",
    "energy_level": "high",
    "speed_level": "normal",
    "stressed_words": ["Excuse", "me"],
    "intonation": "rising",
    "gender": "Female",
    "age_level": "Young Adult",
    "cot_analysis": "The pitch is normal and the intonation rises. She asks politely.",
}


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_emotioncot_is_read_with_its_reasoning_and_its_levels(tmp_path):
    other = {"audio_path": "MELD/dia0_utt0.wav", "emotion": "contempt", "reasoning": "Low and slow."}  # of its script
    text(tmp_path / "emotioncot_iemocap.jsonl", lines(COT, COT | {"audio_path": "IEMOCAP/absent.wav"}))
    text(tmp_path / "emotioncot_meld.jsonl", lines(other))
    wav(tmp_path / COT["audio_path"])
    wav(tmp_path / "MELD/dia0_utt0.wav")
    corpus, report = emotioncot.load(tmp_path)
    assert report.skipped == {"missing": ["IEMOCAP/absent.wav"]} and report.found == 2
    first, second = corpus
    assert (first.text, first.emotion, first.caption) == ("Excuse me.", "neutral", COT["cot_analysis"])
    assert first.parts["voice"] == "normal pitch, high energy, normal speed, rising intonation, stress on Excuse, me"
    assert first.extra["gender"] == "Female" and first.extra["stressed_words"] == ["Excuse", "me"]
    assert second.caption == "Low and slow."
    assert second.emotion == "contempt" and not second.parts and not second.extra, "labels stay as published"
    assert {"neutral", "contempt"} <= set(corpus.labels) and first.language == "en"
    assert corpus.path(first).is_file()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({k: v for k, v in COT.items() if k != "cot_analysis"}, "row 1: column 'cot_analysis' is missing"),
        (COT | {"audio_path": "../elsewhere.wav"}, "leads out of"),
        ([COT], "column 'audio_path' is missing"),
    ],
)
def test_a_row_of_another_form_is_named(tmp_path, row, said):
    text(tmp_path / "a.jsonl", lines(row))
    with pytest.raises(CorpusError, match=said):
        emotioncot.load(tmp_path)


def tree(root, name="MELD", columns="video_id,Emotion,Sentiment,text,mode", rows=()):
    """A source of MMEVerse: its table, and a clip for each row but those that end with `no clip`."""
    more = ",response_Qwen2Audio,response_Qwen25vl_72B"
    text(
        root / f"{name}_merged.csv",
        "\n".join([columns + more, *(f"{row},A flat voice.,A still face." for row in rows)]),
    )
    for row in rows:
        clip(root / "video" / f"{row.split(',')[0]}.mp4")


def test_mmeverse_keeps_labels_parts_and_what_models_told(tmp_path):
    folder = tmp_path / "MELD"
    rows = [
        "dia0_utt0,neutral,neutral,Hello,train",
        "dia0_utt1,joy,positive,Great,dev",
        "dia1_utt0,anger,negative,No,test",
        "dia1_utt1,sadness,negative,Oh,test",
        "dia1_utt2,,neutral,Well,test",
    ]
    tree(folder, rows=rows)
    cut(folder / "video/dia1_utt1.mp4")
    clip(folder / "video/dia9_utt9.mp4")
    text(tmp_path / "AU_gpt/MELD_AU_gpt.csv", "video_id,gpt-4o-mini_Emotion\ndia0_utt1,She laughs out loud.\n")
    corpus, report = mmeverse.load(folder)
    assert {reason: len(items) for reason, items in report.skipped.items()} == {"corrupt": 1, "unlabelled": 2}
    found = {s.id.removeprefix("mmeverse-MELD-"): s for s in corpus}
    assert {key: (s.emotion, s.split, s.text) for key, s in found.items()} == {
        "dia0_utt0": ("neutral", "train", "Hello"),
        "dia0_utt1": ("joy", "val", "Great"),
        "dia1_utt0": ("anger", "test", "No"),
    }
    sample = found["dia0_utt1"]
    assert sample.audio == sample.video == "video/dia0_utt1.mp4" and sample.extra["part"] == "dev"
    assert (
        sample.parts == {"voice": "A flat voice", "face": "A still face"} and sample.caption == "She laughs out loud."
    )
    assert found["dia0_utt0"].caption is None


@pytest.mark.parametrize(
    ("name", "columns", "row", "found"),
    [
        (
            "IEMOCAP",
            "video_id,official_label,text,session",
            "Ses05F_1,excited,Yes,Session5",
            ("excited", "test", "Yes"),
        ),
        ("IEMOCAP", "video_id,official_label,text,session", "Ses01F,anger,Yes,Session1", ("anger", "train", "Yes")),
        ("CAER", "video_id,emotion_label,text_whisper,mode", "a,fear,Run,validation", ("fear", "val", "Run")),
        ("DFEW", "video_id,label,sentence,mode", "a,happy,Run,test", ("happy", "test", "Run")),
        ("E3", "video_id,emotion,conversation,mode", "a,shy,Run,val", ("shy", "val", "Run")),
        ("MAFW", "video_id,single_label,text_whisper,mode", "a,anxiety,Run,train", ("anxiety", "train", "Run")),
        ("MC-EIU", "video_id,emotion,Subtitle,mode", "a,happy,Run,test", ("happy", "test", "Run")),
        (
            "MER2024",
            "video_id,emotion_label,chinese,english,MER2023_mode,MER2024_mode",
            "a,worried,走,Go,test2,",
            ("worried", "test", "走"),
        ),
        (
            "MER2024",
            "video_id,emotion_label,chinese,english,MER2023_mode,MER2024_mode",
            "a,sad,,Go,,test_semi",
            ("sad", "test", "Go"),
        ),
    ],
)
def test_each_source_of_mmeverse_has_columns_of_its_own(tmp_path, name, columns, row, found):
    tree(tmp_path, name, columns, [row])
    corpus, _ = mmeverse.load(tmp_path)
    assert [(s.emotion, s.split, s.text) for s in corpus] == [found]
    assert found[0] in corpus.labels


def test_mmeverse_asks_for_one_source(tmp_path):
    tree(tmp_path / "MELD", rows=["dia0_utt0,neutral,neutral,Hello,train"])
    tree(tmp_path / "CAER", "CAER", "video_id,emotion_label,mode", ["a,fear,train"])
    with pytest.raises(CorpusError, match=r"give the folder of one source of MMEVerse.*this one has CAER, MELD"):
        mmeverse.load(tmp_path)
    text(tmp_path / "mosi/CMU-MOSI_merged.csv", "video_id,sentiment_label\n")
    with pytest.raises(CorpusError, match="this one has CMU-MOSI"):
        mmeverse.load(tmp_path / "mosi")


def test_every_entry_point_of_the_package_names_something_that_is_there():
    written = Path(emotioncot.__file__).parents[1] / "pyproject.toml"
    groups = tomllib.loads(written.read_text(encoding="utf-8"))["project"]["entry-points"]
    assert {"emotioncot", "mmeverse"} <= set(groups["emolab.corpus"])
    for named in (target for group in groups.values() for target in group.values()):
        module, _, name = named.partition(":")
        assert getattr(import_module(module), name), named
