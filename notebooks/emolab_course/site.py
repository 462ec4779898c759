"""`emolab course site`: the learner's course as pages, by Sphinx, MyST-NB and the theme Furo, without a network.

Notebooks come with their committed outputs, or with those of a run (`emolab course run`). Formulas are MathML, and the
two widgets become pages whose values are computed once, while the site is built.
"""

from __future__ import annotations

import base64
import html
import pkgutil
import re
import shutil
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import EmolabError
from emolab.paths import CHECKOUT, build_folder
from emolab_course import source
from emolab_course.build import build, targets
from emolab_course.one_click import links, repository
from emolab_course.paths import sources
from emolab_course.release import weeks
from emolab_course.site_widgets import write_widgets

if TYPE_CHECKING:
    from nbformat import NotebookNode

STATIC = Path(__file__).with_name("site_static")
OWN_PAGES = ("glossary", "reward_lab", "explorer")
WIDGETS = {"reward_lab(": "reward_lab", "attribution_explorer(": "explorer"}
"""What a code cell holds that shows a widget, and the page that shows it without a kernel."""
REFERENCE = (
    "emotions", "samples", "corpora", "media", "prompts", "parsing", "rewards", "metrics", "lalm", "evaluate",
    "training", "recipes", "attribution", "plots",
)  # fmt: skip
"""What the reference documents: modules of the package, each with a page."""


def make_site(
    out: Path | None = None,
    solutions: bool = False,
    ran: Mapping[str, NotebookNode] | None = None,
    widgets: bool = True,
    reference: bool = True,
    note: str = "",
) -> Path:
    """Build the site in `out` (`build/site`) and return its start page.

    `solutions` shows solved notebooks. `ran` holds executed notebooks by their stem; others come with their committed
    outputs. Without `widgets` their pages stay empty, and nothing is computed; without `reference` the API is left out.
    `note` stands on the start page.
    Raises EmolabError where Sphinx is missing or fails.
    """
    try:
        from sphinx.cmd.build import build_main
    except ImportError as error:
        raise EmolabError(
            "the site needs Sphinx, MyST-NB, Furo and latex2mathml: pip install 'emolab[site]'"
        ) from error
    folder = out or build_folder() / "site"
    pages = folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    write_pages(pages, solutions, ran, reference, note)
    if widgets:
        write_widgets(pages / "_static")
    if build_main(["-Q", "-j", "1", "-b", "html", str(pages), str(folder / "html")]):
        raise EmolabError(f"{pages}: Sphinx could not build the site; see: sphinx-build {pages} {folder / 'html'}")
    return folder / "html" / "index.html"


def write_pages(
    pages: Path,
    solutions: bool = False,
    ran: Mapping[str, NotebookNode] | None = None,
    reference: bool = True,
    note: str = "",
) -> None:
    """Write what Sphinx reads: the notebooks, the start page, the glossary, the ledger, the docs, settings, style."""
    pages.mkdir(parents=True)
    static = pages / "_static"
    shutil.copytree(STATIC, static, ignore=shutil.ignore_patterns("*.md", "conf.py"))
    shutil.copy(STATIC / "conf.py", pages / "conf.py")
    for path in sources():
        write_lesson(path, pages, solutions, (ran or {}).get(path.stem))
    for name in OWN_PAGES:
        shutil.copy(STATIC / f"{name}.md", pages / f"{name}.md")
    shutil.copytree(CHECKOUT / "docs", pages / "docs", ignore=shutil.ignore_patterns("teaching"))
    shutil.copytree(CHECKOUT / "benchmarks" / "claims" / "plots", pages / "plots")
    ledger = (CHECKOUT / "benchmarks" / "claims" / "README.md").read_text(encoding="utf-8")
    (pages / "ledger.md").write_text(_without_links_outside(ledger, pages), encoding="utf-8")
    for page in (pages / "docs").glob("*.md"):
        page.write_text(_without_links_outside(page.read_text(encoding="utf-8"), page.parent), encoding="utf-8")
    named = write_reference(pages / "reference") if reference else []
    (pages / "index.md").write_text(start_page(named, note), encoding="utf-8")


# Lessons --------------------------------------------------------------------------------------------------------------


def write_lesson(path: Path, pages: Path, solutions: bool = False, ran: NotebookNode | None = None) -> None:
    """Write one notebook: its figures become files with their alternative texts, and under a widget stands a link to
    the page that shows it."""
    import nbformat

    from emolab_course.run import without_solutions

    if ran is not None:
        notebook = deepcopy(ran) if solutions else without_solutions(ran, path)
    else:
        learner, solved = targets(path)
        notebook = nbformat.reads(build(path)[solved if solutions else learner], as_version=4)
    figures = pages / "_static" / "figures"
    figures.mkdir(exist_ok=True)
    cells = []
    for number, cell in enumerate(notebook.cells):
        cells += [_with_files(cell, figures, f"{path.stem}-{number}"), *_links_of(cell)]
    notebook.cells = cells
    notebook.metadata.pop("widgets", None)  # the state of a run's widgets makes a page ask for scripts of other hosts
    nbformat.write(notebook, pages / f"{path.stem}.ipynb")


def _with_files(cell: NotebookNode, figures: Path, name: str) -> NotebookNode:
    """The cell with each figure of its outputs in a file of its own, shown with its alternative text."""
    kept = []
    for number, output in enumerate(cell.get("outputs", [])):
        data = output.get("data", {})
        if any(kind.startswith("application/vnd.jupyter.widget") for kind in data):
            continue  # it needs a kernel
        if "image/png" in data:
            file = figures / f"{name}-{number}.png"
            file.write_bytes(base64.b64decode(data["image/png"]))
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            tag = f'<img alt="{html.escape(alt)}" src="_static/figures/{file.name}" loading="lazy">'
            output["data"] = {"text/html": f'<figure class="cell-figure">{tag}</figure>'}
            output["metadata"] = {}
        kept.append(output)
    if "outputs" in cell:
        cell.outputs = kept
    return cell


def _links_of(cell: NotebookNode) -> Iterator[NotebookNode]:
    from nbformat import v4

    for call, page in WIDGETS.items():
        if cell.cell_type == "code" and any(line.startswith(call) for line in cell.source.splitlines()):
            text = f"This widget needs a running notebook. [A page shows it with values computed before]({page}.md)."
            made = v4.new_markdown_cell(text)
            made["id"] = f"widget-{page}".replace("_", "-")
            yield made


# The start page and the reference -------------------------------------------------------------------------------------


def start_page(reference: list[str], note: str = "") -> str:
    """The start page: what the course is, its notebooks by week with study minutes, and where to begin."""
    cards, trees = [], []
    for week in weeks():
        items = "".join(_item(path) for path in week.sources)
        cards.append(f"<section><h3>{week.number}. {html.escape(week.title)}</h3><ul>{items}</ul></section>")
        trees += _tree(f"{week.number}. {week.title}", [path.stem for path in week.sources])
    docs = sorted(f"docs/{page.stem}" for page in (CHECKOUT / "docs").glob("*.md"))
    trees += _tree("Beside the course", [*OWN_PAGES, "ledger", *docs])
    trees += _tree("Reference", [f"reference/{name}" for name in reference]) if reference else []
    grid = ["```{raw} html", f'<div class="weeks">{"".join(cards)}</div>', "```", ""]
    return "\n".join([START, *grid, note, "", *trees])


def _item(path: Path) -> str:
    first = source.read(path).cells[0].source
    title, study = first.splitlines()[0].lstrip("# "), re.search(r"study=(\d+)", first)
    minutes = f" <small>{study[1]} minutes</small>" if study else ""
    hosts = links()[path.stem] if repository() else {}
    opened = " · ".join(f'<a href="{html.escape(url)}">{host}</a>' for host, url in hosts.items())
    elsewhere = f"<br><small>open in {opened}</small>" if opened else ""
    return f'<li><a href="{path.stem}.html">{html.escape(title)}</a>{minutes}{elsewhere}</li>'


def _tree(caption: str, names: list[str]) -> list[str]:
    return ["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```", ""]


START = """# Hear what somebody feels

One sentence, said in seven ways: this course teaches a machine to hear the difference, and you to measure whether it
does. You build policy gradients, GRPO and Shapley values yourself, train an audio language model on your own machine,
watch a reward being hacked, and end with a claim of your own that somebody else can check.

You need Python. No card, no account and no download are needed.

```{raw} html
<p><a class="begin" href="00_start_here.html">Begin with notebook 00</a></p>
```

- **Read here.** Every page shows the notebook with its figures, sounds and results. Exercises are yours to solve.
- **Try here.** The [reward lab](reward_lab.md) ranks real answers under a rubric that you change. The
  [attribution explorer](explorer.md) shows what carried an answer.
- **Run it.** `make lab` opens the same notebooks in JupyterLab. There the exercises are checked, both widgets compute,
  and your own voice can be recorded.
- **Look up.** The [glossary](glossary.md) explains each word in a sentence; the [ledger](ledger.md) says which claims
  of four papers hold here.

## The weeks
"""


def write_reference(folder: Path) -> list[str]:
    """Write one page for each name of REFERENCE that documents its modules, and return the names."""
    import emolab

    folder.mkdir()
    found = {module.name: module for module in pkgutil.walk_packages(emolab.__path__, "emolab.")}
    for name in REFERENCE:
        whole = f"emolab.{name}"
        inside = [m for m in sorted(found) if m.startswith(f"{whole}.") and not found[m].ispkg and "._" not in m]
        lines = [whole, "=" * len(whole), ""]
        for module in [whole, *inside]:
            if module != whole:
                lines += [module, "-" * len(module), ""]
            lines += [f".. automodule:: {module}", "   :members:", ""]
        (folder / f"{name}.rst").write_text("\n".join(lines), encoding="utf-8")
    return list(REFERENCE)


def _without_links_outside(text: str, folder: Path) -> str:
    """The text with links that lead out of the site turned into plain words."""

    def kept(found: re.Match[str]) -> str:
        target = found[2].split("#")[0]
        return found[0] if "://" in target or not target or (folder / target).exists() else found[1]

    return re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", kept, text)


def summary(page: Path) -> dict[str, Any]:
    """What was built: the start page, and how many pages and bytes there are."""
    files = [path for path in page.parent.rglob("*") if path.is_file()]
    return {
        "start": str(page),
        "pages": sum(path.suffix == ".html" for path in files),
        "megabytes": round(sum(path.stat().st_size for path in files) / 1e6, 1),
    }
