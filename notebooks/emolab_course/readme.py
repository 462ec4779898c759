"""The sections of README.md that a command writes, each between `<!-- NAME:begin -->` and `<!-- NAME:end -->`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from emolab.errors import EmolabError
from emolab_course import source
from emolab_course.build import targets
from emolab_course.cost import MARKER
from emolab_course.paths import number_of, sources


def stamps() -> list[dict[str, Any]]:
    """`row_of` every notebook. Raises EmolabError for one without outputs of a run."""
    rows = [row_of(path) for path in sources()]
    for row in rows:
        if row["minutes"] is None:
            raise EmolabError(f"{row['name']}: no outputs; run: emolab course build --execute {row['name']}")
    return rows


def row_of(path: Path) -> dict[str, Any]:
    """A notebook's name, title, study minutes (an estimate), and minutes and memory of the run whose outputs are
    committed (None where there is none)."""
    import nbformat

    opening = source.read(path).cells[0].source
    solution = targets(path)[1]
    stamp = nbformat.read(solution, as_version=4).metadata.get("emolab", {}) if solution.is_file() else {}
    run = stamp.get("run")
    study = MARKER.search(opening)
    return {
        "name": path.stem,
        "title": opening.partition("\n")[0].removeprefix(f"# {number_of(path)} "),
        "study": int(study[1]) if study else None,
        "minutes": round(run["seconds"] / 60, 1) if run else None,
        "memory_gb": run["memory_gb"] if run else None,
    }


def notebook_table(rows: list[dict[str, Any]], folder: str = "notebooks/") -> str:
    """The rows of `stamps` as a Markdown table with links into `folder`; what was not measured is left empty."""
    lines = ["| notebook | | study minutes | machine minutes | memory |", "|---|---|---:|---:|---:|"]
    for row in rows:
        link = f"[{row['name']}]({folder}{row['name']}.ipynb)"
        ran = f"{row['minutes']:.1f} | {row['memory_gb']:.1f} GB" if row["minutes"] is not None else " | "
        lines.append(f"| {link} | {row['title']} | {row['study']} | {ran} |")
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
