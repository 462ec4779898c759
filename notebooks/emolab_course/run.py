"""Execute notebooks from a fresh kernel, offline, and publish them as a site with a summary."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.paths import build_folder
from emolab_course import source
from emolab_course.memory import PeakMemory

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

TIMEOUT_SECONDS = 900
STARTUP_SECONDS = 300
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TQDM_MININTERVAL": "2"}


@dataclass
class Run:
    """One execution: the notebook with its outputs so far, seconds, the most memory its kernel used (GiB, resident),
    and the error that stopped it ("" if none)."""

    notebook: NotebookNode
    seconds: float
    memory_gb: float
    error: str = ""


def execute(path: Path, learner: bool = False) -> Run:
    """Run one source's notebook, solved or as a learner first sees it, in a fresh kernel that asks no hub for anything.

    A cell that fails stops the notebook; its traceback is in `error` and in the outputs.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    solved = source.read(path)
    notebook = source.learner(solved, path) if learner else solved
    client = NotebookClient(notebook, timeout=TIMEOUT_SECONDS, startup_timeout=STARTUP_SECONDS, kernel_name="python3")
    client.resources = {"metadata": {"path": str(path.parent.parent)}}
    started = time.perf_counter()
    error = ""
    with tempfile.TemporaryDirectory(prefix="emolab-") as sockets, PeakMemory(_of_children, 0.5) as memory:
        _use_local_sockets(client, Path(sockets))
        try:
            client.execute(env={**os.environ, **OFFLINE})
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as failure:
            error = _COLOURS.sub("", str(failure))
        except AssertionError as failure:  # nbclient's own clean-up stumbles after a kernel died
            if not isinstance(failure.__context__, DeadKernelError):
                raise
            error = str(failure.__context__)
    return Run(notebook, time.perf_counter() - started, memory.peak / 2**30, error)


def _use_local_sockets(client: NotebookClient, folder: Path) -> None:
    """Talk to the kernel through files in `folder` and not through TCP, which would need a network interface."""
    if os.name == "posix":
        manager = client.create_kernel_manager()
        manager.transport = "ipc"
        manager.ip = str(folder / "kernel")


def _of_children() -> int:
    """Bytes that the child processes of this one hold together."""
    import psutil

    held = 0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended between the two calls
            held += child.memory_info().rss
    return held


def run_course(paths: list[Path], learner: bool = False) -> tuple[dict[str, Any], dict[str, NotebookNode]]:
    """Execute notebooks in order. One that fails does not stop the next.

    Returns the summary, `{"seconds", "notebooks": [{"name", "seconds", "ok"}]}`, and what ran, by name.
    """
    from tqdm import tqdm

    started, rows, ran = time.perf_counter(), [], {}
    with tqdm(paths, unit="notebook") as bar:
        for path in bar:
            bar.set_description(path.stem)
            result = execute(path, learner)
            ran[path.stem] = result.notebook
            rows.append({"name": path.stem, "seconds": round(result.seconds, 1), "ok": not result.error})
            if result.error:
                bar.write(f"{path.stem} failed:\n{result.error}")
    return {"seconds": round(time.perf_counter() - started, 1), "notebooks": rows}, ran


def publish(
    summary: dict[str, Any], ran: dict[str, NotebookNode], solutions: bool = False, folder: Path | None = None
) -> Path:
    """Write `summary.json` and the course's site with what ran to `folder` (`build/course`); returns the start page.

    Pages show the learner's version, or with `solutions` all of it. A notebook that failed shows where.
    """
    from emolab_course.site import make_site

    folder = folder or build_folder() / "course"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return make_site(folder, solutions, ran, note=told(summary))


def told(summary: dict[str, Any]) -> str:
    """What the start page says of a run: its length, and which notebooks failed."""
    rows = summary["notebooks"]
    failed = ", ".join(f"[{row['name']}]({row['name']}.ipynb)" for row in rows if not row["ok"])
    return f"{len(rows)} notebooks ran on this machine in {summary['seconds'] / 60:.1f} minutes." + (
        f" **Failed: {failed}.**" if failed else ""
    )


def without_solutions(notebook: NotebookNode, path: Path) -> NotebookNode:
    """An executed notebook as a learner gets it: results, but stubs in the exercises and no verdict on them."""
    given = source.learner(notebook, path)
    for cell in given.cells:
        if {"exercise", "check"} & set(source.tags(cell)):
            cell.outputs = []
    return given
