"""A recipe's run as one HTML page that needs no network: scores, controls, curves, confusions, answers."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emolab.evaluate.results import KEYS, labels_in, read_result
from emolab.plots.evaluation import CONTROL_NAMES, STATED, confusion_matrix, score_bars
from emolab.plots.explanation import page, picture
from emolab.plots.training import training_curves
from emolab.recipes.share import score_text
from emolab.training.callbacks import read_metrics
from emolab.training.runs import METRICS, SCORES, STAGES, read_run

EXAMPLES = 8
SIDE_BY_SIDE = "display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start"
CELL = "padding:3px 10px;text-align:left;vertical-align:top;border-bottom:1px solid #e4e8ec"


def run_report(folder: str | Path) -> str:
    """The page of a run, from what `emolab train` left in its folder.

    Raises TrainingError where the folder holds no finished run.
    """
    folder = Path(folder)
    result = read_run(folder)
    history = read_metrics(folder / "grpo" / METRICS)
    stages = {name: result[name] for name in STAGES if result.get(name) and (history or name != "grpo")}
    shown = [_heading(result, stages), _scores(result, stages), _curves(history)]
    parts = [*shown, _answers(folder, result, stages), _made(result)]
    body = "".join(f"<section style='margin:18px 0'>{part}</section>" for part in parts if part)
    title = f"{result['recipe']}, seed {result['seed']}"
    return page(f"<div style='font-family:sans-serif;max-width:980px;margin:auto'>{body}</div>", title)


def _heading(result: Mapping[str, Any], stages: Mapping[str, Mapping[str, Any]]) -> str:
    metric, last = result["metric"], list(stages)[-1]
    said = f"{STAGES[last]}: {metric} {score_text(stages[last], metric, 3)}"
    if last == "grpo":
        said += f", from {score_text(stages['cold_start'], metric, 3)} after the cold start"
    n = result["n"]
    return (
        f"<h1 style='font-size:22px'>{html.escape(result['recipe'])}, seed {result['seed']}</h1>"
        f"<p>{html.escape(said)}. {n['cold']} samples to start from, {n['train']} for the rewards, {n['test']} "
        "measured. Intervals: 95%, bootstrap over talkers where they are known.</p>"
    )


def _scores(result: Mapping[str, Any], stages: Mapping[str, Mapping[str, Any]]) -> str:
    metric = result["metric"]
    chance = result.get("chance", STATED) if metric == "ua" else None
    bars = {STAGES[name]: part for name, part in stages.items() if part.get(metric) is not None}
    figures = [picture(score_bars(bars, metric, chance, "What each stage reaches"), f"{metric} of each stage")]
    last = list(stages)[-1]
    under = {"as recorded": stages[last]}
    under |= {CONTROL_NAMES.get(name, name).replace("\n", " "): part for name, part in result["controls"].items()}
    if last in result["elsewhere"]:
        under["other domain"] = result["elsewhere"][last]
    if len(under) > 1:
        title = f"{STAGES[last]}, with the evidence taken away"
        figures.append(picture(score_bars(under, metric, chance, title), f"{metric} under controls"))
    halves = "".join(f"<div style='flex:1 1 400px;min-width:0'>{figure}</div>" for figure in figures)
    return f"<div style='{SIDE_BY_SIDE}'>{halves}</div>"


def _curves(history: Sequence[Mapping[str, Any]]) -> str:
    return picture(training_curves(history, title="GRPO, step by step"), "training curves") if history else ""


def _answers(folder: Path, result: Mapping[str, Any], stages: Mapping[str, Mapping[str, Any]]) -> str:
    places = {name: folder / name / SCORES for name in stages}
    found = {name: read_result(at)["rows"] for name, at in places.items() if at.with_suffix(".parquet").is_file()}
    rows = {name: [row for row in every if not row.get("elsewhere")] for name, every in found.items()}
    if not rows:
        return ""
    last = list(rows)[-1]
    parts = []
    if result["metric"] in KEYS:
        labels = result.get("labels") or labels_in(rows[last])
        title = f"{STAGES[last]}: who is mistaken for whom, %"
        parts.append(picture(confusion_matrix(rows[last], labels, title), "confusion matrix"))
    step = max(1, len(rows[last]) // EXAMPLES)
    lines = [
        [row["id"], _words(row.get("reference") or row["gold"]), *(_said(rows[name], row["id"]) for name in rows)]
        for row in rows[last][::step][:EXAMPLES]
    ]
    return "".join(parts) + _table(["sample", "gold", *(STAGES[name] for name in rows)], lines)


def _said(rows: Sequence[Mapping[str, Any]], sample: str) -> str:
    return next((str(row["text"]) for row in rows if row["id"] == sample), "–")


def _words(gold: Any) -> str:
    return gold if isinstance(gold, str) else ", ".join(gold)


def _made(result: Mapping[str, Any]) -> str:
    settings = [[name, json.dumps(value)] for name, value in result["settings"].items()]
    seconds = [[name, f"{value:.0f} s"] for name, value in result["seconds"].items()]
    tables = _table(["setting", "value"], settings) + _table(["stage", "time"], seconds)
    return f"<details><summary>Settings and times</summary><div style='{SIDE_BY_SIDE}'>{tables}</div></details>"


def _table(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th style='{CELL}'>{html.escape(title)}</th>" for title in titles)
    cell = f"<td style='{CELL}'>{{}}</td>"
    body = "".join(f"<tr>{''.join(cell.format(html.escape(text)) for text in line)}</tr>" for line in lines)
    return f"<table style='border-collapse:collapse;font-size:13px'><tr>{head}</tr>{body}</table>"
