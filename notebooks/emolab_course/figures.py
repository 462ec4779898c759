"""Figures of the lessons: Plutchik's circle, a corpus at a glance, the modality triangle, methods against the truth.

They are drawn as those of `emolab.plots` are, from tables and arrays; none of them computes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emolab.emotions import EMOLAB_7, PLUTCHIK_DEGREES, LabelSet, label_set_of
from emolab.plots.style import (
    INK,
    MODALITY_COLOURS,
    QUIET,
    colour_of,
    light_grid,
    new_figure,
    styled,
)
from emolab.samples import MODALITIES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNIT_RANGE = ("recovery", "auc", "conflict", "hallucination", "agreement")
CORNERS = {"audio": (0.0, 0.0), "video": (1.0, 0.0), "text": (0.5, 0.866)}


@styled
def plutchik_circle(
    similarity: Mapping[str, float] | None = None, centre: str = "", gamma: float | None = None
) -> Figure:
    """Plutchik's circle. With `similarity` (emotion → similarity to `centre`), each point's size shows it, and those
    at or below `gamma`, which earn no credit, are hollow.
    """
    figure, axes = new_figure(4.6, 4.6)
    axis = axes[0, 0]
    ring = [math.radians(d) for d in range(361)]
    axis.plot([math.cos(a) for a in ring], [math.sin(a) for a in ring], color=QUIET, linewidth=0.8)
    for i, (name, degrees) in enumerate(PLUTCHIK_DEGREES.items()):
        _circle_point(axis, name, degrees, i, None if similarity is None else similarity.get(name), gamma)
    axis.text(0, 0, "neutral", ha="center", va="center", color=QUIET)
    axis.set(
        xlim=(-1.55, 1.55),
        ylim=(-1.45, 1.45),
        aspect="equal",
        title=f"Similarity to {centre}" if centre else "Plutchik's circle",
    )
    axis.axis("off")
    return figure


def _circle_point(
    axis: Axes, name: str, degrees: float, position: int, value: float | None, gamma: float | None
) -> None:
    x, y = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    colour = colour_of(name, position)
    filled = value is None or gamma is None or value > gamma
    axis.scatter(
        [x],
        [y],
        s=120 if value is None else 20 + 260 * value,
        color=colour if filled else "none",
        edgecolor=colour,
        zorder=3,
    )
    label = name if value is None else f"{name}\n{value:.2f}"
    axis.text(1.3 * x, 1.22 * y, label, ha="center", va="center", color=INK)


@styled
def similarity_matrices(
    matrices: Mapping[str, Sequence[Sequence[float]]], labels: LabelSet | Sequence[str] = EMOLAB_7
) -> Figure:
    """Similarity matrices side by side, (L, L) each with values in [0, 1], by name."""
    figure, axes = new_figure(3.4 * len(matrices), 4.3, 1, len(matrices))
    image: Any = None
    for i, (axis, (name, matrix)) in enumerate(zip(axes[0], matrices.items(), strict=True)):
        image = axis.imshow(matrix, cmap="Greens", vmin=0, vmax=1)
        axis.set_xticks(range(len(labels)), labels, rotation=90)
        axis.set_yticks(range(len(labels)), labels if i == 0 else [])
        axis.set_title(name)
        for row, values in enumerate(matrix):
            for column, value in enumerate(values):
                axis.text(
                    column,
                    row,
                    f"{value:.1f}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if value > 0.6 else INK,
                )
    if image is not None:
        figure.colorbar(image, ax=list(axes[0]), shrink=0.8, label="similarity")
    return figure


@styled
def corpus_overview(table: pd.DataFrame, by: str = "condition", title: str = "") -> Figure:
    """Three panels: samples by emotion and split, by emotion and `by` (or speaker where the table lacks it), and
    speakers by split.
    """
    figure, axes = new_figure(10.5, 3.2, 1, 3, gridspec_kw={"width_ratios": [1.1, 1.5, 0.7]})
    first, second, third = axes[0]
    by = by if by in table else "speaker"
    present = set(table["emotion"].dropna().astype(str))
    known = [label for label in label_set_of(present) if label in present]
    order = [*known, *sorted(present.difference(known))]
    splits = [s for s in ("train", "val", "test") if s in set(table["split"])] or sorted(
        map(str, table["split"].dropna().unique())
    )
    _stack(first, table, order, splits)
    counts = table.groupby(["emotion", by]).size().unstack(fill_value=0).reindex(order)
    second.imshow(counts.to_numpy(), cmap="GnBu", aspect="auto")
    for i in range(counts.shape[0]):
        for j in range(counts.shape[1]):
            value = int(counts.iat[i, j])
            dark = value > 0.6 * counts.to_numpy().max()
            second.text(j, i, value or "", ha="center", va="center", fontsize=8, color="white" if dark else INK)
    second.set_xticks(range(counts.shape[1]), list(map(str, counts.columns)), rotation=45, ha="right", fontsize=8)
    second.set_yticks(range(len(order)), order)
    second.set_title(f"emotion × {by}")
    second.tick_params(length=0)
    speakers = table.groupby("split")["speaker"].nunique().reindex(splits)
    third.bar(splits, speakers.to_numpy(), color=[colour_of("", i) for i in range(len(splits))])
    third.bar_label(third.containers[0], fontsize=9)
    third.set_title("speakers")
    third.yaxis.set_visible(False)
    third.spines["left"].set_visible(False)
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


def _stack(axis: Any, table: pd.DataFrame, order: Sequence[str], splits: Sequence[str]) -> None:
    left = dict.fromkeys(order, 0)
    for i, split in enumerate(splits):
        counts = table[table["split"] == split]["emotion"].value_counts()
        values = [int(counts.get(e, 0)) for e in order]
        axis.barh(order, values, left=[left[e] for e in order], color=colour_of("", i), label=split)
        left = {e: left[e] + v for e, v in zip(order, values, strict=True)}
    axis.invert_yaxis()
    axis.set_title("samples")
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.45, -0.1), ncols=3)
    light_grid(axis, "x")


@styled
def boxes_by_label(
    panels: Mapping[str, Sequence[float]], emotions: Sequence[str], labels: Sequence[str], title: str = ""
) -> Figure:
    """One feature's values by emotion, as box plots side by side: a panel for each way of measuring it.

    `panels` maps a title to one value a sample; `emotions` names each sample's label.
    """
    import numpy as np

    figure, (axes,) = new_figure(5.2 * len(panels), 3.2, 1, len(panels))
    held = np.array(emotions)
    known = [label for label in labels if (held == label).any()]
    for axis, (name, values) in zip(axes, panels.items(), strict=True):
        groups = [np.asarray(values, float)[held == label] for label in known]
        drawn = axis.boxplot(groups, patch_artist=True, medianprops={"color": INK}, flierprops={"markersize": 2})
        for patch, label in zip(drawn["boxes"], known, strict=True):
            patch.set(facecolor=colour_of(label, list(labels).index(label)), edgecolor=INK, linewidth=0.6)
        axis.set_xticks(range(1, len(known) + 1), known, rotation=30, ha="right")
        axis.set_title(name)
        light_grid(axis)
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


@styled
def beside_corpus(
    corpus: pd.DataFrame, own: pd.DataFrame, x: str, y: str, labels: Sequence[str], title: str = ""
) -> Figure:
    """Own clips among those of a corpus, by two features: the corpus as faint dots, the own clips as marked ones.

    Both tables have the columns `x`, `y` and "emotion"; a colour is a label.
    """
    figure, ((axis,),) = new_figure(6.4, 4.2)
    for i, label in enumerate(labels):
        part, mine = corpus[corpus["emotion"] == label], own[own["emotion"] == label]
        colour = colour_of(label, i)
        axis.scatter(part[x], part[y], s=14, color=colour, alpha=0.3, linewidth=0)
        axis.scatter(mine[x], mine[y], s=80, color=colour, edgecolor=INK, marker="D", label=label, zorder=3)
    unknown = own[~own["emotion"].isin(list(labels))]
    axis.scatter(unknown[x], unknown[y], s=80, color="none", edgecolor=INK, marker="D")
    axis.set(xlabel=x, ylabel=y, title=title or "Your clips (diamonds) among those of the corpus (dots)")
    if len(own):
        axis.legend(fontsize=8, title="your clips", bbox_to_anchor=(1.01, 1), loc="upper left")
    return figure


@styled
def spam_curves(curves: Mapping[str, Sequence[float]], title: str = "", x: str = "words named") -> Figure:
    """Score against the number of words (or clusters) named, 1, 2, …, one line each; a dot marks the best."""
    figure, axes = new_figure(6.4, 3.2)
    axis = axes[0, 0]
    for i, (name, values) in enumerate(curves.items()):
        xs = range(1, len(values) + 1)
        axis.plot(xs, values, color=colour_of(name, i), label=name)
        best = max(range(len(values)), key=values.__getitem__)
        axis.plot(best + 1, values[best], "o", color=colour_of(name, i))
    axis.axhline(0, color=QUIET, linewidth=0.8)
    axis.set(xlabel=x, ylabel="score", title=title)
    axis.legend(fontsize=8, ncols=2)
    light_grid(axis)
    return figure


@styled
def modality_triangle(
    shares: np.ndarray,
    colours: Sequence[str] | str = "#14817b",
    groups: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Each sample as a point in the triangle of its shares (N, 3) of audio, video and text; a corner means one
    modality alone.

    `colours` is one colour, or one for each sample; `groups` names colours for the legend.
    """
    import numpy as np

    figure, ((axis,),) = new_figure(5.0, 4.5)
    corners = np.array([CORNERS[m] for m in MODALITIES])
    axis.fill(*corners.T, color="#f4f6f8", zorder=0)
    for level in (0.25, 0.5, 0.75):
        for i in range(3):
            ends = level * corners[i] + (1 - level) * np.delete(corners, i, axis=0)
            axis.plot(*ends.T, color="#dfe4e9", lw=0.7, zorder=1)
    points = shares @ corners
    axis.scatter(*points.T, c=colours, s=24, alpha=0.75, linewidths=0.3, edgecolors="white", zorder=3)
    for modality, (x, y) in CORNERS.items():
        below = modality != "text"
        axis.annotate(modality, (x, y), xytext=(0, -8 if below else 7), textcoords="offset points", ha="center",
                      va="top" if below else "bottom", weight="bold", color=MODALITY_COLOURS[modality])  # fmt: skip
    for name, colour in (groups or {}).items():
        axis.scatter([], [], c=colour, s=30, label=name)
    if groups:
        axis.legend(loc="upper left", fontsize=8, title="evidence in", title_fontsize=8)
    axis.set(aspect="equal", xlim=(-0.12, 1.12), ylim=(-0.1, 0.97), title=title or "Where the answers come from")
    axis.set_axis_off()
    return figure


@styled
def truth_table(
    methods: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]] = (),
    title: str = "",
    columns: Sequence[str] = (),
    across: int = 3,
) -> Figure:
    """The truth suite as dots with intervals: one panel for each figure, one line for each method, before RL hollow.

    `columns` are keys of `emolab_course.truth.COLUMNS`, by default all that any method has; a dashed line shows
    what a right method would get.
    """
    from emolab_course.truth import COLUMNS

    wanted = [c for c in COLUMNS if c.key in (columns or [x.key for x in COLUMNS])]
    drawn = [c for c in wanted if any(row.get(c.key) is not None for row in methods)]
    names = [row["name"] for row in methods]
    earlier = {row["name"]: row for row in before}
    wide = min(across, len(drawn))
    high = -(-len(drawn) // wide)
    figure, axes = new_figure(2.9 * wide + 1.6, (1.0 + 0.34 * len(names)) * high, high, wide, sharey=True)
    for axis in axes.flat[len(drawn) :]:
        axis.set_axis_off()
    for axis, column in zip(axes.flat, drawn, strict=False):
        for i, row in enumerate(methods):
            _dot(axis, i - (0.14 if earlier else 0), row, column.key, True)
            if row["name"] in earlier:
                _dot(axis, i + 0.2, earlier[row["name"]], column.key, False)
        if column.target is not None:
            axis.axvline(column.target, color=INK, lw=1, ls=(0, (4, 3)))
        if column.key in UNIT_RANGE:
            axis.set_xlim(-0.02, 1.04)
        axis.set_title(column.title, fontsize=10)
        light_grid(axis, "x")
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].invert_yaxis()
    if earlier:
        figure.legend(handles=[_mark(axes[0, 0], True, "after training"), _mark(axes[0, 0], False, "before")],
                      loc="outside lower right", ncols=2, fontsize=9)  # fmt: skip
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


def _mark(axis: Axes, filled: bool, label: str) -> Any:
    return axis.plot([], [], "o", color=INK, mfc=INK if filled else "white", label=label)[0]


def _dot(axis: Axes, place: float, row: Mapping[str, Any], column: str, filled: bool) -> None:
    value = row.get(column)
    if value is None:
        return
    colour = "#14817b" if "Shapley" in row["name"] else "#c7652c" if "chance" not in row["name"] else QUIET
    if (interval := row.get(f"{column}_ci")) and None not in interval:
        axis.plot(interval, [place] * 2, color=colour, lw=1.6, alpha=0.7)
    axis.plot([value], [place], "o", color=colour, mfc=colour if filled else "white", ms=6)


@styled
def stated_rates(suites: Mapping[str, Mapping[str, Any]], title: str = "") -> Figure:
    """What rationales state against what was measured, for each of some models (name to the suite's `stated`).

    Hallucination, omission and agreement with their intervals; a model whose rationales state nothing has no bars.
    """
    heads = {"hallucination": "stated, but did\nnot contribute", "omission": "contributed,\nbut not stated",
             "agreement": "names the\nlargest"}  # fmt: skip
    figure, ((axis,),) = new_figure(6.2, 3.0)
    width = 0.8 / max(1, len(suites))
    for j, (name, stated) in enumerate(suites.items()):
        colour = colour_of(name, j)
        axis.plot([], [], "s", color=colour, ms=8, label=name)
        for i, key in enumerate(heads):
            place = i + (j - (len(suites) - 1) / 2) * width
            if stated.get(key) is None:
                continue
            axis.bar(place, stated[key], 0.92 * width, color=colour, alpha=0.9)
            axis.plot([place] * 2, stated[f"{key}_ci"], color=INK, lw=1.6)
    axis.set_xticks(range(len(heads)), list(heads.values()))
    axis.set(ylim=(0, 1.02), ylabel="share", title=title or "What is said against what was measured")
    axis.legend(loc="upper left", ncols=len(suites))
    light_grid(axis)
    return figure


@styled
def before_after(
    before: Mapping[str, float],
    after: Mapping[str, float],
    ylabel: str = "mean φ",
    title: str = "",
    intervals: Mapping[str, Sequence[Sequence[float]]] | None = None,
) -> Figure:
    """Slopes from before to after training, one for each modality; `intervals[name]` are those of before and after."""
    figure, ((axis,),) = new_figure(4.6, 3.2)
    spans = [x for pair in (intervals or {}).values() for span in pair for x in span]
    values = [*before.values(), *after.values(), *spans, 0.0]
    gap, lowest = 0.075 * (max(values) - min(values)), float("-inf")
    for i, name in enumerate(sorted(after, key=after.__getitem__)):
        colour, shift = colour_of(name, list(after).index(name)), 0.04 * (i / max(1, len(after) - 1) - 0.5)
        axis.plot([shift, 1 + shift], [before[name], after[name]], "o-", color=colour, lw=2.2)
        for x, span in enumerate((intervals or {}).get(name, ())):
            axis.plot([x + shift] * 2, span, color=colour, lw=1.4, alpha=0.7)
        lowest = max(after[name], lowest + gap)
        axis.annotate(f"{name} {after[name]:.2f}", (1.14, lowest), va="center", color=colour)
    axis.axhline(0, color=QUIET, lw=0.8)
    axis.set_xticks([0, 1], ["before RL", "after RL"])
    axis.set(xlim=(-0.2, 1.7), ylabel=ylabel, title=title or "What training taught it to use")
    return figure
