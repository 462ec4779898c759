"""The page of what was measured on cards, and the rows that the notebooks' cost boxes read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.gpu.parts import STOCK_GB

NOTHING = "No card has been measured yet: `make gpu` on a machine with one fills this page."


def publish(results: Path) -> Path:
    """Write README.md and notebooks.json beside the rows of all cards; returns the page."""
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*/*.json"))]
    rows = [row for row in rows if row.get("card") and row["card"] != "cpu"]
    results.mkdir(parents=True, exist_ok=True)
    lessons = [lesson(row) for row in rows if row["part"].startswith("notebook-") and row["state"] == "done"]
    (results / "notebooks.json").write_text(json.dumps(lessons, indent=1) + "\n", encoding="utf-8")
    page = results / "README.md"
    page.write_text(text(rows), encoding="utf-8")
    return page


def lesson(row: dict[str, Any]) -> dict[str, Any]:
    """A notebook's row as its cost box reads it: the seconds of the notebook itself, without the corpus before it."""
    ran = (row.get("result") or {}).get("notebooks") or [row]
    return {
        "notebook": row["part"].removeprefix("notebook-"),
        "profile": row["environment"]["EMOLAB_PROFILE"],
        "card": f"{row['card']}, random weights",
        "minutes": round(ran[0]["seconds"] / 60, 1),
        "memory_gb": row["used_gb"],
    }


def text(rows: list[dict[str, Any]]) -> str:
    """The page in Markdown."""
    lines = ["# Measured on cards", "", "`make gpu` writes this page. Weights are random, sizes and layouts real.", ""]
    if not rows:
        return "\n".join([*lines, NOTHING, ""])
    for card in sorted({row["card"] for row in rows}):
        mine = [row for row in rows if row["card"] == card]
        kept = mine[0]
        libraries = ", ".join(f"{name} {version}" for name, version in kept["versions"].items() if version)
        lines += [f"## {card}", "", f"{kept['memory_gb']} GB, driver {kept['driver']}; {libraries}.", ""]
        lines += ["| part | state | seconds | GB of the card | |", "|---|---|---:|---:|---|"]
        lines += map(line, mine)
        lines += ["", *speed(mine), *against_trl(mine), *notebooks(mine), *phases(mine)]
    return "\n".join([*lines, ""])


def line(row: dict[str, Any]) -> str:
    """A part's line, with what came of a later try where that one ended worse."""
    notes, again = [row["note"]] if row.get("note") else [], row.get("again")
    if again:
        what = {"failed": "it failed", "stopped": "it was stopped", "left out": "it was left out"}[again["state"]]
        notes.append(f"measured again, {what}: {again['note'] or 'nothing was said'}")
    used = "" if row["used_gb"] is None else row["used_gb"]
    return f"| {row['part']} | {row['state']} | {row['seconds']:.0f} | {used} | {'; '.join(notes)} |"


def speed(rows: list[dict[str, Any]]) -> list[str]:
    """The table of update, rollout, step and memory against the plain path."""
    found = [r for row in rows if row["part"].startswith("grpo-") and row["result"] for r in row["result"]["rows"]]
    if not found:
        return []
    lines = ["| | here | plain | ratio | tokens a second | planner |", "|---|---:|---:|---:|---:|---:|"]
    for row in found:
        here, plain = (f"{row[k]:.3g} {row['unit']}" if row[k] is not None else "no room" for k in ("ours", "plain"))
        ratio = f"{row['ratio']:.2f}×" if row["ratio"] else ""
        off = f"{row['planner_error']:+.0%}" if "planner_error" in row else ""
        lines.append(f"| {row['name']} | {here} | {plain} | {ratio} | {row.get('tokens_per_second', '')} | {off} |")
    return [*lines, ""]


def against_trl(rows: list[dict[str, Any]]) -> list[str]:
    """The table against TRL's own trainer on text; a part that this card does not have says so."""
    heads = ("here, with audio", "TRL on text", "ratio", "TRL's weights", "")
    lines = [
        "A whole step beside TRL's own trainer on the decoder as a text model, with prompts and answers as long:",
        "",
    ]
    lines += [f"| | {' | '.join(heads)} |", "|---|---:|---:|---:|---|---|"]
    known = {row["part"]: row for row in rows}
    for part in ("stock-trl", *(f"{against}-{size}" for against in ("stock", "stock-vllm") for size in STOCK_GB)):
        row = known.get(part, {})
        found = (row.get("result") or {}).get("rows") or []
        said = row.get("note") or ("" if row.get("state") == "done" else row.get("state", ""))
        if not found:
            lines.append(f"| {part} | not measured |  |  |  | {said} |")
        for one in found:
            plain = "no room" if one["plain"] is None else f"{one['plain']:.3g} s"
            times = "" if one["ratio"] is None else f"{one['ratio']:.2f}×"
            weights = f"{one['text']}, sampled by {one['sampled_by']}" if "text" in one else "40 M, all of them trained"
            lines.append(f"| {one['name']} | {one['ours']:.3g} s | {plain} | {times} | {weights} | {said} |")
    return [*lines, ""]


def notebooks(rows: list[dict[str, Any]]) -> list[str]:
    """What ran of the notebooks, what failed, and whether any had its profile's own sizes."""
    smallest = [row for row in rows if row["environment"].get("EMOLAB_COURSE") == "smoke"]
    own = [row for row in rows if row["part"].startswith("notebook-") and row not in smallest]
    lines = ["Notebooks, with random weights:", ""]
    lines += [f"- {outcomes(row)}" for row in smallest if (row["result"] or {}).get("notebooks")]
    for state, said in (("done", "ran to their end"), ("failed", "failed"), ("stopped", "did not end in their time")):
        names = [row["part"].removeprefix("notebook-") for row in own if row["state"] == state]
        lines += [f"- At their profile's own sizes, {', '.join(names)} {said}."] if names else []
    if not any(row["state"] == "done" for row in own):
        lines.append("- At their profile's own sizes: not measured. No notebook has run so on this card yet.")
    return [*lines, ""]


def outcomes(row: dict[str, Any]) -> str:
    """Which notebooks of a row ran at their smallest sizes, and which failed."""
    ran = row["result"]["notebooks"]
    good, bad = (", ".join(one["name"] for one in ran if one["ok"] is ok) for ok in (True, False))
    failed = f" {bad} failed." if bad else ""
    at = f"At their smallest sizes (`EMOLAB_COURSE=smoke`), with profile `{row['environment']['EMOLAB_PROFILE']}`"
    return f"{at}: {good or 'none'} ran to their end.{failed} The others were not tried."


REHEARSED = """# Rehearsals at full size

`make rehearse PROFILE=gpu-24gb` builds a profile's model with its real configuration, key layout and shards and random
weights, and walks the package with it. On a CPU memory is counted where tensors are allocated, the model included, and
a step is 1 prompt × 2 completions × 6 tokens, its layers computed again in the backward. "Planned" is
`emolab.training.planner` for the same sizes, without what only a card takes (context, fragmentation). CPU seconds are
summed over threads; they say more where others used the machine. A rehearsal also notes the most resident memory of the
process in each phase, that of building the model among them; a table without that column is older.
"""


def rehearsals(folder: Path) -> Path:
    """Write README.md beside the rehearsals' JSON files; returns it."""
    lines = [REHEARSED]
    for path in sorted(folder.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        versions = ", ".join(f"{name} {found['versions'][name]}" for name in ("torch", "transformers"))
        lines += [f"## {found['model']} ({path.stem})", "", f"{found['device']}; {versions}; `{found['command']}`", ""]
        resident = any("resident_peak_gb" in row for row in found["phases"])
        lines += [
            f"| phase | seconds | CPU s | peak GB | planned GB | planner |{' most GB resident |' * resident} |",
            f"|---|---:|---:|---:|---:|---:|{'---:|' * resident}---|",
        ]
        for row in found["phases"]:
            off = f"{row['error']:+.0%}" if row["error"] is not None else ""
            times = f"{row['seconds']:.0f} | {row['cpu_seconds']:.0f}"
            host = f" {row['resident_peak_gb']} |" if resident else ""
            lines.append(f"| {row['phase']} | {times} | {_gigabytes(row)} | {off} |{host} {row['note']} |")
        lines.append("")
    page = folder / "README.md"
    page.write_text("\n".join(lines), encoding="utf-8")
    return page


def phases(rows: list[dict[str, Any]]) -> list[str]:
    """The tables of the rehearsals."""
    lines = []
    for found in (row["result"] for row in rows if row["part"].startswith("rehearse") and row["result"]):
        step = found["config"]
        lines += [
            f"Rehearsal of {found['model']} ({step['profile']}); a GRPO step is {step['prompts']} prompts × "
            f"{step['group']} completions × {step['tokens']} tokens:",
            "",
            "| phase | seconds | peak GB | planned GB |",
            "|---|---:|---:|---:|",
        ]
        for row in found["phases"]:
            lines.append(f"| {row['phase']} | {row['seconds']} | {_gigabytes(row)} |")
        lines.append("")
    return lines


def _gigabytes(phase: dict[str, Any]) -> str:
    """Peak and planned memory as two cells, empty where there is none."""
    return " | ".join("" if phase[key] is None else str(phase[key]) for key in ("peak_gb", "planned_gb"))


if __name__ == "__main__":
    from benchmarks.gpu import films, hardware

    publish(hardware.RESULTS / "gpu")
    rehearsals(hardware.RESULTS / "rehearse")
    hardware.write()
    films.write()
