"""Reader of the official emotion-wheel files (AffectGPT's `wheelN.xlsx`, `synonym.xlsx`, `format.csv`), quirks
included.

The published lists are for non-commercial use and are not shipped: the user names a folder that holds them. Where a
quirk changes scores it is kept, so that scores equal the official ones; `emolab reward quirks` lists them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emolab.errors import CorpusError
from emolab.wheels.model import Tree, WheelSet, cluster_maps

RUNS = tuple(f"run{i}" for i in range(1, 9))


def read_official(folder: Path) -> WheelSet:
    """The wheels of `folder` in the order wheel1, wheel2, …

    Raises CorpusError that names a missing file or column.
    """
    paths = sorted(Path(folder).glob("wheel*.xlsx"), key=lambda path: int(re.sub(r"\D", "", path.stem) or 0))
    if not paths:
        raise CorpusError(f"{folder}: no wheel1.xlsx here; name the folder that holds the official emotion-wheel files")
    trees: dict[str, Tree] = {path.stem: read_tree(path) for path in paths}
    names = read_forms(Path(folder) / "format.csv")
    synonyms = read_synonyms(Path(folder) / "synonym.xlsx")
    if missing := sorted({name for found in names.values() for name in found} - set(synonyms)):
        raise CorpusError(
            f"{folder}/format.csv: {missing[0]!r} is neither a wheel word nor a synonym in synonym.xlsx "
            f"({len(missing)} such names); the official scorer stops there too"
        )
    level1, level2 = zip(*(cluster_maps(tree) for tree in trees.values()), strict=True)
    return WheelSet(
        str(folder),
        trees,
        {
            "form": ({form: min(found) for form, found in names.items()},),
            "synonym": ({form: min(synonyms[min(found)]) for form, found in names.items()},),
            "level1": tuple(_to_clusters(names, synonyms, table) for table in level1),
            "level2": tuple(_to_clusters(names, synonyms, table) for table in level2),
        },
    )


def _to_clusters(
    names: Mapping[str, list[str]], synonyms: Mapping[str, list[str]], table: Mapping[str, str]
) -> dict[str, str]:
    """Form → cluster. All names of a form lead to wheel words; the alphabetically first one on this wheel decides."""
    found = {}
    for form, bases in names.items():
        on_wheel = [word for base in bases for word in synonyms[base] if word in table]
        if on_wheel:
            found[form] = table[min(on_wheel)]
    return found


def read_tree(path: Path) -> Tree:
    """One wheel: rows of level1, level2, level3, where a blank cell inherits from above; lower case, stripped.

    A blank level-3 cell inherits even where level 2 changed, so a leaf can stand under its neighbour too.
    """
    tree: dict[str, dict[str, list[str]]] = {}
    current = {"level1": "", "level2": "", "level3": ""}
    for row in _sheet(path, tuple(current)):
        current.update({level: str(cell).lower().strip() for level, cell in row.items() if cell is not None})
        tree.setdefault(current["level1"], {}).setdefault(current["level2"], []).append(current["level3"])
    return tree


def read_synonyms(path: Path) -> dict[str, list[str]]:
    """Each wheel word or synonym → the wheel words it stands for, over the eight runs (the union of their lists)."""
    merged: dict[str, set[str]] = {}
    rows = list(_sheet(path, tuple(f"{kind}_{run}" for run in RUNS for kind in ("word", "synonym"))))
    for run in RUNS:
        for row in rows:
            if row[f"word_{run}"] is None:
                continue
            word = str(row[f"word_{run}"]).strip().lower()
            for form in (word, *(item.strip().lower() for item in official_list(row[f"synonym_{run}"]))):
                merged.setdefault(form, set()).add(word)
    return {form: sorted(words) for form, words in merged.items()}


def read_forms(path: Path) -> dict[str, list[str]]:
    """Each surface form → the names whose row lists it, and each name → itself. Case is kept, as officially."""
    import pandas as pd

    if not path.is_file():
        raise CorpusError(f"{path}: no such file; it belongs beside the official wheels")
    table = pd.read_csv(path)
    _require(path, table.columns, ("name", "format"))
    names: dict[str, list[str]] = {}
    for name, listed in zip(table["name"], table["format"], strict=True):
        name = "" if pd.isna(name) else str(name)
        for form in (*official_list(None if pd.isna(listed) else listed), name):
            names.setdefault(form, []).append(name)
    return names


def official_list(cell: Any) -> list[str]:
    """A list written as text, split as the official scorer does: at commas and at quotes of both kinds.

    >>> official_list("['angry', 'let down']"), official_list("don't know, sad"), official_list(None)
    (['angry', 'let down'], ['don', 't know', 'sad'], [])
    """
    if cell is None or (isinstance(cell, float) and cell != cell):
        return []
    if isinstance(cell, (list, tuple)):
        return [str(item) for item in cell]
    text = str(cell)
    text = text.removeprefix("[")
    text = text.removesuffix("]")
    return [item.strip() for item in re.split(r"['\",]", text) if item.strip()]


def _sheet(path: Path, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    import pandas as pd

    if not path.is_file():
        raise CorpusError(f"{path}: no such file; it belongs beside the official wheels")
    table = pd.read_excel(path)
    _require(path, table.columns, columns)
    rows = table[list(columns)].to_dict("records")
    return [{column: None if pd.isna(cell) else cell for column, cell in row.items()} for row in rows]


def _require(path: Path, found: Iterable[Any], columns: tuple[str, ...]) -> None:
    if missing := [column for column in columns if column not in set(found)]:
        raise CorpusError(f"{path}: no column {missing[0]!r}; the official file has {', '.join(columns)}")
