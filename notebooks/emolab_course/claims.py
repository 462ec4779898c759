"""What the prose of each notebook claims, beside what its outputs show: `claims_of_notebooks.toml`, checked."""

from __future__ import annotations

import html
import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from emolab_course.paths import notebooks_folder, sources
from emolab_course.source import source_hash


@cache
def claims() -> dict[str, list[dict[str, str]]]:
    """The claims by notebook's number; each has `says` and one of `shown` and `order`."""
    listed = tomllib.loads(Path(__file__).with_name("claims_of_notebooks.toml").read_text(encoding="utf-8"))
    return {number: entry["claim"] for number, entry in listed.items()}


def prose(number: str) -> str:
    """The text of a notebook's source, without the comment signs."""
    lines = sources((number,))[0].read_text(encoding="utf-8").splitlines()
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines if line.startswith("#"))


def outputs(number: str) -> str:
    """What the committed run of a notebook printed, tables and descriptions of figures included.

    Nothing where its source has changed since that run.
    """
    path = sources((number,))[0]
    notebook = json.loads((notebooks_folder() / f"{path.stem}.ipynb").read_text(encoding="utf-8"))
    stamp = notebook["metadata"].get("emolab", {})
    if "run" not in stamp or stamp["source_sha256"] != source_hash(path):
        return ""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return "\n".join(text for cell in cells for output in cell["outputs"] for text in _texts(output))


def _texts(output: dict[str, Any]) -> list[str]:
    data = output.get("data", {})
    found = [output.get("text", ""), *(data.get(kind, "") for kind in ("text/plain", "text/markdown"))]
    found += [str(value.get("alt", "")) for value in output.get("metadata", {}).values() if isinstance(value, dict)]
    return [text if isinstance(text, str) else "".join(text) for text in found]


def fault(claim: dict[str, str], text: str, shown: str) -> str | None:
    """What is wrong with a claim, given the notebook's text and its outputs; None where it holds."""
    if _joined(claim["says"]) not in _joined(text):
        return "the text does not say so"
    pattern = claim.get("shown") or claim["order"]
    found = re.search(pattern, shown, re.DOTALL)
    if found is None:
        return "the outputs do not show it"
    if "order" in claim and not float(found["a"]) < float(found["b"]):
        return f"{found['a']} is not smaller than {found['b']}"
    return None


def _joined(text: str) -> str:
    return " ".join(text.split())


def faults() -> list[str]:
    """The claims that do not hold, a line each; a notebook that was not run since its source changed is named."""
    found = []
    for number, listed in claims().items():
        text, shown = prose(number), outputs(number)
        if not shown.strip():
            found.append(f"{number}: not executed since its source changed")
            continue
        found += [f"{number}: {claim['says']!r}: {wrong}" for claim in listed if (wrong := fault(claim, text, shown))]
    return found


def table() -> str:
    """The claims in Markdown, notebook by notebook, with the first line of the output that shows each."""
    lines = []
    for number, listed in claims().items():
        shown = outputs(number)
        lines += [f"\n## {sources((number,))[0].stem}\n", "| the text says | an output shows |", "|---|---|"]
        for claim in listed:
            match = re.search(claim.get("shown") or claim["order"], shown, re.DOTALL)
            seen = " ".join(match[0].split()) if match else "not executed yet"
            seen = seen if len(seen) <= 160 else f"{seen[:90]} … {seen[-60:]}"
            lines.append(f"| {_cell(claim['says'])} | {_cell(seen)} |")
    return "\n".join(lines).strip()


def _cell(text: str) -> str:
    """Text of a notebook in a cell of a table; a link in it is one of the notebook's, and stays text here."""
    return html.escape(_joined(text), quote=False).replace("|", "\\|").replace("](", "] (")
