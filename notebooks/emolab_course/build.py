"""Write the notebooks that are committed: made from their sources, with light outputs stamped by what made them."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import EmolabError
from emolab_course import source
from emolab_course.cost import with_cost

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from emolab_course.run import Run

LARGEST = 2**20
STAMPED_PACKAGES = ("emolab", "torch", "transformers", "trl", "peft", "bitsandbytes", "numpy")
HEAVY_TYPES = (
    "application/vnd.jupyter.widget-view+json",
    "application/javascript",
    "application/vnd.jupyter.widget-state+json",
)


def targets(path: Path) -> tuple[Path, Path]:
    """(learner notebook, solution notebook) that a source is built into."""
    folder = path.parent.parent
    return folder / f"{path.stem}.ipynb", folder / "solutions" / f"{path.stem}.ipynb"


def build(path: Path, ran: Run | None = None) -> dict[Path, str]:
    """Texts of both notebooks of one source, by path; nothing is written.

    Outputs come from `ran`, a run of the solved notebook, or else from the committed solution if that was stamped
    with the hash of this very source. A source that changed since loses its outputs.
    """
    solved = source.read(path)
    stamp: dict[str, Any] = {"source_sha256": source.source_hash(path)}
    learner_path, solution_path = targets(path)
    if ran is None:
        executed, run = _committed(solution_path, stamp["source_sha256"])
    else:
        executed = ran.notebook
        run = {**environment(), "seconds": round(ran.seconds, 1), "memory_gb": round(ran.memory_gb, 1)}
    if solved.cells:
        solved.cells[0].source = with_cost(solved.cells[0].source, path.stem, run if executed is not None else None)
    if executed is not None:
        stamp["run"] = run
        outputs = {cell.id: cell.outputs for cell in executed.cells if cell.cell_type == "code"}
        for cell in solved.cells:
            if cell.cell_type == "code":
                cell.outputs = light(outputs.get(cell.id, []))
    for cell in solved.cells:
        if "quiz" in source.tags(cell):  # it depends on no run
            cell.outputs = _quiz_output(path)
    solved.metadata["emolab"] = stamp
    learner = source.learner(solved, path)
    for cell in learner.cells:
        if "exercise" in source.tags(cell) or "check" in source.tags(cell):
            cell.outputs = []
    return {learner_path: _text(learner), solution_path: _text(solved)}


def write(texts: dict[Path, str]) -> list[Path]:
    """Write what `build` gave, and return the paths whose text changed. Raises EmolabError for one over 1 MiB."""
    changed = []
    for path, text in texts.items():
        if len(text.encode()) > LARGEST:
            raise EmolabError(
                f"{path}: {len(text.encode()) / LARGEST:.1f} MiB with outputs; shorten clips or drop a figure"
            )
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def environment() -> dict[str, Any]:
    """What a run is stamped with: versions, device and date (UTC)."""
    from emolab.profiles import profile

    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "device": f"{profile().name} ({platform.machine()})",
        "python": platform.python_version(),
        "versions": {name: metadata.version(name).split("+")[0] for name in STAMPED_PACKAGES},
    }


def light(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs worth committing: results, text and figures; no execution counts, widgets, scripts or stderr."""
    kept = []
    for output in outputs:
        if output.get("name") == "stderr":
            continue
        if "data" in output:
            if any(kind in output["data"] for kind in HEAVY_TYPES):
                continue
            alt = output["metadata"].get("image/png", {}).get("alt")
            output["metadata"] = {"image/png": {"alt": alt}} if alt else {}
        if "execution_count" in output:
            output["execution_count"] = None
        kept.append(output)
    return kept


def _quiz_output(path: Path) -> list[NotebookNode]:
    from nbformat import v4

    from emolab_course.paths import number_of
    from emolab_course.quizzes import quiz

    shown = quiz(number_of(path))
    data = {"text/html": shown._repr_html_(), "text/plain": repr(shown)}
    return [v4.new_output("execute_result", data, execution_count=None)]


def _committed(path: Path, wanted_hash: str) -> tuple[NotebookNode | None, dict[str, Any]]:
    import nbformat

    if not path.is_file():
        return None, {}
    notebook = nbformat.read(path, as_version=4)
    stamp = notebook.metadata.get("emolab", {})
    if stamp.get("source_sha256") != wanted_hash or "run" not in stamp:
        return None, {}
    return notebook, dict(stamp["run"])


def _text(notebook: NotebookNode) -> str:
    from nbformat import v4

    return v4.writes(notebook, indent=1, sort_keys=True) + "\n"
