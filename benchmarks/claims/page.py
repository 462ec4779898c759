"""The ledger as one Markdown page."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.claims.declare import MARKS
from benchmarks.claims.results import FOLDER, UNREAD, claim_table, difference_table, of_shipped_model
from benchmarks.claims.verdicts import RULE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE, PLOTS, PICTURE = "README.md", "plots", "ledger.png"
OPENING = """# The ledger of claims

What four papers claim, and what the same comparison shows here: on the embedded corpus of synthetic speech, faces and
words, with a model of four million parameters, in runs of about a minute. A verdict is about *this* setting. It can
show that a claim is not a law; it cannot show what a model a thousand times larger does on recorded speech.

Every figure stands in the JSON file named beside it, is computed from raw outputs by the command beside it, and comes
with the settings, seeds and versions that it was made with. `emolab bench claims` makes everything; what is there is
not made again. `emolab bench claims --page-only` writes this page from the files.
"""
METHOD = """## How to read it

{rule}

Arms of one seed share their cold start and their test clips: they are pairs. Intervals draw seeds and talkers anew,
both, since another seed and another talker would each have given other figures (a crossed bootstrap's standard error
times Student's t for the number of seeds; `benchmarks/claims/statistics.py` says why not its percentiles). "Groups
without signal" and Distinct-2 have one value a run; their intervals know of seeds alone. The margins of what would
matter are
{margins}.

Every claim was run with the weights that ship now, unless its verdict says "older weights", and before that with an
earlier generation. The earlier model answered zero-shot in no form that could be read in two cases of three, and wrote
reasons that were no language; a claim's reading says what changed. The earlier generation was first run with five
seeds, and then, all claims alike and whatever the five had shown, with five more. For the shipped weights ten seeds
were planned from the start, with the same settings. Since those runs, the trainer runs answers that begin alike once.
It adds the same numbers in another order, so runs that are made again differ by rounding, and what follows from it.

The {count} differences that decide were each judged at 95% and not corrected for their number: where nothing is
different, one in twenty would still be decided. The ledger's runs are shorter than the recipes' own, and otherwise
use their settings for the tiny model; each recipe's docstring says on which clips these were chosen. Arms of a claim
differ in nothing but what their row says; `arms` in the file lists it.
"""


def render(claims: Mapping[str, Mapping[str, Any]], order: Sequence[str]) -> str:
    """The page of all results, in `order`; a claim that was not run yet is named as such."""
    picture = f"![Every difference that decides]({PLOTS}/{PICTURE})\n"
    parts = [_paragraphs(OPENING), _overview(claims, order), picture, _paragraphs(_method(claims))]
    for name in order:
        if name in claims:
            parts.append(section(claims[name]))
    return "\n".join(parts)


def _overview(claims: Mapping[str, Mapping[str, Any]], order: Sequence[str]) -> str:
    lines = ["| recipe | claim | verdict | seeds |", "|---|---|---|---:|"]
    for name in order:
        if name in claims:
            claim = claims[name]
            seeds = min((len(c["seeds"]) for c in claim["contrasts"]), default=0)
            title = f"[{claim['title']}](#{_anchor(claim)})"
            older = "" if of_shipped_model(claim) else " (older weights)"
            lines.append(f"| {claim['recipe']} | {title} | **{claim['verdict']}**{older} | {seeds} |")
        else:
            lines.append(f"| | {name} | not run yet | 0 |")
    return "\n".join(lines) + "\n"


def _anchor(claim: Mapping[str, Any]) -> str:
    """The anchor that GitHub gives a claim's heading."""
    kept = [c for c in claim["title"].lower() if c.isalnum() or c in " -_"]
    return "".join(kept).replace(" ", "-")


def _method(claims: Mapping[str, Mapping[str, Any]]) -> str:
    from benchmarks.claims.metrics import METRICS

    found = [c for claim in claims.values() for c in claim["contrasts"]]
    used = dict.fromkeys(c["metric"] for c in found)
    margins = ", ".join(f"{METRICS[k].show(METRICS[k].margin)} for {METRICS[k].title}" for k in used)
    return METHOD.format(rule=RULE, margins=margins, count=sum(c["counts"] for c in found))


def section(claim: Mapping[str, Any]) -> str:
    """One claim: what the paper says, what was run, the tables, the plot, the verdict and its reading."""
    lines = [
        f"## {claim['title']}\n",
        _wrap(f"**{claim['recipe']}. The paper:** {claim['says']} [{claim['mark']}: {MARKS[claim['mark']]}]\n"),
        _wrap(f"**Here:** {claim['ran']}\n"),
        _markdown(claim_table(claim), "arm"),
        _differences(claim),
        f"![{claim['title']}]({PLOTS}/{claim['name']}.png)\n",
        f"**Verdict: {claim['verdict']}.**\n",
        _paragraphs(claim.get("reading") or UNREAD),
        _source(claim),
    ]
    return "\n".join(lines)


def _differences(claim: Mapping[str, Any]) -> str:
    table = difference_table(claim)
    table["verdict"] = [
        v if c["counts"] else f"({v}; for orientation)"
        for v, c in zip(table["verdict"], claim["contrasts"], strict=True)
    ]
    return _markdown(table.set_index("difference"), "difference")


def _markdown(table: Any, corner: str) -> str:
    titles = [corner, *(str(c) for c in table.columns)]
    lines = [f"| {' | '.join(titles)} |", "|---" + "|---:" * (len(titles) - 1) + "|"]
    for name, row in zip(table.index, table.to_numpy(), strict=True):
        lines.append(f"| {name} | {' | '.join(str(v) for v in row)} |")
    return "\n".join(lines) + "\n"


def _source(claim: Mapping[str, Any]) -> str:
    return _wrap(
        f"[{claim['name']}.json]({claim['name']}.json), made by `{claim['command']}`; settings hash "
        f"`{claim['config_hash']}`, seeds {', '.join(map(str, claim['seeds']))}, "
        f"torch {claim['versions']['torch']}.\n"
    )


def _paragraphs(text: str) -> str:
    return "\n\n".join(part if part.startswith("#") else _wrap(part) for part in text.strip().split("\n\n")) + "\n"


def _wrap(text: str) -> str:
    end = "\n" if text.endswith("\n") else ""
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False) + end


def _save(figure: Figure, path: Path) -> None:
    """Write a figure with 144 dots an inch and a palette: sharp, and small enough for a notebook."""
    from PIL import Image

    whole = io.BytesIO()
    figure.savefig(whole, format="png", dpi=144, metadata={"Software": None})
    picture = Image.open(whole).convert("RGB").quantize(255, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    picture.save(path, "PNG", optimize=True)


def write_page(claims: Mapping[str, Mapping[str, Any]], order: Sequence[str], folder: Path = FOLDER) -> Path:
    """Write the page and a plot for each claim into `folder`. Returns the page's path."""
    from benchmarks.claims.drawing import claim_plot, ledger_plot

    (folder / PLOTS).mkdir(parents=True, exist_ok=True)
    there = {name: claims[name] for name in order if name in claims}
    pictures = {f"{name}.png": claim_plot(claim) for name, claim in there.items()} | {PICTURE: ledger_plot(there)}
    for name, figure in pictures.items():
        _save(figure, folder / PLOTS / name)
    path = folder / PAGE
    path.write_text(render(claims, order), encoding="utf-8")
    return path
