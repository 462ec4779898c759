"""A claim of the ledger as a picture: every seed of every arm, and the paired differences with their verdicts."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emolab.plots.style import INK, colour_of, light_grid, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VERDICT_COLOURS = {"holds": "#14817b", "does not": "#c8383c", "undecided": "#a87900"}
"""Grey means one thing in these pictures: a difference that is too small to matter."""
BAND = "#c5ced8"
MAX_COLUMNS = 3
FURTHEST = 8.0  # margins; an interval that goes beyond is cut there


@styled
def claim_plot(claim: Mapping[str, Any]) -> Figure:
    """Left, the claim's first scores: a dot a seed, the mean and its 95% interval. Right, its differences: interval,
    zero, and the margin of what would matter; the colour is the verdict.

    `claim` is one of `benchmarks.claims.load_claims()`.
    """
    keys = list(dict.fromkeys(key for arm in claim["arms"] for key in arm["scores"]))[:MAX_COLUMNS]
    rows = max(len(claim["arms"]), len(claim["contrasts"]))
    widths = [1.0] * len(keys) + [1.35]
    figure, axes = new_figure(
        2.4 * sum(widths) + 1.6, 1.2 + 0.42 * rows, 1, len(widths), gridspec_kw={"width_ratios": widths}
    )
    for i, (axis, key) in enumerate(zip(axes[0], keys, strict=False)):
        _scores(axis, claim, key)
        if i:
            axis.set_yticklabels([])
    _differences(axes[0][-1], claim)
    figure.suptitle(f"{claim['title']}: {claim['verdict']}", x=0.01, ha="left", weight="bold", fontsize=11)
    return figure


def _scores(axis: Axes, claim: Mapping[str, Any], key: str) -> None:
    import pandas as pd
    import seaborn as sns

    from benchmarks.claims.metrics import METRICS
    from benchmarks.claims.results import heading

    scale = 100 if METRICS[key.split("@")[0]].percent else 1
    names = [arm["name"] for arm in claim["arms"]]
    table = pd.DataFrame(
        [(arm["name"], scale * v) for arm in claim["arms"] for v in arm["scores"].get(key, {}).get("by_seed", ())],
        columns=["arm", "value"],
    )
    palette = {name: colour_of("", i) for i, name in enumerate(names)}
    sns.swarmplot(
        table,
        x="value",
        y="arm",
        hue="arm",
        order=names,
        palette=palette,
        size=3.4,
        alpha=0.6,
        ax=axis,
        legend=False,
        warn_thresh=1,
    )
    for i, arm in enumerate(claim["arms"]):
        if score := arm["scores"].get(key):
            if score["ci"]:
                axis.plot([scale * v for v in score["ci"]], [i + 0.26] * 2, color=INK, lw=1.4)
            axis.plot([scale * score["mean"]], [i + 0.26], "D", color=palette[arm["name"]], mec=INK, ms=5)
    axis.set(xlabel="", ylabel="", ylim=(len(names) - 0.5, -0.6))  # one row an arm, also where an arm lacks the score
    axis.set_title(textwrap.fill(heading(key), 24), fontsize=8)
    light_grid(axis, "x")


def _differences(axis: Axes, claim: Mapping[str, Any]) -> None:
    from benchmarks.claims.metrics import METRICS
    from benchmarks.claims.results import difference_name

    labels = []
    for i, contrast in enumerate(claim["contrasts"]):
        labels.append(f"{difference_name(contrast)}\n{contrast['title']}")
        if contrast["difference"] is None:
            continue
        scale = 100 if METRICS[contrast["metric"]].percent else 1
        colour = VERDICT_COLOURS[contrast["verdict"]] if contrast["counts"] else INK
        margin = scale * contrast["margin"]
        axis.plot([-margin, margin], [i, i], color=BAND, lw=14, solid_capstyle="butt", zorder=0)
        if contrast["ci"]:
            axis.plot([scale * v for v in contrast["ci"]], [i, i], color=colour, lw=2.4 if contrast["counts"] else 1.2)
        hollow: dict[str, Any] = {} if contrast["counts"] else {"mfc": "white"}  # it is shown, and decides nothing
        axis.plot([scale * contrast["difference"]], [i], "o", color=colour, ms=7, **hollow)
        if not contrast["counts"]:
            continue
        end = 1 if contrast["sign"] > 0 else 0
        axis.annotate(
            "claimed →" if end else "← claimed", (end, i + 0.32), xycoords=("axes fraction", "data"),
            ha="right" if end else "left", fontsize=7, color=INK,
        )  # fmt: skip
    axis.axvline(0, color=INK, lw=1)
    axis.set_yticks(range(len(labels)), labels, fontsize=7.5)
    axis.yaxis.tick_right()
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.set_title("differences\n(grey: too small to matter, hollow: decides nothing)", fontsize=8)
    axis.tick_params(length=0)
    light_grid(axis, "x")


@styled
def ledger_plot(claims: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Every difference that decides, of all claims, on one scale: in units of the margin of what would matter, the
    side that is claimed to the right. A triangle ends what goes further than the picture.

    `claims` is what `benchmarks.claims.load_claims()` returns, in the order to draw.
    """
    from benchmarks.claims.results import difference_name

    lines = [(claim, c) for claim in claims.values() for c in claim["contrasts"] if c["counts"] and c["ci"]]
    figure, axes = new_figure(9.6, 0.8 + 0.25 * (len(lines) + len(claims)), 1, 1)
    axis, place, ticks = axes[0, 0], 0.0, {}
    axis.axvspan(-1, 1, color=BAND, lw=0, zorder=0)
    axis.axvline(0, color=INK, lw=1)
    for claim in claims.values():
        title, colour = f"{claim['title']}: {claim['verdict']}", VERDICT_COLOURS[claim["verdict"]]
        axis.text(0.2 - FURTHEST, place, title, weight="bold", fontsize=8, va="center", color=colour)
        for contrast in (c for owner, c in lines if owner is claim):
            place += 1
            _interval(axis, place, contrast)
            ticks[place] = f"{difference_name(contrast)}: {contrast['title'].removesuffix(' %')}"
        place += 1.3
    axis.set_yticks(list(ticks), list(ticks.values()), fontsize=7.5)
    axis.set(xlim=(-FURTHEST, FURTHEST), ylim=(place - 0.8, -0.9))
    axis.set_xlabel("difference, in margins of what would matter (grey: too small to matter); right: the claimed side")
    axis.tick_params(length=0)
    light_grid(axis, "x")
    return figure


def _interval(axis: Axes, place: float, contrast: Mapping[str, Any]) -> None:
    colour = VERDICT_COLOURS[contrast["verdict"]]
    unit = contrast["sign"] / contrast["margin"]
    value, (low, high) = unit * contrast["difference"], sorted(unit * end for end in contrast["ci"])
    axis.plot([max(low, -FURTHEST), min(high, FURTHEST)], [place] * 2, color=colour, lw=2.2, solid_capstyle="butt")
    beyond = "<" if value < -FURTHEST else ">" if value > FURTHEST else ""
    axis.plot([min(max(value, -FURTHEST), FURTHEST)], [place], beyond or "o", color=colour, ms=6, clip_on=False)
