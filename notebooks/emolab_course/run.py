"""Execute notebooks from a fresh kernel, offline, and leave HTML pages and a summary behind."""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.paths import build_folder
from emolab_course import source

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
    with tempfile.TemporaryDirectory(prefix="emolab-") as sockets, _Memory() as memory:
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


class _Memory:
    """Watches, twice a second, how much memory the child processes of this one hold together; `peak` in bytes."""

    def __enter__(self) -> _Memory:
        self.peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        me = psutil.Process()
        while not self._done.wait(0.5):
            held = 0
            for child in me.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):  # it ended between the two calls
                    held += child.memory_info().rss
            self.peak = max(self.peak, held)


def write_html(run: Run, name: str, folder: Path) -> Path:
    """The executed notebook as one self-contained page, `folder/name.html`."""
    from nbconvert import HTMLExporter

    text, _ = HTMLExporter(template_name="lab").from_notebook_node(run.notebook)
    text = with_alternatives(text, run.notebook)
    page = folder / f"{name}.html"
    page.write_text(text, encoding="utf-8")
    return page


def with_alternatives(html: str, notebook: NotebookNode) -> str:
    """A page whose pictures have the alternative texts of the notebook's outputs, which nbconvert's template drops."""
    from html import escape

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    for output in outputs:
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
        place = html.find(output["data"]["image/png"].replace("\n", "")) if alt else -1
        if place >= 0:
            start = html.rfind("<img", 0, place)
            tag = re.sub(r'alt="[^"]*"', "", html[start:place]).replace("<img", f'<img alt="{escape(alt)}"', 1)
            html = html[:start] + tag + html[place:]
    return html


def run_course(
    paths: list[Path], learner: bool = False, folder: Path | None = None, solutions: bool = False
) -> dict[str, Any]:
    """Execute notebooks in order; write their pages, `index.html` and `summary.json` to `folder` (`build/course`).

    The pages show the learner's version of what ran, or with `solutions` all of it.

    Returns the summary, `{"seconds", "notebooks": [{"name", "seconds", "ok"}]}`. One that fails does not stop the next.
    """
    from tqdm import tqdm

    folder = folder or build_folder() / "course"
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    rows = []
    with tqdm(paths, unit="notebook") as bar:
        for path in bar:
            bar.set_description(path.stem)
            result = execute(path, learner)
            if not (learner or solutions or result.error):
                result.notebook = without_solutions(result.notebook, path)
            write_html(result, path.stem, folder)
            rows.append({"name": path.stem, "seconds": round(result.seconds, 1), "ok": not result.error})
            if result.error:
                bar.write(f"{path.stem} failed:\n{result.error}")
    summary = {"seconds": round(time.perf_counter() - started, 1), "notebooks": rows}
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    (folder / "index.html").write_text(_index(summary), encoding="utf-8")
    return summary


def without_solutions(notebook: NotebookNode, path: Path) -> NotebookNode:
    """An executed notebook as a learner gets it: results, but stubs in the exercises and no verdict on them."""
    given = source.learner(notebook, path)
    for cell in given.cells:
        if {"exercise", "check"} & set(source.tags(cell)):
            cell.outputs = []
    return given


STYLE = (
    "body{font:1rem/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}"
    "li{margin:.3em 0}small{opacity:.7}:root{color-scheme:light dark}"
)


def _index(summary: dict[str, Any]) -> str:
    from emolab_course.paths import sources

    titles = {path.stem: source.read(path).cells[0].source.splitlines()[0].lstrip("# ") for path in sources()}
    items = (
        f'<li><a href="{row["name"]}.html">{html.escape(titles.get(row["name"], row["name"]))}</a> '
        f"<small>{row['seconds'] / 60:.1f} min</small>{'' if row['ok'] else ' <b>failed</b>'}</li>"
        for row in summary["notebooks"]
    )
    title = f"emolab: the course, run in {summary['seconds'] / 60:.1f} minutes"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>Each page shows what a notebook printed and "
        "drew on this machine. Exercises are left to you: <code>make lab</code> opens the notebooks, and "
        f"<code>make site</code> builds the site with search and glossary.</p><ul>{''.join(items)}</ul></html>\n"
    )
