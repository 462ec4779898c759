"""One sheet per corpus: labels by split, durations, speakers, valence and arousal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emolab.plots.style import INK, QUIET, colour_of, light_grid, new_figure, palette, styled

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 30.0  # seconds; longer recordings are counted in the last bar
MOST_SPEAKERS = 24


@styled
def corpus_sheet(table: pd.DataFrame, title: str = "") -> Figure:
    """Four panels: labels by split, durations, speakers, and the valence–arousal plane.

    `table` is `Corpus.to_pandas()` with a column `seconds` added, one row a sample. What is not there is said so.
    """
    figure, axes = new_figure(10.5, 6.4, 2, 2)
    order = [str(name) for name in table["emotion"].value_counts().index]
    splits = sorted(table["split"].dropna().unique(), key=lambda name: (name != "train", name != "val", name))
    _labels(axes[0, 0], table, order, splits)
    _durations(axes[0, 1], table)
    _speakers(axes[1, 0], table)
    _plane(axes[1, 1], table, order)
    figure.suptitle(title or f"{len(table)} samples", x=0.01, ha="left", weight="bold")
    return figure


def _labels(axis: Axes, table: pd.DataFrame, order: Sequence[str], splits: Sequence[str]) -> None:
    left = dict.fromkeys(order, 0)
    for i, split in enumerate(splits or ["all"]):
        part = table[table["split"] == split] if splits else table
        counts = part["emotion"].value_counts()
        widths = [int(counts.get(name, 0)) for name in order]
        axis.barh(order, widths, left=list(left.values()), color=colour_of("", i), label=split)
        left = {name: left[name] + width for name, width in zip(order, widths, strict=True)}
    axis.invert_yaxis()
    axis.set_title("labels" + (" by split" if splits else " (no split on disk)"))
    if splits:
        axis.legend(fontsize=8, loc="lower right")
    light_grid(axis, "x")


def _durations(axis: Axes, table: pd.DataFrame) -> None:
    seconds = table["seconds"].dropna()
    axis.set_title("durations")
    if seconds.empty:
        _nothing(axis, "no duration in the headers")
        return
    longest = min(LONGEST, float(seconds.max()) * 1.05 + 0.1)
    axis.hist(seconds.clip(upper=longest), bins=30, range=(0, longest), color=colour_of("audio"))
    axis.axvline(float(seconds.median()), color=INK, lw=1)
    axis.set(xlabel=f"seconds (median {seconds.median():.1f}, in all {seconds.sum() / 3600:.2f} h)", ylabel="samples")
    light_grid(axis)


def _speakers(axis: Axes, table: pd.DataFrame) -> None:
    counts = table["speaker"].dropna().value_counts()
    axis.set_title(f"speakers: {len(counts)}")
    if counts.empty:
        _nothing(axis, "speakers are not stated")
        return
    shown = counts.head(MOST_SPEAKERS)
    axis.bar(range(len(shown)), shown.to_numpy(), color=colour_of("text"))
    axis.set_xticks(range(len(shown)), [str(name) for name in shown.index], rotation=60, ha="right", fontsize=8)
    axis.set_ylabel("samples")
    if len(counts) > len(shown):
        axis.set_xlabel(f"the {len(shown)} with most samples")
    light_grid(axis)


def _plane(axis: Axes, table: pd.DataFrame, order: Sequence[str]) -> None:
    rated = table.dropna(subset=["valence", "arousal"])
    axis.set_title("valence and arousal")
    if rated.empty:
        _nothing(axis, "not rated")
        return
    for name, colour in palette(order).items():
        part = rated[rated["emotion"] == name]
        axis.scatter(part["valence"], part["arousal"], s=12, alpha=0.5, lw=0, color=colour, label=name)
    axis.axhline(0, color=QUIET, lw=0.8, zorder=0)
    axis.axvline(0, color=QUIET, lw=0.8, zorder=0)
    axis.set(xlabel="valence", ylabel="arousal")
    axis.legend(fontsize=7, markerscale=1.5)


def _nothing(axis: Axes, why: str) -> None:
    axis.text(0.5, 0.5, why, ha="center", va="center", color=QUIET, transform=axis.transAxes)
    axis.set_axis_off()
