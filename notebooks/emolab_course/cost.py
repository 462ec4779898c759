"""The box that says what a notebook costs, made from measured runs alone: study time, minutes, memory.

A source holds `<!-- cost study=30 -->` in its opening cell; `emolab course build` writes the table below it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from emolab.paths import CHECKOUT

MARKER = re.compile(r"<!-- cost study=(\d+) -->")
MEASURED = CHECKOUT / "benchmarks" / "results" / "gpu" / "notebooks.json"
NOT_YET = "not measured yet"


def with_cost(text: str, stem: str, run: Mapping[str, Any] | None) -> str:
    """An opening cell's text with the table below its marker. `run` is the stamp of the committed run, or None."""
    return MARKER.sub(lambda found: f"{found[0]}\n{cost_table(stem, int(found[1]), run)}", text)


def cost_table(stem: str, study: int, run: Mapping[str, Any] | None) -> str:
    """The table: how long studying takes by our estimate, and what was measured on each machine so far."""
    rows = [("cpu", "two CPU cores", run["seconds"] / 60, run["memory_gb"])] if run else []
    rows += [(row["profile"], row["card"], row["minutes"], row["memory_gb"]) for row in gpu_rows(stem)]
    profiles = {row[0] for row in rows}
    lines = [
        f"Study time is about {study} minutes (an estimate). Nothing is downloaded on the `cpu` profile.",
        "",
        "| profile | measured on | minutes | memory |",
        "|---|---|---:|---:|",
    ]
    lines += [f"| `{name}` | {card} | {minutes:.1f} | {memory:.1f} GB |" for name, card, minutes, memory in rows]
    if "cpu" not in profiles:
        lines.append(f"| `cpu` | {NOT_YET} | | |")
    if not any(name.startswith("gpu") for name in profiles):
        lines.append(f"| `gpu-…` | {NOT_YET} | | |")
    return "\n".join(lines)


def gpu_rows(stem: str) -> list[dict[str, Any]]:
    """The rows that `make gpu` measured for a notebook."""
    if not MEASURED.is_file():
        return []
    rows: list[dict[str, Any]] = json.loads(MEASURED.read_text(encoding="utf-8"))
    return [row for row in rows if row["notebook"] == stem]
