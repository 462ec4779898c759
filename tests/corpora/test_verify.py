"""Checks of a table's files, counts of a corpus, its sheet of plots, and the commands."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
import typer
from corpus_trees.media import cut, garbage, image, wav
from emolab_corpora.commands import export
from typer.testing import CliRunner

from emolab.cli.corpus import register
from emolab.corpora import CORPORA
from emolab.corpora.verify import corpus_counts, durations_of, verify
from emolab.plots.corpora import corpus_sheet
from emolab.samples import Corpus, EmotionSample

APP = typer.Typer()
register(APP)
APP.command()(export)


def run(*arguments, code=0):
    result = CliRunner().invoke(APP, [*map(str, arguments), "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def table(tmp_path):
    for name in ("good", "quiet", "cut", "bad"):
        wav(tmp_path / f"{name}.wav")
    cut(tmp_path / "cut.wav")
    garbage(tmp_path / "bad.wav")
    samples = [
        EmotionSample(name, audio=f"{name}.wav", emotion="sad", split="test")
        for name in ("good", "quiet", "cut", "bad", "gone")
    ]
    return Corpus(tmp_path, samples, "mine")


def test_verify_finds_as_much_as_it_looks_for(table):
    assert verify(table, "exists").skipped.keys() == {"missing"}
    report = verify(table, "header")
    assert {reason: len(items) for reason, items in report.skipped.items()} == {"missing": 1, "corrupt": 2}
    assert report.found == 2
    assert any("cut.wav: truncated" in item for item in report.skipped["corrupt"])


def test_decoding_also_notes_silence(table):
    import numpy as np
    import soundfile as sf

    sf.write(table.root / "quiet.wav", np.zeros(8_000), 16_000)
    image(table.root / "strip.png")
    table.samples[0] = replace(table.samples[0], video="strip.png")
    report = verify(table, "decode")
    assert report.found == 3
    assert len(report.notes) == 1 and "quiet.wav: silent" in report.notes[0]


def test_ten_thousand_files_are_checked_in_ten_seconds(tmp_path):
    one = wav(tmp_path / "one.wav", 0.05)
    (tmp_path / "many").mkdir()
    for i in range(10_000):
        (tmp_path / f"many/{i}.wav").hardlink_to(one)
    samples = [EmotionSample(str(i), audio=f"many/{i}.wav") for i in range(10_000)]
    path = Corpus(tmp_path, samples).write(tmp_path / "t.parquet")
    started = time.process_time()
    report = verify(Corpus.read(path))
    assert time.process_time() - started < 10.0
    assert report.found == 10_000


def test_counts(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("iemocap")
    counts, seconds = corpus_counts(corpus), durations_of(corpus)
    assert counts["n"] == sum(counts["emotions"].values()) == len(seconds)
    assert counts["n_speakers"] == 10 and counts["splits"] == {"-": counts["n"]}
    assert counts["vad"]["dominance"] == {"n": counts["n"], "min": 1.0, "mean": 1.0, "max": 1.0}
    assert set(seconds) == {0.1}
    assert durations_of(Corpus(corpus.root, [EmotionSample("1", audio="none.wav"), EmotionSample("2")])) == [None, None]


@pytest.mark.parametrize("name", ["iemocap", "meld", "dfew"])
def test_the_sheet_draws_what_is_there(fixture_corpus, name):
    _, _, corpus, _ = fixture_corpus(name)
    figure = corpus_sheet(corpus.to_pandas().assign(seconds=durations_of(corpus)), name)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles[1:] == ["durations", f"speakers: {corpus_counts(corpus)['n_speakers']}", "valence and arousal"]
    assert sum(patch.get_width() for patch in figure.axes[0].patches) == len(corpus)
    told = {text.get_text() for axis in figure.axes for text in axis.texts}
    assert ("not rated" in told) == (name != "iemocap")
    assert ("speakers are not stated" in told) == (name == "dfew")


@pytest.mark.parametrize("name", list(CORPORA))
def test_load_command_tells_counts_splits_speakers_and_every_fault(fixture_corpus, tmp_path, name):
    root, planted, _, _ = fixture_corpus(name)
    result = run("load", name, root, "--out", tmp_path / "t.parquet")
    assert result["found"] == result["n"] == planted.found
    assert {reason: sorted(items) for reason, items in result["items"].items()} == {
        reason: sorted(items) for reason, items in planted.faults.items()
    }
    assert sum(result["emotions"].values()) == sum(result["splits"].values()) == planted.found
    assert {"speakers", "n_speakers", "protocols", "notes", "languages"} <= result.keys()
    assert run("verify", tmp_path / "t.parquet")["ok"]


def test_show_command_draws(fixture_corpus, tmp_path):
    root, planted, _, _ = fixture_corpus("emotiontalk")
    run("load", "emotiontalk", root, "--out", tmp_path / "t.jsonl")
    shown = run("show", tmp_path / "t.jsonl", "--plot", tmp_path / "plot.png")
    assert shown["n"] == planted.found and (tmp_path / "plot.png").stat().st_size > 10_000
    assert "written as .png" in run("show", tmp_path / "t.jsonl", "--plot", "plot.gif", code=1)["error"]


def test_load_command_maps_labels_and_shows_folds(fixture_corpus):
    root, *_ = fixture_corpus("ravdess")
    result = run("load", "ravdess", root, "--labels", "emolab-7", "--protocol", "ravdess-emobox")
    assert result["skipped"]["calm: no such label in the target"] == 24
    assert [fold["test"] for fold in result["folds"]] == [28] * 6
    assert result["folds"][0]["shared_speakers"] == []
    assert (result["fold"], result["splits"]) == ("fold1", {"test": 28, "train": 140})


def test_a_fold_becomes_the_split_of_the_table(fixture_corpus, tmp_path):
    root, *_ = fixture_corpus("iemocap")
    arguments = ("load", "iemocap", root, "--labels", "iemocap-4", "--protocol", "iemocap-5fold")
    result = run(*arguments, "--fold", "Session3", "--out", tmp_path / "t.parquet")
    table = Corpus.read(tmp_path / "t.parquet")
    assert {s.extra["session"] for s in table if s.split == "test"} == {3}
    assert result["splits"] == dict(sorted(table.counts("split").items()))
    assert "expected one of Session1" in run(*arguments, "--fold", "fold9", code=1)["error"]
    spec = run("load", f"iemocap:{root}", "--fold", "3", "--out", tmp_path / "s.parquet")
    assert (spec["fold"], spec["protocol"], spec["labels"]) == ("Session3", "iemocap-5fold", "iemocap-4")
    assert Corpus.read(tmp_path / "s.parquet").samples == table.samples
    mine = run("load", f"ravdess:{fixture_corpus('ravdess')[0]}", "--labels", "calm, happy", "--protocol", "drawn")
    assert set(mine["emotions"]) == {"calm", "happy"} and set(mine["splits"]) == {"train", "val", "test"}


def test_verify_command_fails_where_files_are_bad(table, fixture_corpus):
    table.write(table.root / "table.jsonl")
    result = run("verify", table.root, code=1)
    assert not result["ok"] and result["skipped"] == {"missing": 1, "corrupt": 2}
    assert run("verify", fixture_corpus("savee")[0], "--corpus", "savee", code=1)["expected"] == 480
    assert run("verify", table.root, "--check", "nonsense", code=1)["error"].startswith("--check 'nonsense'")


@pytest.mark.parametrize("form", ["emobox", "swift", "datasets"])
def test_export_command(fixture_corpus, tmp_path, form):
    root, planted, corpus, _ = fixture_corpus("savee")
    corpus.write(tmp_path / "t.jsonl")
    out = run("export", tmp_path / "t.jsonl", tmp_path / "out", "--format", form, "--root", root)
    assert out["n"] == planted.found and (tmp_path / "out").exists()
    if form != "datasets":
        (tmp_path / "out").rename(root / f"{form}.jsonl")
        again = run("load", form, root / f"{form}.jsonl", "--labels", "savee-7")
        assert again["emotions"] == {str(k): v for k, v in sorted(corpus.counts().items())}


def test_the_list_names_licence_and_source():
    listed = run("list")["corpora"]
    assert [row["name"] for row in listed] == list(CORPORA) and all(row["licence"] and row["url"] for row in listed)


@pytest.mark.parametrize(
    "arguments",
    [
        ("load", "raven", "."),
        ("load", "ravdess", "nowhere"),
        ("show", "none.jsonl"),
        ("load", "manifest", "none.csv"),
        ("load", "swift", "none.jsonl"),
        ("load", "manifest", ".", "--labels", "nonsense"),
        ("export", "none.jsonl", "out"),
    ],
)
def test_errors_are_one_line(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(APP, list(arguments))
    assert result.exit_code == 1
    assert result.stderr.startswith("emolab: ") and result.stderr.count("\n") == 1
    assert run(*arguments, code=1)["error"]


def test_screens_are_readable(fixture_corpus, tmp_path):
    root, *_ = fixture_corpus("tess")
    said = (
        CliRunner()
        .invoke(APP, ["load", "tess", str(root), "--protocol", "tess-2fold", "--out", str(tmp_path / "t.parquet")])
        .output
    )
    assert "29 samples, 2 speakers" in said and "not used, duplicate (28)" in said and "and 23 more" in said
    assert "OAF" in said and "0 speakers shared" in said
    assert "29 samples" in CliRunner().invoke(APP, ["show", str(tmp_path / "t.parquet")]).output
    root, *_ = fixture_corpus("cremad")
    assert "run `git lfs pull` in its folder" in CliRunner().invoke(APP, ["load", "cremad", str(root)]).output
    assert "CC BY-NC-ND" in CliRunner().invoke(APP, ["list"]).output
