"""Tables that several commands print for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emolab.cli.output import console

NAMES = {
    "ua": "UA",
    "wa": "WA",
    "weighted_f1": "F1",
    "chance": "chance",
    "parse_rate": "parsed",
    "wheel_f": "wheel F",
    "emotion_f1": "Emo-F1",
    "bleu_4": "BLEU-4",
    "cider": "CIDEr",
    "length": "words",
}
MANY = 2  # metrics; of more, only the first has its interval, and those that have no name above are left to --json


def score_table(rows: Mapping[str, Mapping[str, Any]], title: str = "") -> None:
    """Print result objects as the rows of a table that fits a terminal: each metric that has an interval (`ua` and
    `ua_ci`) with it, WA, weighted F1, chance and parse rate where there are any, n, what was skipped, and the notes. Of
    many metrics, as captions have, only the first has its interval, and some are left out.
    """
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("")
    metrics = [key for key in next(iter(rows.values()), {}) if any(f"{key}_ci" in r for r in rows.values())]
    others = ["wa", "weighted_f1"]
    if len(metrics) > MANY:
        metrics, others = metrics[:1], [key for key in metrics[1:] if key in NAMES]
    single = [key for key in (*others, "chance", "parse_rate") if any(key in r for r in rows.values())]
    for key in metrics:
        table.add_column(NAMES.get(key, key), justify="right")
        table.add_column("95%")
    for key in (*single, "n"):
        table.add_column(NAMES.get(key, key), justify="right")
    for name, r in rows.items():
        cells = [cell for key in metrics for cell in (_number(r.get(key)), _interval(r.get(f"{key}_ci")))]
        table.add_row(name, *cells, *(_number(r.get(key)) for key in single), str(r["n"]))
    terminal = console()
    terminal.print(table)
    for name, r in rows.items():
        skipped = r.get("info", {}).get("skipped", {}).get("skipped", {})
        if skipped:
            counts = ", ".join(f"{n} {reason}" for reason, n in skipped.items())
            terminal.print(f"{name}: skipped {counts}")
        for note in r.get("info", {}).get("notes", ()):
            terminal.print(f"note: {note}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(value: tuple[float, float] | None) -> str:
    return "–" if value is None else f"{value[0]:.2f} – {value[1]:.2f}"
