"""A week's slides: headings, leads, figures, tables and sounds of its executed notebooks, by nbconvert, in one file.

Nothing is copied by hand: a slide is a section of a notebook with the outputs of its committed run. The page needs no
network. Arrow keys move, and printing gives a slide a page.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.files import write_bytes
from emolab_course.paths import notebooks_folder
from emolab_course.release import Week, weeks

if TYPE_CHECKING:
    from nbformat import NotebookNode

LEFT_OUT = ("Tweak this", "Quiz", "Exercise")
SENTENCES = 2
FULL, AFTER = 4, 5  # sixths of a screen for outputs: below a section's text, and on the slides that follow
FIGURE = 4
SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[^\W\d_a-z]|[\"“*$`])")  # not after "et al." before a year
STYLE = Path(__file__).with_name("slides.css")
KEYS = """
const slides = [...document.querySelectorAll('section')];
const move = (step) => {
  const top = window.scrollY + 5;
  const now = slides.findLastIndex((slide) => slide.offsetTop <= top);
  slides[Math.min(slides.length - 1, Math.max(0, now + step))].scrollIntoView();
};
addEventListener('keydown', (event) => {
  const step = {ArrowRight: 1, PageDown: 1, ' ': 1, ArrowLeft: -1, PageUp: -1}[event.key];
  if (step) { event.preventDefault(); move(step); }
});
"""


@dataclass
class Slide:
    """One slide: its heading, its text in Markdown, and the output cells that it shows."""

    heading: str
    text: str = ""
    shown: list[NotebookNode] = field(default_factory=list)


def lead(text: str) -> str:
    """The first sentences of a section and its displayed formulas, or its list where it begins with one."""
    formulas = re.findall(r"\$\$.*?\$\$", text, re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$|<details>.*?</details>|<!--.*?-->", "", text, flags=re.DOTALL)
    first = next((part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()), "")
    if first.startswith(("- ", "1. ", "|")):
        kept = first
    else:
        kept = " ".join(SENTENCE_END.split(" ".join(first.split()))[:SENTENCES])
    return "\n\n".join([kept, *formulas]).strip()


def slides_of(path: Path) -> Iterator[Slide]:
    """The slides of an executed notebook. Exercises, quizzes and what is to be tweaked are left out."""
    import nbformat
    from nbformat import v4

    notebook = nbformat.read(path, as_version=4)
    slide: Slide | None = None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for part in re.split(r"(?m)^(?=#{1,2} )", cell.source):
                found = re.match(r"#{1,2} (.+)\n?", part)
                if found:
                    yield from _parts(slide)
                    heading = found[1].strip()
                    slide = None if heading.startswith(LEFT_OUT) else Slide(heading, lead(part[found.end() :]))
        elif slide is not None and {"exercise", "check", "quiz"}.isdisjoint(cell.metadata.get("tags", ())):
            outputs = [output for output in cell.outputs if _is_shown(output)]
            slide.shown += [v4.new_code_cell(outputs=[output]) for output in outputs]
    yield from _parts(slide)


def _parts(slide: Slide | None) -> Iterator[Slide]:
    """A slide as it is, or with its outputs over as many slides as they need; nothing where it is empty."""
    if slide is None or not (slide.text or slide.shown):
        return
    part, left = Slide(slide.heading, slide.text), FULL - slide.text.count("$$") // 2
    for cell in slide.shown:
        if (part.shown or part.text) and room(cell.outputs[0]) > left:
            yield part
            part, left = Slide(slide.heading), AFTER
        part.shown.append(cell)
        left -= room(cell.outputs[0])
    yield part


def room(output: Any) -> int:
    """About how many sixths of a screen an output takes: a figure, a table by its rows, sounds, a text by its lines."""
    data = output.get("data", {})
    if "image/png" in data:
        return FIGURE
    if "text/html" in data:
        return (
            2
            if "<audio" in data["text/html"] or "<svg" in data["text/html"]
            else 1 + data["text/html"].count("<tr") // 4
        )
    text = str(output.get("text", "") or data.get("text/markdown", "") or data.get("text/plain", ""))
    return 1 + len(text.splitlines()) // 5


def _is_shown(output: Any) -> bool:
    """Figures, tables and sounds are shown; so are a few printed lines."""
    data = output.get("data", {})
    text = str(output.get("text", "") or data.get("text/plain", ""))
    rich = bool({"image/png", "text/html", "text/markdown"} & set(data))
    return rich or (len(text) < 400 and not text.startswith("notebook "))


def page(week: Week) -> tuple[str, int]:
    """The page of a week, and how many slides it has."""
    found = [Slide(f"Week {week.number}: {week.title}", "\n".join(f"- {path.stem}" for path in week.sources))]
    for source in week.sources:
        found += slides_of(notebooks_folder() / f"{source.stem}.ipynb")
    body = "\n".join(f"<section>{_rendered(slide)}</section>" for slide in found)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(week.title)}</title>'
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body>{body}<script>{KEYS}</script></body></html>\n"
    ), len(found)


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    return HTMLExporter(template_name="basic", exclude_input=True, exclude_anchor_links=True)


def _rendered(slide: Slide) -> str:
    from nbformat import v4

    cells = [v4.new_markdown_cell(with_mathml(f"## {slide.heading}\n\n{slide.text}")), *slide.shown]
    notebook = v4.new_notebook(cells=cells)
    text, _ = _exporter().from_notebook_node(notebook)
    return with_alternatives(text, notebook)


def with_mathml(text: str) -> str:
    """Markdown whose formulas are MathML, which browsers draw without a script; as TeX without latex2mathml."""
    try:
        from latex2mathml.converter import convert
    except ImportError:
        return text
    text = re.sub(r"\$\$(.+?)\$\$", lambda found: convert(found[1], display="block"), text, flags=re.DOTALL)
    return re.sub(r"\$([^$]+)\$", lambda found: convert(found[1]), text)


def with_alternatives(text: str, notebook: NotebookNode) -> str:
    """A page whose pictures have the alternative texts of the notebook's outputs, which nbconvert's template drops."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
        place = text.find(output["data"]["image/png"].replace("\n", "")) if alt else -1
        if place >= 0:
            start = text.rfind("<img", 0, place)
            tag = re.sub(r'alt="[^"]*"', "", text[start:place])
            text = text[:start] + tag.replace("<img", f'<img alt="{html.escape(alt)}"', 1) + text[place:]
    return text


def write(week: int, out: Path) -> tuple[Path, int]:
    """Write the slides of a week to `out/week-NN.html`; the file and the number of its slides."""
    chosen = weeks(str(week))[0]
    text, n = page(chosen)
    return write_bytes(out / f"{chosen.folder}.html", text.encode("utf-8", "replace")), n
