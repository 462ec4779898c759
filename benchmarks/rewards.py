"""How fast rewards are on one core: parsing, each part, whole rubrics, and re-scoring; with the limits they must
keep."""

from __future__ import annotations

import json
import platform
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from emolab.cli.output import JsonOption, command, emit

RESULT = Path(__file__).resolve().parent / "results" / "rewards.json"
LIMITS = {"affectgpt_rl, 10,000 completions": 5.0, "re-score 2,000 rollouts, six parts": 0.5}
SENTENCES = (
    "The voice is low and slow.",
    "It rises at the end.",
    "She sounds {}.",
    "The pace is fast and loud.",
    "The words themselves say little.",
    "I hear a {} tone in it.",
)


def register(app: typer.Typer) -> None:
    """Add `rewards` to the group `bench`."""
    app.command("rewards")(rewards)


def completions(n: int, seed: int = 0) -> dict[str, list[Any]]:
    """Rollouts like a model's: n different completions in groups of eight, with every column that rewards read."""
    from emolab.emotions import EMOTIONS
    from emolab.wheels.shipped import forms

    draw = random.Random(seed)
    words = list(forms())
    gold, label = words[:3], "neutral"
    rows: dict[str, list[Any]] = {name: [] for name in ("row", "prompt", "completion", "solution", "words", "caption")}
    for i in range(n):
        if i % 8 == 0:
            gold, label = draw.sample(words, 3), draw.choice(EMOTIONS)
        think = " ".join(s.format(draw.choice(words)) for s in draw.choices(SENTENCES, k=4))
        answer = ", ".join(draw.sample(words, draw.randint(1, 4)))
        text = f"<think>{think} ({i})</think><answer>{answer}</answer>"
        values = (
            i // 8,
            "What does the speaker feel?",
            text,
            label,
            gold,
            f"The speaker sounds {gold[0]}, with a low voice.",
        )
        for column, value in zip(rows.values(), values, strict=True):
            column.append(value)
    return rows


def six_parts() -> Any:
    """A rubric of six parts over one completion."""
    from emolab.rewards import ESWR, Accuracy, Format, Part, Rubric, Structure
    from emolab.rewards.wheel import Alignment, WheelF

    return Rubric("six", tuple(map(Part, (Accuracy(), ESWR(), Format("free"), Structure(), WheelF(), Alignment()))))


def cold(action: Callable[[], Any], repeats: int = 3) -> float:
    """Least processor seconds of `action`, every cache of texts emptied before each repeat."""
    from emolab import parsing
    from emolab.rewards import captions, embedding
    from emolab.wheels import scan, shipped

    best = float("inf")
    for _ in range(repeats):
        for cache in (
            parsing.parse,
            scan._scan_cached,
            captions.profile,
            embedding._built_in,
        ):
            cache.cache_clear()
        shipped.embedded()._seen.clear()
        start = time.process_time()
        action()
        best = min(best, time.process_time() - start)
    return best


def measure() -> list[dict[str, Any]]:
    """Rows {"what", "seconds", "limit"}; seconds of one core, caches cold."""
    from emolab.parsing import parse
    from emolab.rewards.shipped import RUBRICS
    from emolab.rewards.shipped import rubric as shipped

    many, few = completions(10_000), completions(2_000, seed=1)
    rows = [
        _row("parse, 10,000 completions", lambda: [parse(text) for text in many["completion"]]),
        _row("parse, 1 MB of tags", lambda: parse("<think>" * 142_857)),
        _row("parse, 1 MB of text", lambda: parse("<answer>" + "sad, " * 200_000)),
        _row("re-score 2,000 rollouts, six parts", lambda: six_parts().rescore(few)),
    ]
    rows += [
        _row(f"{rubric.name}, 10,000 completions", lambda rubric=rubric: rubric.rescore(many, progress=1.0))
        for rubric in map(shipped, RUBRICS)
        if not rubric.name.endswith("published")
    ]
    return rows


def _row(what: str, action: Callable[[], Any]) -> dict[str, Any]:
    action()  # tables are loaded and classes imported once
    return {"what": what, "seconds": cold(action), "limit": LIMITS.get(what)}


@command
def rewards(as_json: JsonOption = False) -> None:
    """Measure parsing, rubrics and re-scoring on one core; fails where a limit is not kept."""
    rows = measure()
    ok = all(row["limit"] is None or row["seconds"] <= row["limit"] for row in rows)
    result = {"ok": ok, "rows": rows, "python": platform.python_version(), "machine": platform.machine()}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    emit(result, as_json, _render)
    if not ok:
        raise typer.Exit(1)


def _render(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "seconds", "at most", title="Rewards on one core, caches cold", title_justify="left")
    for row in result["rows"]:
        table.add_row(row["what"], f"{row['seconds']:.3f}", "" if row["limit"] is None else f"{row['limit']:g}")
    Console().print(table)
