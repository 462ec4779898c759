"""What the ledger of claims says, in a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emolab.errors import EmolabError
from emolab.paths import CHECKOUT
from emolab_course.paths import sources

CLAIMS = CHECKOUT / "benchmarks" / "claims"


def claims_of(recipe: str) -> dict[str, dict[str, Any]]:
    """The results of the ledger of claims for a recipe ("emo-rl"), by name: the files `benchmarks/claims/*.json`.

    Each claim of the paper is printed with our verdict. Raises EmolabError where there are no results.
    """
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(CLAIMS.glob("*.json"))]
    claims = {claim["name"]: claim for claim in found if claim["recipe"] == recipe}
    if not claims:
        raise EmolabError(f"{CLAIMS}: no results of {recipe}; make them with: emolab bench claims {recipe}")
    for claim in claims.values():
        print(f"{claim['verdict']:10} {claim['title']}\n{'':10} the paper: {claim['says']}\n")  # noqa: T201
    return claims


def road_map() -> Any:
    """The notebooks in order: title, minutes of study (an estimate), and minutes and memory of a run on two cores
    (measured, from the outputs that are committed; empty where there are none)."""
    from IPython.display import Markdown

    from emolab_course.readme import notebook_table, row_of

    return Markdown(notebook_table([row_of(path) for path in sources()], folder=""))


def show_claim(claim: Mapping[str, Any], differences: bool = False) -> None:
    """Display a claim as `benchmarks/claims/README.md` shows it: its plot, our reading, and the scores of its arms.

    With `differences` the table has the paired differences and their verdicts instead of the scores.
    """
    from IPython.display import Image, Markdown, display

    page = (CLAIMS / "README.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {claim['title']}\n")[2].partition("\n## ")[0]
    if not section:
        raise EmolabError(f"{CLAIMS / 'README.md'}: no section {claim['title']!r}; write it: emolab bench claims")
    reading = section.partition("**Verdict: ")[2].partition("\n\n")[2].rpartition(f"\n[{claim['name']}.json]")[0]
    corner = "| difference |" if differences else "| arm |"
    table = next(block for block in section.split("\n\n") if block.startswith(corner))
    display(Image(CLAIMS / "plots" / f"{claim['name']}.png", alt=alt_of(claim)))
    display(Markdown(reading.strip()))
    display(Markdown(table))


def alt_of(claim: Mapping[str, Any]) -> str:
    """The plot of a claim in words: its verdict, and each difference that decides, with its interval and margin."""
    told = [
        f"{found['title']} of {found['first']} minus {found['second'] or '0'}: {found['difference']:.3f} "
        f"[{found['ci'][0]:.3f}, {found['ci'][1]:.3f}], margin {found['margin']:g}"
        for found in claim["contrasts"]
        if found["counts"] and found["ci"]
    ]
    return f"Figure. {claim['title']}: {claim['verdict']}. {'; '.join(told)}."
