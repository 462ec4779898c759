"""Figures of an evaluation: who was mistaken for whom, scores with their intervals, controls, label bias."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emolab.emotions import LabelSet, label_set
from emolab.evaluate.results import labels_in
from emolab.metrics import confusion
from emolab.plots.style import INK, colour_of, light_grid, new_figure, styled

STATED = "stated"
"""The chance that a result states."""
INTERVALS = "95% intervals"
VALUE: dict[str, Any] = {"fontsize": 9, "zorder": 4, "bbox": {"facecolor": "white", "linewidth": 0, "pad": 0.6}}
CONTROL_NAMES = {
    None: "as recorded",
    "none": "as recorded",
    "silent": "silent",
    "swapped": "another voice,\nother emotion",
    "shuffled": "another voice,\nany emotion",
    "no_transcript": "no words",
    "no_video": "no face",
}


@styled
def confusion_matrix(
    rows: Sequence[Mapping[str, Any]], labels: LabelSet | Sequence[str] | None = None, title: str = ""
) -> Figure:
    """Confusion matrix of an evaluation's raw rows, in % of each gold label; answers that name no label get a column of
    their own.

    `labels` are those asked for (`result["info"]["labels"]`), by default those found in the rows.
    """
    labels = labels_in(rows) if labels is None else label_set(labels)
    counts = confusion([r["gold"] for r in rows], [r["predicted"] for r in rows], labels, unparsed=True).astype(float)
    columns = [*labels, None] if any(r["predicted"] is None for r in rows) else list(labels)
    counts = counts[:, : len(columns)]
    share = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, ((axis,),) = new_figure(1.2 + 0.62 * len(columns), 0.9 + 0.5 * len(labels))
    axis.imshow(share, cmap="GnBu", vmin=0, vmax=100, aspect="auto")
    for i, j in np.ndindex(*share.shape):
        if counts[i, j]:
            colour, weight = "white" if share[i, j] > 60 else INK, "bold" if columns[j] == labels[i] else "normal"
            axis.text(j, i, f"{share[i, j]:.0f}", ha="center", va="center", color=colour, weight=weight)
    axis.set_xticks(range(len(columns)), [c or "no label" for c in columns], rotation=35, ha="right")
    axis.set_yticks(range(len(labels)), [f"{g}  ({int(n)})" for g, n in zip(labels, counts.sum(1), strict=True)])
    axis.set(xlabel="answered, % of each row", ylabel="gold (n)", title=title or "Who is mistaken for whom")
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    return figure


@styled
def score_bars(
    results: Mapping[str, Mapping[str, Any]], metric: str = "ua", chance: float | str | None = STATED, title: str = ""
) -> Figure:
    """One bar per result object, best read from top to bottom, with its 95% interval and the line of chance.

    The interval is drawn where a result has the key `<metric>_ci` [low, high]. Chance is what the results state
    (their key "chance", for UA), a number, or None for no line; results that state different ones get one line each.
    """
    names = list(results)
    figure, ((axis,),) = new_figure(7.0, 0.9 + 0.42 * len(names))
    for i, name in enumerate(names):
        result = results[name]
        _bar(axis, i, float(result[metric]), result.get(f"{metric}_ci"), colour_of(name), False)
    stated = _stated(results.values() if metric == "ua" else ()) if chance == STATED else chance
    if isinstance(stated, list):
        for i, value in enumerate(stated):
            if value is not None:
                axis.plot([value, value], [i - 0.4, i + 0.4], color=INK, lw=1, ls=(0, (4, 3)), zorder=3)
        axis.plot([], [], color=INK, lw=1, ls=(0, (4, 3)), label="chance")
        axis.legend(loc="lower right", fontsize=8)
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    name = metric.upper() if len(metric) < 3 else metric.replace("_", " ")
    lines = f", lines: {INTERVALS}" if any(result.get(f"{metric}_ci") for result in results.values()) else ""
    axis.set(xlim=(0, 1), xlabel=name + lines)
    axis.set_title(title, pad=None if stated is None else 16)  # "chance" is written below it
    _chance(axis, stated if isinstance(stated, float) else None, vertical=True)
    light_grid(axis, "x")
    return figure


def _stated(results: Iterable[Mapping[str, Any]]) -> float | list[float | None] | None:
    """The chance that results state: a number where they agree, else a list, one each; None where none does."""
    stated = [result.get("chance") for result in results]
    different = set(stated)
    if len(different) < 2:
        return different.pop() if different else None
    return [None if value is None else float(value) for value in stated]


def _bar(
    axis: Axes,
    place: float,
    value: float,
    interval: Sequence[float] | None,
    colour: str,
    upright: bool,
    width: float = 0.62,
) -> None:
    draw = axis.bar if upright else axis.barh
    draw(place, value, width, color=colour, alpha=0.9)
    end = value
    if interval is not None:
        ends, places, end = list(interval), [place, place], max(interval)
        axis.plot(places if upright else ends, ends if upright else places, color=INK, lw=1.6, solid_capstyle="butt")
    if upright:
        axis.text(place, end + 0.015, f"{value:.2f}", ha="center", va="bottom", **VALUE)
    else:
        axis.text(end + 0.012, place, f"{value:.2f}", va="center", **VALUE)


def _chance(axis: Axes, chance: float | None, vertical: bool) -> None:
    if chance is None:
        return
    (axis.axvline if vertical else axis.axhline)(chance, color=INK, lw=1, ls=(0, (4, 3)), zorder=3)
    place, across, offset, side = (
        ((chance, 1), ("data", "axes fraction"), (3, -2), "left")
        if vertical
        else ((1, chance), ("axes fraction", "data"), (-2, 2), "right")
    )
    looks: dict[str, Any] = {"xytext": offset, "textcoords": "offset points", "fontsize": 8, "ha": side, "va": "bottom"}
    axis.annotate("chance", place, xycoords=across, **looks)


@styled
def controls(
    results: Mapping[str, Mapping[str | None, Mapping[str, Any]]],
    chance: float | str | None = STATED,
    title: str = "Does it listen? UA with the evidence taken away",
) -> Figure:
    """Groups of bars: for each model (key) its UA as recorded (control None or "none") and under each control.

    The line of chance is what all results state, or the number given.
    """
    kinds = list(dict.fromkeys(k for r in results.values() for k in r))
    figure, ((axis,),) = new_figure(max(6.0, 1.3 * len(kinds) + 1), 3.4)
    width = 0.8 / max(len(results), 1)
    for i, (model, by_control) in enumerate(results.items()):
        for j, kind in enumerate(kinds):
            if kind in by_control:
                place = j + (i - (len(results) - 1) / 2) * width
                found = by_control[kind]
                _bar(axis, place, found["ua"], found.get("ua_ci"), colour_of("", i), True, 0.88 * width)
        axis.bar(0, 0, color=colour_of("", i), label=model)
    axis.set_xticks(range(len(kinds)), [CONTROL_NAMES.get(k, str(k)) for k in kinds])
    axis.set(ylim=(0, 1), ylabel=f"UA, lines: {INTERVALS}", title=title)
    stated = _stated(r for found in results.values() for r in found.values()) if chance == STATED else chance
    _chance(axis, stated if isinstance(stated, float) else None, vertical=False)
    if len(results) > 1:
        axis.legend(loc="upper right", ncols=min(3, len(results)))
    light_grid(axis)
    return figure
