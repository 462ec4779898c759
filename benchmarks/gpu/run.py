"""Run parts one after the other: skip what is done, wait for room, stop what takes too long, keep what came out."""

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

LIMIT = 600.0
"""Seconds of a part."""
WAIT = 60.0
"""Seconds that a part waits for room on a shared card."""


def run_parts(
    parts: Sequence[Part], card: Card, folder: Path, minutes: float, again: bool = False
) -> list[dict[str, Any]]:
    """The rows of all parts; those that are done are read, and none begins after `minutes`."""
    rows, end = [], time.monotonic() + 60 * minutes
    for number, part in enumerate(parts, 1):
        known = done(folder / f"{part.name}.json")
        if known is not None and not again:
            rows.append(known | {"state": "kept"})
        elif time.monotonic() > end:
            rows.append({"part": part.name, "state": "left", "note": "out of time; give the command again to go on"})
        elif not room(card, part.needs_gb):
            note = f"needs {part.needs_gb:g} GB, {card.free_gb():.1f} GB are free; give the command again later"
            rows.append({"part": part.name, "state": "left", "note": note})
        else:
            sys.stderr.write(f"[{number}/{len(parts)}] {part.name}\n")
            rows.append(run_part(part, card, folder))
    return rows


def done(path: Path) -> dict[str, Any] | None:
    """A part's row, where it ended well, or took the time that a part has, and was measured with these versions."""
    row = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return row if row.get("state") in ("done", "stopped") and row.get("versions") == versions() else None


def room(card: Card, gigabytes: float) -> bool:
    """Whether so much of the card is free, now or within a minute."""
    end = time.monotonic() + WAIT
    while card.free_gb() < gigabytes:
        if time.monotonic() > end:
            return False
        time.sleep(5)
    return True


def run_part(part: Part, card: Card, folder: Path, limit: float = LIMIT) -> dict[str, Any]:
    """Run a part, keep its row as `folder/PART.json`, and return it."""
    from emolab.files import write_json

    before, least, start = card.free_gb(), card.free_gb(), time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        child = subprocess.Popen(
            command_of(part), cwd=ROOT, env=environment(part), stdout=out, stderr=err, start_new_session=True
        )
        try:
            while child.poll() is None and time.monotonic() < start + limit:
                time.sleep(0.5)
                least = min(least, card.free_gb())
        finally:
            late = child.poll() is None
            if late:
                stop(child)
        said, told = (stream.seek(0) or stream.read() for stream in (out, err))
    row: dict[str, Any] = {
        "part": part.name,
        "state": "stopped" if late else "failed" if child.returncode else "done",
        "card": card.name,
        "memory_gb": round(card.memory_gb, 1),
        "driver": card.driver,
        "versions": versions(),
        "command": " ".join(["python", *part.arguments]),
        "environment": {key: Path(value).name for key, value in part.environment.items()},
        "seconds": round(time.monotonic() - start, 1),
        "used_gb": round(before - least, 2) if card.device == "cuda" else None,
    }
    if late:
        row["note"] = f"took longer than {limit:.0f} s; --again --only {part.name} gives it another try"
    elif child.returncode:
        row["note"] = next((line for line in reversed((told or said).splitlines()) if line.strip()), "")[:300]
    row["result"] = parsed(said) if part.prints_json else said.strip().splitlines()[-1:]
    write_json(folder / f"{part.name}.json", row)
    return row


def stop(child: subprocess.Popen[bytes], patience: float = 30.0) -> None:
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
