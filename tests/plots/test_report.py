"""The page of a run shows what its folder holds, for labels, words and captions, finished or without GRPO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emolab.errors import TrainingError
from emolab.evaluate import write_result
from emolab.plots.report import run_report


def run(folder: Path, metric: str, rows: list[dict[str, Any]], grpo: bool = True) -> Path:
    """A run's folder as a recipe leaves it, with the same `rows` after each stage."""
    part = {metric: 0.5, f"{metric}_ci": [0.4, 0.6], "n": len(rows), "parse_rate": 1.0}
    for stage in ("cold_start", "grpo"):
        write_result({"key": {}, "scores": part, "rows": rows}, folder / stage / "scores")
    if grpo:
        steps = [json.dumps({"step": i, "reward": i / 10}) for i in range(5)]
        (folder / "grpo" / "metrics.jsonl").write_text("\n".join(steps))
    result = {
        "recipe": "fake <recipe>",
        "metric": metric,
        "zero_shot": None,
        "sft": part | {metric: None},
        "cold_start": part,
        "grpo": part | {metric: 0.7},
        "controls": {"silent": part | {metric: 0.2}},
        "elsewhere": {"grpo": part},
        "n": {"cold": 2, "train": 3, "test": len(rows)},
        "settings": {"steps": 5},
        "seconds": {"grpo": 1.0},
        "seed": 3,
    }
    (folder / "result.json").write_text(json.dumps(result))
    return folder


def test_a_run_with_labels_shows_stages_confusions_and_answers(tmp_path: Path) -> None:
    row = {"gold": "sad", "predicted": None, "text": "<b>no</b>"}
    rows = [row | {"id": f"s{i}", "elsewhere": i > 1} for i in range(4)]
    page = run_report(run(tmp_path, "ua", rows))
    assert "fake &lt;recipe&gt;, seed 3" in page and "&lt;b&gt;no" in page and "<b>no" not in page
    assert "GRPO: ua 0.700 [0.400, 0.600], from 0.500" in page
    assert page.count("data:image/png") == 4 and all(f"alt='{alt}" in page for alt in ("training", "confusion"))
    assert ">s1<" in page and ">s2<" not in page, "answers from the other domain are not mixed in"


def test_words_and_captions_have_no_confusion_matrix(tmp_path: Path) -> None:
    words = [{"id": "a", "gold": ["gloomy", "sad"], "predicted": ["sad"], "text": "sad"}]
    page = run_report(run(tmp_path / "words", "wheel_f", words))
    assert ">gloomy, sad<" in page and "confusion" not in page
    captions = [{"id": "a", "gold": "sad", "reference": "A low voice.", "predicted": "A voice.", "text": "A voice."}]
    page = run_report(run(tmp_path / "captions", "emotion_f1", captions))
    assert ">A low voice.<" in page and "confusion" not in page


def test_a_cold_start_alone_ends_there_and_an_unfinished_run_is_named(tmp_path: Path) -> None:
    rows = [{"id": "a", "gold": "sad", "predicted": "sad", "text": "sad"}]
    page = run_report(run(tmp_path, "ua", rows, grpo=False))
    assert "cold start: ua 0.500" in page and "training curves" not in page and "GRPO:" not in page
    (tmp_path / "result.json").unlink()
    with pytest.raises(TrainingError, match=r"no result.json; give a folder in which"):
        run_report(tmp_path)
