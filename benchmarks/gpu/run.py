"""Run parts one after the other: skip what is done, wait for room, stop what takes too long, keep what came out.

All ends within the minutes that were asked for: a part begins only where its own limit still fits into them. A row that
ended well is not lost to a later try that did not: that one is noted beside it (`again`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.parts import ROOT, Card, Part, command_of, environment, versions

WAIT = 60.0
"""Seconds that a part waits for room on a shared card."""
PATIENCE = 15.0
"""Seconds that a part has to end itself where it is told to, before it is killed; its limit holds them twice."""
WORTH = ("done", "stopped", "failed", "left out")
"""A row is never replaced by one whose state stands behind its own here."""


def run_parts(
    parts: Sequence[Part], card: Card, folder: Path, minutes: float, again: bool = False
) -> list[dict[str, Any]]:
    """The rows of all parts; those that are done are read, and none begins that could last beyond `minutes`."""
    rows, end = [], time.monotonic() + 60 * minutes
    for number, part in enumerate(parts, 1):
        known = done(folder / f"{part.name}.json")
        latest = end - part.limit
        if known is not None and not again:
            rows.append(known | {"state": "kept"})
        elif part.left_out:
            rows.append(left_out(part, card, folder))
        elif time.monotonic() > latest:
            note = f"may take {part.limit:.0f} s, and fewer are left; give the command again to go on"
            rows.append({"part": part.name, "state": "left", "note": note})
        elif not room(card, part.needs_gb, latest):
            note = f"needs {part.needs_gb:g} GB, {card.free_gb():.1f} GB are free; give the command again later"
            rows.append({"part": part.name, "state": "left", "note": note})
        else:
            sys.stderr.write(f"[{number}/{len(parts)}] {part.name}\n")
            rows.append(run_part(part, card, folder))
    return rows


def done(path: Path) -> dict[str, Any] | None:
    """A part's row, where its last try with these versions ended well, or took the time that a part has."""
    row = read(path)
    last = row | row.get("again", {})
    return row if last.get("state") in ("done", "stopped") and last.get("versions") == versions() else None


def read(path: Path) -> dict[str, Any]:
    """A part's row; empty where there is none."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def keep(path: Path, row: dict[str, Any]) -> dict[str, Any]:
    """Write a row, or note it beside the one that is there where that one ended better; returns `row`."""
    from emolab.files import write_json

    known = read(path)
    worse = known and WORTH.index(row["state"]) > WORTH.index(known["state"])
    beside = {key: row.get(key) for key in ("state", "versions", "seconds", "note")}
    write_json(path, known | {"again": beside} if worse else row)
    return row


def room(card: Card, gigabytes: float, latest: float = float("inf")) -> bool:
    """Whether so much of the card is free, now or within a minute that ends before `latest`."""
    end = min(latest, time.monotonic() + WAIT)
    while card.free_gb() < gigabytes:
        if time.monotonic() > end:
            return False
        time.sleep(5)
    return True


def run_part(part: Part, card: Card, folder: Path) -> dict[str, Any]:
    """Run a part, keep its row as `folder/PART.json`, and return it."""
    before, least, start = card.free_gb(), card.free_gb(), time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        child = subprocess.Popen(
            command_of(part), cwd=ROOT, env=environment(part), stdout=out, stderr=err, start_new_session=True
        )
        try:
            while child.poll() is None and time.monotonic() < start + part.limit - 2 * PATIENCE:
                time.sleep(0.5)
                least = min(least, card.free_gb())
        finally:
            late = child.poll() is None
            if late:
                stop(child, PATIENCE)
        said, told = (stream.seek(0) or stream.read() for stream in (out, err))
    row = {
        **described(part, card),
        "state": "stopped" if late else "failed" if child.returncode else "done",
        "seconds": round(time.monotonic() - start, 1),
        "used_gb": round(before - least, 2) if card.device == "cuda" else None,
    }
    if late:
        row["note"] = f"did not end in its {part.limit:.0f} s; --again --only {part.name} gives it another try"
    elif child.returncode:
        row["note"] = next((line for line in reversed((told or said).splitlines()) if line.strip()), "")[:300]
    row["result"] = parsed(said) if part.prints_json else said.strip().splitlines()[-1:]
    return keep(folder / f"{part.name}.json", row)


def left_out(part: Part, card: Card, folder: Path) -> dict[str, Any]:
    """The row of a part that cannot run on this machine, with the reason; it is kept, too."""
    row = {**described(part, card), "state": "left out", "seconds": 0, "used_gb": None, "note": part.left_out}
    return keep(folder / f"{part.name}.json", {**row, "result": None})


def described(part: Part, card: Card) -> dict[str, Any]:
    """What a row says of its part and of the machine, before anything has run."""
    return {
        "part": part.name,
        "state": "",
        "card": card.name,
        "memory_gb": round(card.memory_gb, 1),
        "driver": card.driver,
        "versions": versions(),
        "command": " ".join(["python", *part.arguments]),
        "environment": {key: Path(value).name for key, value in part.environment.items()},
    }


def stop(child: subprocess.Popen[bytes], patience: float) -> None:
    """End a process and its children, which have `patience` seconds to do so themselves."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        os.killpg(child.pid, how)
        try:
            child.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue


def parsed(text: str) -> Any:
    """The JSON object that a command printed last, None where there is none."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                return None
    return None
