"""`zeroshot`, `evaluate` and `attribute` from the command line, on a small corpus on disk and a tiny random model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from PIL import Image
from typer.testing import CliRunner

from emolab.emotions import EMOTIONS
from emolab.samples import Corpus, EmotionSample

CONTRACT = {"ua", "wa", "ua_ci", "n", "parse_rate", "seed", "seconds"}


pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-eight clips of 0.6 s with faces, in two splits, with a table and its truth."""
    root = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    samples, truth = [], []
    for i in range(28):
        split = "train" if i < 14 else "test"
        wave = 0.1 * np.sin(np.arange(9600) * (0.03 + 0.01 * (i % 7))) + rng.normal(0, 0.01, 9600)
        soundfile.write(root / f"{i}.wav", wave, 16_000)
        Image.fromarray(rng.integers(0, 255, (32, 128, 3), dtype=np.uint8)).save(root / f"{i}.png")
        condition, carrier = [("A", "audio"), ("V", "video"), ("T", "text")][i % 3]
        extra = {"condition": condition, "carriers": [carrier], "distractors": []}
        shown = {"audio": "neutral", "video": "neutral", "text": "neutral"} | {carrier: EMOTIONS[i % 7]}
        truth.append(json.dumps({"id": f"s{i}", "shown": shown}))
        samples.append(
            EmotionSample(
                f"s{i}",
                f"{i}.wav",
                f"{i}.png",
                "the train leaves at nine",
                EMOTIONS[i % 7],
                f"{split}{i % 3}",
                split,
                extra=extra,
            )
        )
    Corpus(root, samples).write(root / "table.jsonl")
    (root / "truth.jsonl").write_text("\n".join(truth))
    return root


def run(name: str, *arguments: object) -> tuple[int, dict[str, Any]]:
    from importlib import import_module

    app = typer.Typer()
    home = {"zeroshot": "evaluate"}.get(name, name)
    app.command()(getattr(import_module(f"emolab.cli.{home}"), name))
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_zeroshot_gives_generated_scored_controlled_and_classical(folder):
    status, result = run("zeroshot", "--corpus", folder, "--out", folder / "out" / "zero.json")
    assert status == 0 and set(result) >= CONTRACT and result["n"] == 14
    assert set(result["labels"]) == {"none", "contextual", "mean"}
    assert all(set(result["controls"][k]) >= CONTRACT for k in ("silent", "swapped", "shuffled"))
    assert set(result["baseline"]) >= CONTRACT and result["baseline"]["ua"] > 0.3
    saved = json.loads((folder / "out" / "zero.json").read_text())
    assert saved["controls"]["silent"]["ua"] == result["controls"]["silent"]["ua"]
    assert (folder / "out" / "zero.parquet").is_file()


def test_evaluate_scores_part_of_a_corpus_and_draws(folder):
    picture = folder / "confusion.png"
    status, result = run(
        "evaluate", "--corpus", folder, "--mode", "labels", "--where", "condition=A,T", "--confusion", picture
    )
    assert status == 0 and set(result) >= CONTRACT and 0 < result["n"] < 14 and picture.stat().st_size > 1000
    status, result = run("evaluate", "--corpus", folder, "--control", "deaf")
    assert status == 1 and "silent, swapped" in result["error"]
    status, result = run("evaluate", "--corpus", folder / "nowhere")
    assert status == 1 and "no such table" in result["error"]


@pytest.mark.parametrize(("prompt", "key"), [("words", "wheel_f"), ("caption", "emotion_f1")])
def test_evaluate_scores_what_the_prompt_asks_for(folder, prompt, key):
    table = Corpus.read(folder)
    told = [replace(s, words=("sad", "gloomy"), caption="The speaker feels sad.") for s in table]
    out = folder / f"told-{prompt}.jsonl"
    Corpus(folder, told).write(out)
    options = ("--corpus", out, "--prompt", prompt, "--limit", 3, "--max-new-tokens", 4)
    status, result = run("evaluate", *options)
    assert status == 0 and result["n"] == 3 and {key, f"{key}_ci", "parse_rate"} <= set(result)
    status, result = run("evaluate", *options, "--mode", "labels")
    assert status == 1 and "asks for no label" in result["error"]


def test_attribute_explains_a_file(folder):
    page = folder / "page.html"
    status, result = run("attribute", folder / "20.wav", "--corpus", folder, "--text", "oh no", "--html", page)
    assert status == 0 and set(result["phi"]) == {"audio", "text"}
    assert set(result["players"]) == {"word", "window", "spoken"}
    assert sum(result["phi"].values()) == pytest.approx(result["full"] - result["empty"], abs=1e-5)
    text = page.read_text()
    assert text.startswith("<!doctype html>") and "data:audio/flac" in text and "http" not in text
    status, result = run("attribute", folder / "none.wav", "--absence", "silence")
    assert status == 1 and "none.wav" in result["error"]


def test_validate_gives_methods_with_recovery_and_intervals(folder, monkeypatch):
    from benchmarks.truth import suite

    monkeypatch.setattr(suite.validate, "__defaults__", _quick(suite.validate))
    from emolab.cli.main import build

    arguments = ("bench", "validate", "--corpus", folder, "--n", 9, "--n-checks", 3, "--json")
    done = CliRunner().invoke(build(), [*map(str, arguments)])
    result = json.loads(done.stdout)
    assert done.exit_code == 0 and result["methods"]
    assert all({"name", "recovery", "recovery_ci", "auc"} <= set(row) for row in result["methods"])


def _quick(function: Any) -> tuple[Any, ...]:
    """Defaults without the costlier checks: they have tests of their own."""
    import inspect

    names = [p for p in inspect.signature(function).parameters.values() if p.default is not p.empty]
    quick = {"n_checks": 3, "checks": (), "n_boot": 20}
    return tuple(quick.get(p.name, p.default) for p in names)


def test_the_truth_benchmark_writes_a_page_with_a_table_and_readmes_section(tmp_path):
    from emolab.cli.bench import FOLDER, load_benchmark

    row = {"name": "Shapley, swap", "recovery": 0.9, "recovery_ci": [0.8, 1.0], "auc": 0.95, "auc_ci": [0.9, 1.0]}
    stated = {"hallucination": 0.25, "hallucination_ci": [0.2, 0.3]}
    suite = {"methods": [row], "n": 60, "answered_right": 0.5, "modalities": ["audio", "text"], "stated": stated}
    before = suite | {"methods": [row | {"recovery": None, "recovery_ci": None}]}
    readme = tmp_path / "README.md"
    readme.write_text("<!-- attribution:begin -->\n<!-- attribution:end -->\n")
    result = {"before": before, "after": suite, "command": "emolab bench truth"}
    load_benchmark(FOLDER / "truth").write_page(result, readme, tmp_path)
    page = (tmp_path / "truth.md").read_text()
    assert "| Shapley, swap | –<br>0.90 [0.80, 1.00] | 0.95 [0.90, 1.00]" in page and "- AUC: 1: carriers" in page
    section = readme.read_text()
    assert section.count("0.25 [0.20, 0.30]") == 2 and "shown audio, text. Of 60 held-out samples" in section
    assert (tmp_path / "truth.svg").stat().st_size > 1000
