"""What a set of wheels does that its users may not expect, as rows to print: `emolab reward quirks`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from emolab_corpora.wheels import read_forms

from emolab.cli.output import JsonOption, command, console, emit
from emolab.emotions import ALIASES, EMOLAB_7
from emolab.wheels.model import WheelSet
from emolab.wheels.score import spam_score
from emolab.wheels.shipped import cluster_valence, embedded, load_wheels, valence_of

Quirk = dict[str, str]


def register(app: typer.Typer) -> None:
    """Add `quirks` to the group `reward`."""
    app.command("quirks")(list_quirks)


@command
def list_quirks(
    folder: Annotated[str, typer.Argument(help="A folder of official wheel files; ours by default.")] = "embedded",
    as_json: JsonOption = False,
) -> None:
    """List what a set of emotion wheels does that its users may not expect."""
    emit({"wheels": folder, "quirks": quirks(folder)}, as_json, _render)


def _render(result: dict[str, list[Quirk]]) -> None:
    from rich.table import Table

    table = Table("kind", "wheel", "what", "detail")
    for row in result["quirks"]:
        table.add_row(*row.values())
    console().print(table)


def quirks(name: str = "embedded") -> list[Quirk]:
    """Rows (kind, wheel, item, detail) for our wheels ("embedded") or for a folder of official files.

    Kinds: "opposite cluster", "unmapped emotion", "stands twice", "ambiguous form", "label spam".
    """
    wheels = load_wheels(name)
    rows = [
        _row("opposite cluster", wheel, form, f"lands in {cluster!r}")
        for form, wheel, cluster in opposite_words(wheels)
    ]
    rows += _unmapped(wheels) + _repeated(wheels) + _spam(wheels)
    return rows if name == "embedded" else rows + _ambiguous(Path(name))


def _row(kind: str, wheel: str, item: str, detail: str) -> Quirk:
    return {"kind": kind, "wheel": wheel, "item": item, "detail": detail}


def _unmapped(wheels: WheelSet) -> list[Quirk]:
    """Names of the seven emotions that no wheel maps.

    An answer with such a name counts as empty, and a gold list with only such names is skipped.
    """
    names = sorted(
        form for form, emotion in ALIASES.items() if emotion in EMOLAB_7 and form.isascii() and len(form) > 3
    )
    return [
        _row("unmapped emotion", "all", name, f"a name of {ALIASES[name]!r} that drops out")
        for name in names
        if not wheels.knows(name)
    ]


def _repeated(wheels: WheelSet) -> list[Quirk]:
    """Words that stand in more than one level-1 branch of a wheel, so that the later place decides."""
    rows = []
    for wheel, tree in wheels.trees.items():
        places = {
            level1: {level1, *branch, *(leaf for leaves in branch.values() for leaf in leaves)}
            for level1, branch in tree.items()
        }
        counts = Counter(word for words in places.values() for word in words)
        for word in sorted(word for word, count in counts.items() if count > 1):
            under = ", ".join(sorted(level1 for level1, words in places.items() if word in words))
            rows.append(_row("stands twice", wheel, word, f"under {under}"))
    return rows


def _spam(wheels: WheelSet) -> list[Quirk]:
    """What listing every word of a wheel scores: F = 2k / (n + k) where k of its n clusters are right."""
    rows = []
    for wheel, table in zip(wheels.wheels, wheels.maps["level1"], strict=True):
        n = len(set(table.values()))
        scores = ", ".join(f"{spam_score(n, k):.2f} for {k}" for k in (1, 2, 3) if k <= n)
        rows.append(_row("label spam", wheel, f"all {n} clusters", f"F = {scores} right"))
    return rows


def _ambiguous(folder: Path) -> list[Quirk]:
    """Forms that format.csv lists under several names: the alphabetically first wheel word of all of them decides."""
    return [
        _row("ambiguous form", "format.csv", form, "listed under " + ", ".join(sorted(set(names))))
        for form, names in sorted(read_forms(folder / "format.csv").items())
        if len(set(names)) > 1
    ]


def opposite_words(wheels: WheelSet | None = None) -> list[tuple[str, str, str]]:
    """Forms of ours that land in a cluster of opposite valence: (form, wheel, cluster). Empty for the shipped wheels.

    For other wheels, a cluster's valence is that of its name in our lexicon; clusters we do not know are skipped.
    """
    wheels = wheels or embedded()
    found = []
    for wheel, table in zip(wheels.wheels, wheels.maps["level1"], strict=True):
        stated = cluster_valence().get(wheel, {}) if wheels.name == "embedded" else {}
        for form, cluster in table.items():
            word, place = valence_of(form), stated.get(cluster, valence_of(cluster))
            if word is not None and place is not None and word * place < 0:
                found.append((form, wheel, cluster))
    return found
