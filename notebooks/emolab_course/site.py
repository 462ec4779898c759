"""`emolab course site`: the learner's course as pages, by Sphinx, MyST-NB and the theme Furo, without a network.

Notebooks come with their committed outputs; nothing is executed. Formulas need MathJax: a copy of its npm package is
taken into the site where one is given, so that pages work offline.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from emolab.errors import EmolabError
from emolab.paths import CHECKOUT, build_folder
from emolab_course import source
from emolab_course.build import build, targets
from emolab_course.paths import sources
from emolab_course.release import weeks

STATIC = Path(__file__).with_name("site_static")
PAGES = (
    "api",
    "exercises",
    "architecture",
    "widgets",
    "write_a_reward",
    "write_a_recipe",
    "add_a_corpus",
    "teach_the_course",
)
MATHJAX = "tex-svg.js"


def make_site(out: Path | None = None, solutions: bool = False, mathjax: Path | None = None) -> Path:
    """Build the site in `out` (`build/site`) and return its start page.

    `solutions` shows solved notebooks. `mathjax` is a file `tex-svg.js`; without one, formulas are shown as TeX.
    Raises EmolabError where Sphinx is missing or fails.
    """
    try:
        from sphinx.cmd.build import build_main
    except ImportError as error:
        raise EmolabError("the site needs Sphinx, MyST-NB and Furo: pip install 'emolab[site]'") from error
    folder = out or build_folder() / "site"
    pages = folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    write_pages(pages, solutions, mathjax)
    if build_main(["-q", "-j", "1", "-b", "html", str(pages), str(folder / "html")]):
        raise EmolabError(f"{pages}: Sphinx could not build the site; its messages stand above")
    return folder / "html" / "index.html"


def write_pages(pages: Path, solutions: bool = False, mathjax: Path | None = None) -> None:
    """Write what Sphinx reads: the notebooks, the start page, the glossary, the ledger, the docs, settings, style."""
    pages.mkdir(parents=True)
    for path in sources():
        learner, solved = targets(path)
        text = build(path)[solved if solutions else learner]
        (pages / f"{path.stem}.ipynb").write_text(text, encoding="utf-8")
    (pages / "index.md").write_text(start_page(), encoding="utf-8")
    shutil.copy(STATIC / "glossary.md", pages / "glossary.md")
    shutil.copytree(CHECKOUT / "docs", pages / "docs", ignore=shutil.ignore_patterns("teaching"))
    shutil.copytree(CHECKOUT / "benchmarks" / "claims" / "plots", pages / "plots")
    ledger = (CHECKOUT / "benchmarks" / "claims" / "README.md").read_text(encoding="utf-8")
    (pages / "ledger.md").write_text(_without_links_outside(ledger, pages), encoding="utf-8")
    for page in (pages / "docs").glob("*.md"):
        page.write_text(_without_links_outside(page.read_text(encoding="utf-8"), page.parent), encoding="utf-8")
    static = pages / "_static"
    shutil.copytree(STATIC, static, ignore=shutil.ignore_patterns("glossary.md", "conf.py"))
    shutil.copy(STATIC / "conf.py", pages / "conf.py")
    if mathjax is not None:
        shutil.copy(mathjax, static / MATHJAX)


def start_page() -> str:
    """The start page: what the course is, its notebooks by week with study minutes, and where to begin."""
    lines = [START, "", "## The weeks", ""]
    for week in weeks():
        lines += [f"### {week.number}. {week.title}", ""]
        for path in week.sources:
            first = source.read(path).cells[0].source
            title = first.splitlines()[0].lstrip("# ")
            study = re.search(r"study=(\d+)", first)
            lines.append(f"- [{title}]({path.stem}.ipynb), about {study[1] if study else '?'} minutes of study")
        lines.append("")
    hidden = ["```{toctree}", ":hidden:", ":caption: The course", "", *(path.stem for path in sources()), "```", ""]
    more = ["```{toctree}", ":hidden:", ":caption: Beside it", "", "glossary", "ledger",
            *(f"docs/{page}" for page in PAGES), "```", ""]  # fmt: skip
    return "\n".join([*lines, *hidden, *more])


START = """# Hear what somebody feels

One sentence, said in seven ways: this course teaches a machine to hear the difference, and you to measure whether it
does. You build policy gradients, GRPO and Shapley values yourself, train an audio language model on your own machine,
watch a reward being hacked, and end with a claim of your own that somebody else can check.

You need Python. No card, no account and no download are needed.

- **Read here.** Every page shows the notebook with its figures, sounds and results. Exercises are yours to solve.
- **Run it.** `make lab` opens the same notebooks in JupyterLab. There the exercises are checked, the reward lab and the
  attribution explorer answer, and your own voice can be recorded.
- **Look up.** The [glossary](glossary.md) explains each word in a sentence; the [ledger](ledger.md) says which claims
  of four papers hold here.

[Begin with notebook 00](00_start_here.ipynb)
"""


def _without_links_outside(text: str, folder: Path) -> str:
    """The text with links that lead out of the site turned into plain words."""

    def kept(found: re.Match[str]) -> str:
        target = found[2].split("#")[0]
        return found[0] if "://" in target or not target or (folder / target).exists() else found[1]

    return re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", kept, text)


def fetch_mathjax(folder: Path) -> Path | None:
    """`tex-svg.js` of the npm package mathjax 3, fetched into `folder` once; None where npm or a network is missing."""
    found = folder / "package" / "es5" / MATHJAX
    if found.is_file():
        return found
    if shutil.which("npm") is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    packed = subprocess.run(
        ["npm", "pack", "mathjax@3.2.2", "--silent"], cwd=folder, capture_output=True, text=True, check=False
    )
    if packed.returncode:
        return None
    shutil.unpack_archive(folder / packed.stdout.strip().splitlines()[-1], folder)
    return found if found.is_file() else None


def summary(page: Path) -> dict[str, Any]:
    """What was built: the start page, and how many pages and bytes there are."""
    files = [path for path in page.parent.rglob("*") if path.is_file()]
    return {
        "start": str(page),
        "pages": sum(path.suffix == ".html" for path in files),
        "megabytes": round(sum(path.stat().st_size for path in files) / 1e6, 1),
    }
