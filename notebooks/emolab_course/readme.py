"""The sections of README.md that a command writes, each between `<!-- NAME:begin -->` and `<!-- NAME:end -->`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from emolab.errors import EmolabError
from emolab_course import source
from emolab_course.build import targets
from emolab_course.paths import sources


def stamps() -> list[dict[str, Any]]:
    """One row a notebook: name, title, minutes and memory of the run whose outputs are committed.

    Raises EmolabError for a notebook that has none.
    """
    import nbformat

    rows = []
    for path in sources():
        solution = targets(path)[1]
        stamp = nbformat.read(solution, as_version=4).metadata.get("emolab", {}) if solution.is_file() else {}
        if "run" not in stamp:
            raise EmolabError(f"{solution}: no outputs; run: emolab course build --execute {path.stem}")
        run = stamp["run"]
        rows.append(
            {
                "name": path.stem,
                "title": source.read(path).cells[0].source.splitlines()[0].removeprefix(f"# {path.stem[:2]} "),
                "minutes": round(run["seconds"] / 60, 1),
                "memory_gb": run["memory_gb"],
            }
        )
    return rows


def notebook_table(rows: list[dict[str, Any]]) -> str:
    """The rows of `stamps` as a Markdown table with links."""
    lines = ["| notebook | | minutes | memory |", "|---|---|---:|---:|"]
    for row in rows:
        link = f"[{row['name']}](notebooks/{row['name']}.ipynb)"
        lines.append(f"| {link} | {row['title']} | {row['minutes']:.1f} | {row['memory_gb']:.1f} GB |")
    return "\n".join(lines)


def section(text: str, name: str) -> str:
    """What stands between the markers called `name`. Raises EmolabError where they are missing."""
    found = _between(name).search(text)
    if found is None:
        raise EmolabError(f"README.md: no section between <!-- {name}:begin --> and <!-- {name}:end -->")
    return found.group(2).strip("\n")


def replace_section(path: Path, name: str, content: str) -> None:
    """Put `content` between the markers called `name` of a Markdown file. Raises EmolabError where they are missing."""
    text = path.read_text(encoding="utf-8")
    section(text, name)
    path.write_text(_between(name).sub(lambda found: f"{found[1]}{content}\n{found[3]}", text), encoding="utf-8")


def _between(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name}:begin -->\n)(.*?)(<!-- {name}:end -->)", re.DOTALL)
