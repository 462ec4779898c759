"""Figures of the lessons: Plutchik's circle, a clip, a corpus at a glance, the modality triangle, methods against the
truth.

They are drawn as those of `emolab.plots` are, from tables and arrays; none of them computes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emolab.emotions import EMOLAB_7, PLUTCHIK_DEGREES, LabelSet, label_set, label_set_of
from emolab.media import SAMPLE_RATE
from emolab.plots import training
from emolab.plots.style import (
    ACCENT,
    CYCLE,
    INK,
    MODALITY_COLOURS,
    QUIET,
    colour_of,
    light_grid,
    new_figure,
    palette,
    styled,
)
from emolab.samples import MODALITIES
from emolab_course.wheel_figure import emotion_wheel as emotion_wheel

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
    at or below `gamma`, which earn no credit, are hollow. Emotions without a similarity are named as no labels.
    """
    figure, axes = new_figure(4.8, 4.8)
    axis = axes[0, 0]
    ring = [math.radians(d) for d in range(361)]
    axis.plot([math.cos(a) for a in ring], [math.sin(a) for a in ring], color=QUIET, linewidth=0.8)
    for i, (name, degrees) in enumerate(PLUTCHIK_DEGREES.items()):
        if similarity is None or name in similarity:
            _circle_point(axis, name, degrees, i, None if similarity is None else similarity[name], gamma)
        else:
            x, y = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            axis.plot([x], [y], "o", color=QUIET, ms=3)
            axis.text(1.3 * x, 1.22 * y, f"{name}\n(no label)", ha="center", va="center", fontsize=8.5, color=INK)
    axis.text(0, 0, "neutral", ha="center", va="center", color=INK)
    if similarity is not None:
        hollow = "" if gamma is None else f"; hollow: at most {gamma:g}, earns nothing"
        axis.text(0, -1.6, f"size: similarity{hollow}", ha="center", va="center", fontsize=8.5, color=INK)
    axis.set(
        xlim=(-1.6, 1.6),
        ylim=(-1.7, 1.45),
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
    matrices: Mapping[str, Sequence[Sequence[float]]],
    labels: LabelSet | Sequence[str] = EMOLAB_7,
    values: str = "similarity",
    xlabel: str = "",
    ylabel: str = "",
) -> Figure:
    """Matrices side by side, (L, L) each with `values` (what they are) in [0, 1], by name."""
    figure, axes = new_figure(3.4 * len(matrices), 4.3, 1, len(matrices))
    image: Any = None
    for i, (axis, (name, matrix)) in enumerate(zip(axes[0], matrices.items(), strict=True)):
        image = axis.imshow(matrix, cmap="Greens", vmin=0, vmax=1)
        axis.set_xticks(range(len(labels)), labels, rotation=90)
        axis.set_yticks(range(len(labels)), labels if i == 0 else [])
        axis.set_title(name)
        axis.set(xlabel=xlabel, ylabel=ylabel if i == 0 else "")
        for row, held in enumerate(matrix):
            for column, value in enumerate(held):
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
        figure.colorbar(image, ax=list(axes[0]), shrink=0.8, label=values)
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
    second.set_title(f"Samples by emotion and {by}")
    second.tick_params(length=0)
    speakers = table.groupby("split")["speaker"].nunique().reindex(splits)
    third.bar(splits, speakers.to_numpy(), color=[colour_of("", i) for i in range(len(splits))])
    third.bar_label(third.containers[0], fontsize=9)
    third.set_title("Speakers by split")
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
    axis.set(title="Samples by emotion and split", xlabel="samples")
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=3)
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
    figure.supxlabel(
        "line: median; box: the middle half; whiskers: up to 1.5 boxes further; dots: beyond", fontsize=8.5
    )
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
    axis.set(xlabel=x, ylabel="mean score, 0 to 1", title=title)
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

    `colours` is one colour, or one for each sample; `groups` names colours for the legend. A colour that is in no
    group stands for several sources, or an unknown one.
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
    held = [] if isinstance(colours, str) else [colour for colour in colours if colour not in (groups or {}).values()]
    for name, colour in {**(groups or {}), **({"several, or unknown": held[0]} if held else {})}.items():
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
    axis.set(
        ylim=(0, 1.02), ylabel="share, lines: 95% intervals", title=title or "What is said against what was measured"
    )
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
    others = [name for name in after if name not in MODALITY_COLOURS]
    spare = [colour for colour in CYCLE if colour not in MODALITY_COLOURS.values()]
    for i, name in enumerate(sorted(after, key=after.__getitem__)):
        colour = MODALITY_COLOURS.get(name) or spare[others.index(name) % len(spare)]
        shift = 0.04 * (i / max(1, len(after) - 1) - 0.5)
        axis.plot([shift, 1 + shift], [before[name], after[name]], "o-", color=colour, lw=2.2)
        for x, span in enumerate((intervals or {}).get(name, ())):
            axis.plot([x + shift] * 2, span, color=colour, lw=1.4, alpha=0.7)
        lowest = max(after[name], lowest + gap)
        axis.text(1.14, lowest, f"{name} {after[name]:.2f}", va="center", color=colour)
    axis.axhline(0, color=QUIET, lw=0.8)
    axis.set_ylim(top=max(axis.get_ylim()[1], lowest + 0.6 * gap))
    axis.set_xticks([0, 1], ["before RL", "after RL"])
    axis.set(xlim=(-0.2, 1.7), ylabel=ylabel, title=title or "Before and after training")
    return figure


@styled
def clip_card(
    wave: np.ndarray,
    f0: np.ndarray | None = None,
    hop: float = 0.01,
    words: Sequence[tuple[str, float]] = (),
    title: str = "",
    emotion: str | None = None,
) -> Figure:
    """A voice at a glance: waveform above, spectrogram (in dB) below with F0 on it.

    `wave` (n,) at 16 kHz; `f0` (T,) in Hz, 0 or NaN where unvoiced, one value each `hop` seconds; `words` as (word,
    onset in s).
    """
    import numpy as np

    figure, ((above,), (below,)) = new_figure(7.4, 3.5, 2, 1, sharex=True, gridspec_kw={"height_ratios": [1, 2.3]})
    seconds = np.arange(len(wave)) / SAMPLE_RATE
    above.plot(seconds, wave, color=colour_of(emotion or "", 0), lw=0.5)
    above.set(
        yticks=[], title=title, ylim=(-1.05 * max(1e-3, np.abs(wave).max()), 1.05 * max(1e-3, np.abs(wave).max()))
    )
    above.spines["left"].set_visible(False)
    quiet = 1e-5 * np.random.default_rng(0).normal(size=len(wave))
    below.specgram(wave + quiet, NFFT=400, noverlap=240, Fs=SAMPLE_RATE, cmap="magma", vmin=-120, vmax=-35)
    below.set(ylim=(0, 5000), xlabel="seconds", ylabel="kHz", xlim=(0, len(wave) / SAMPLE_RATE))
    below.set_yticks(range(0, 5001, 1000), range(6))
    if f0 is not None:
        pitch = below.twinx()
        voiced = np.where(np.nan_to_num(f0) > 0, f0, np.nan)
        pitch.plot(np.arange(len(f0)) * hop, voiced, color="white", lw=3.2, alpha=0.85)
        pitch.plot(np.arange(len(f0)) * hop, voiced, color=ACCENT, lw=1.6, label="pitch (F0), right axis")
        pitch.set(ylim=(50, 500), ylabel="F0, Hz")
        pitch.legend(loc="upper right", fontsize=8, frameon=True)
        pitch.spines["right"].set_visible(True)
    for word, onset in words:
        above.annotate(word, (onset, 1), xycoords=("data", "axes fraction"), fontsize=8, color=INK, va="top")
        above.axvline(onset, color=QUIET, lw=0.6)
    return figure


@styled
def vad_plane(
    table: pd.DataFrame,
    title: str = "Valence and arousal of the samples",
    labels: LabelSet | Sequence[str] | None = None,
) -> Figure:
    """Samples on the valence–arousal plane, coloured by label, over where each label's word lies (diamonds).

    `table` has the columns emotion, valence and arousal in [-1, 1]. `labels` are the corpus's (`corpus.labels`), by
    default those in the table; a label without a place (`LabelSet.place`) has no diamond.
    """
    from matplotlib.patheffects import withStroke

    figure, ((axis,),) = new_figure(5.4, 4.6)
    axis.axhline(0, color=QUIET, lw=0.8, zorder=0)
    axis.axvline(0, color=QUIET, lw=0.8, zorder=0)
    asked = label_set_of(table["emotion"]) if labels is None else label_set(labels)
    colours = palette(asked)
    for i, (emotion, part) in enumerate(table.dropna(subset=["valence", "arousal"]).groupby("emotion")):
        colour = colours.get(str(emotion)) or colour_of(str(emotion), i)
        axis.scatter(part["valence"], part["arousal"], s=12, alpha=0.4, color=colour, linewidths=0)
    for emotion in asked:
        place = asked.place(emotion)
        if place is None or place.vad is None:
            continue
        valence, arousal, _ = place.vad
        axis.scatter([valence], [arousal], marker="D", s=58, color=colours[emotion], edgecolor=INK, zorder=4)
        left = asked.concept(emotion) == "fearful"  # its word lies beside "angry"
        axis.annotate(
            emotion,
            (valence, arousal),
            xytext=(-7 if left else 7, 5),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=9,
            weight="bold",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            zorder=5,
        )
    axis.scatter([], [], s=12, color=INK, linewidths=0, label="a sample")
    axis.scatter([], [], marker="D", s=40, color="white", edgecolor=INK, label="the label's word")
    axis.legend(loc="lower right", fontsize=8.5)
    axis.set(
        xlim=(-1.05, 1.05),
        ylim=(-1.05, 1.05),
        xlabel="valence  (unpleasant – pleasant)",
        ylabel="arousal  (calm – excited)",
        title=title,
        aspect="equal",
    )
    return figure


@styled
def label_bias(bias: Mapping[str, Mapping[str, float]], title: str = "What the model would rather answer") -> Figure:
    """Dot plot of the mean posterior of each label, over real inputs and over inputs without content
    (`info["label_bias"]`).
    """
    labels = list(next(iter(bias.values())))
    figure, ((axis,),) = new_figure(6.4, 0.9 + 0.36 * len(labels))
    looks = {"inputs": ("o", ACCENT, "on the corpus"), "content_free": ("D", "#c7652c", "on silence and empty words")}
    for kind, values in bias.items():
        marker, colour, name = looks.get(kind, ("s", QUIET, kind))
        axis.plot([values[label] for label in labels], range(len(labels)), marker, color=colour, label=name, ms=7)
    if len(bias) == 2:
        first, second = bias.values()
        for i, label in enumerate(labels):
            axis.plot([first[label], second[label]], [i, i], color=QUIET, lw=1, zorder=0)
    axis.set_yticks(range(len(labels)), labels)
    axis.invert_yaxis()
    axis.set(xlim=(0, None), xlabel="mean probability among the labels", title=title)
    axis.axvline(1 / len(labels), color=INK, lw=1, ls=(0, (4, 3)), label="chance")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, fontsize=9)
    light_grid(axis, "x")
    return figure


@styled
def advantages(
    rewards: Sequence[Sequence[float]], group_advantages: Sequence[Sequence[float]], title: str = ""
) -> Figure:
    """Groups of completions as strips: each dot's place is its reward; its colour is its advantage, red above the
    group's mean, blue below it and grey where it is zero, the darker the larger.
    """
    import matplotlib as mpl

    shades = mpl.colormaps["RdBu_r"]
    figure, ((axis,),) = new_figure(6.6, 1.3 + 0.42 * len(rewards))
    largest = max((abs(a) for group in group_advantages for a in group), default=1.0) or 1.0
    for g, (scores, gains) in enumerate(zip(rewards, group_advantages, strict=True)):
        offsets = [0.09 * (i - (len(scores) - 1) / 2) for i in range(len(scores))]
        axis.axhline(g, color="#eef1f4", lw=14, zorder=0)
        colours = [shades(0.5 + math.copysign(0.2, a) + 0.3 * a / largest) if a else QUIET for a in gains]
        places = [g + o * 0.8 for o in offsets]
        axis.scatter(scores, places, c=colours, s=46, edgecolor=INK, linewidth=0.4)
        axis.plot([sum(scores) / len(scores)] * 2, [g - 0.36, g + 0.36], color=QUIET, lw=1.4)
    axis.set_yticks(range(len(rewards)), [f"prompt {g + 1}" for g in range(len(rewards))])
    axis.invert_yaxis()
    axis.set(xlabel="reward (bar: the group's mean)", title=title or "Same prompt, eight answers: who beat the group?")
    kinds = {"above the mean: pushed up": shades(0.85), "below: pushed down": shades(0.15), "all equal: no push": QUIET}
    for name, colour in kinds.items():
        axis.scatter([], [], color=colour, s=40, edgecolor=INK, linewidth=0.4, label=name)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8.5)
    return figure


@styled
def live_runs(
    runs: Mapping[str, Sequence[Mapping[str, Any]]],
    panels: Sequence[str] = ("reward", "reward parts", *training.SHARES[:2]),
) -> Figure:
    """Curves of runs that are compared while the last of them trains: a panel a metric, a line style a run."""
    figure, (axes,) = new_figure(3.0 * len(panels) + 0.3, 2.3, 1, len(panels))
    styles = ("--", "-") if len(runs) > 1 else ("-",)
    names = list(
        dict.fromkeys(
            n for rows in runs.values() for p in panels for n in training.columns_with_data(rows, training.PANELS[p])
        )
    )
    series = list(dict.fromkeys(training.series_of(name) for name in names if "/" in name))
    for axis, panel in zip(axes, panels, strict=True):
        for (run, rows), style in zip(list(runs.items())[-2:], styles, strict=False):
            for name in training.columns_with_data(rows, training.PANELS[panel]):
                steps, values = training.column(rows, name)
                colour = colour_of("", series.index(training.series_of(name))) if "/" in name else ACCENT
                label = f"{training.series_of(name)}, {run}" if "/" in name else run
                axis.plot(steps, values, style, color=colour, label=label, lw=1.4)
        axis.set(title=panel, xlabel="step")
        if panel in training.SHARES:
            axis.set_ylim(-0.03, 1.03)
        light_grid(axis)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=7, handlelength=1.4)
    return figure
