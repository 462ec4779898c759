"""The table of the truth suite: methods as rows, the figures of `COLUMNS` with their intervals as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from emolab_course.cues import stated_against_measured
from emolab_course.measure import Measured, method_values
from emolab_course.methods import from_table
from emolab_course.truth import COLUMNS, Column, Row
from numpy.typing import NDArray

from benchmarks.truth.checks import structure_left
from emolab.samples import MODALITIES

Floats = NDArray[np.float64]
NO_LESS = 1e-9
"""A modality that adds less than this contributes nothing, whatever the null says: it is rounding."""


def add(rows: Sequence[Row], found: Mapping[str, Mapping[str, Any]]) -> None:
    """Put what a check found of each method into its row."""
    for row in rows:
        row.update(found.get(row["name"], {}))


def sanity_columns(measured: Measured, blind: Measured, n_boot: int) -> dict[str, Row]:
    """How much of each method's attributions is left when the weights are shuffled; `blind` are the first samples."""
    before, after = method_values(measured), method_values(blind, seed=1)
    speakers = [s.speaker for s in blind.samples]
    found = {}
    for name, values in after.items():
        left = structure_left(before[name][: len(values)], values, speakers, n_boot)
        found[name] = {
            "sanity": left["rank_correlation"],
            "sanity_ci": left["rank_correlation_ci"],
            "same_top": left["same_top"],
            "same_top_ci": left["same_top_ci"],
        }
    return found


def faithfulness_columns(found: Sequence[Row]) -> dict[str, Row]:
    """Each method's advantage over random deletion, with what was left out as saturated."""
    names = {"faithfulness": "advantage", "faithfulness_ci": "advantage_ci", "faithfulness_area": "area",
             "faithfulness_area_ci": "area_ci", "faithfulness_n": "n", "saturated": "saturated"}  # fmt: skip
    return {row["name"]: {key: row[source] for key, source in names.items()} for row in found}


def stated_columns(measured: Measured, texts: Sequence[str], nulls: Floats, n_boot: int) -> dict[str, Row]:
    """Rationales against each method; a hallucination rate only where a null (tables (N, 3, 8)) gives a threshold."""
    speakers = [s.speaker for s in measured.samples]
    limits = {f"{name}, {measured.first}": threshold(values) for name, values in from_table(nulls).items()}
    found: dict[str, Row] = {}
    for name, values in method_values(measured).items():
        limit = limits.get(name)
        every = stated_against_measured(
            texts, values, np.zeros(len(MODALITIES)) if limit is None else limit, speakers, n_boot=n_boot
        )
        kept = ("agreement",) if limit is None else ("agreement", "hallucination", "omission")
        found[name] = {f"{key}{ci}": every.get(f"{key}{ci}") for key in kept for ci in ("", "_ci")}
    return found


def threshold(null_values: Floats, quantile: float = 0.95) -> Floats:
    """What each modality has to exceed (M,): the `quantile` of what it gets (N, M, M) when it knows nothing."""
    m = np.arange(null_values.shape[1])
    limit: Floats = np.maximum(np.quantile(null_values[:, m, m], quantile, axis=0), NO_LESS)
    return limit


def axioms(measured: Measured) -> dict[str, float]:
    """Largest violation of each axiom over all samples and maskers, from the tables that were measured.

    `efficiency` is |Σφ − (v(N) − v(∅))|, `dummy` is |φ| of an added player that changes nothing, and `twins` is
    |φᵢ − φⱼ| of a modality that is counted twice.
    """
    worst = {"efficiency": 0.0, "dummy": 0.0, "twins": 0.0}
    for masker in measured.tables:
        table, phi = measured.table(masker), measured.shapley(masker)
        gap = np.abs(phi.sum(1) - (table[:, -1] - table[:, 0])).max()
        worst["efficiency"] = max(worst["efficiency"], float(gap))
        twice = from_table(doubled(table))["Shapley"]
        worst["twins"] = max(worst["twins"], float(np.abs(twice[:, 0] - twice[:, -2]).max()))
        worst["dummy"] = max(worst["dummy"], float(np.abs(twice[:, -1]).max()))
    return worst


def doubled(table: Floats) -> Floats:
    """The game (…, 2ⁿ⁺²) with player 0's twin and a dummy added last: either twin brings what player 0 brings."""
    n = int(table.shape[-1]).bit_length() - 1
    index = np.arange(2 ** (n + 2))
    one = (index | (index >> n)) & 1
    return table[..., ((index & (2**n - 1)) & ~1) | one]


def cell(row: Mapping[str, Any], key: str) -> str:
    """A figure with its interval, as text; a dash where there is none."""
    value, interval = row.get(key), row.get(f"{key}_ci")
    if value is None:
        return "–"
    if interval is None or any(x is None or x != x for x in interval):
        return f"{value:.2f}"
    return f"{value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"


def shown_columns(*suites: Mapping[str, Any]) -> list[Column]:
    """The columns that any method of any suite has a figure for."""
    return [c for c in COLUMNS if any(row.get(c.key) is not None for s in suites for row in s["methods"])]


def cells(after: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> list[list[list[str]]]:
    """The table as text: rows of cells of lines, the first cell the method; before training above after it."""
    suites = [before, after] if before else [after]
    earlier = [{row["name"]: row for row in suite["methods"]} for suite in suites]
    names = [row["name"] for row in after["methods"]]
    columns = shown_columns(*suites)
    return [[[name], *([cell(part.get(name, {}), c.key) for part in earlier] for c in columns)] for name in names]


def markdown(after: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> str:
    """The table in Markdown; with `before`, each cell has two lines."""
    titles = ["method", *(c.title for c in shown_columns(*filter(None, (before, after))))]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    lines += [f"| {' | '.join('<br>'.join(lines) for lines in row)} |" for row in cells(after, before)]
    return "\n".join(lines)
