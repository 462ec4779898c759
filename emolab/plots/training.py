"""Curves of a training run, from the rows of its history: while it runs, and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emolab.plots.style import ACCENT, colour_of, light_grid, new_figure, styled

Rows = Sequence[Mapping[str, Any]]
SPREAD = " spread"
PANELS: dict[str, tuple[str, ...]] = {
    "reward": ("reward",),
    "reward parts": ("reward/*",),
    "spread within groups": (f"reward/*{SPREAD}",),
    "parsed answers": ("parse_rate",),
    "groups without signal": ("zero_variance",),
    "KL to the start": ("kl",),
    "entropy": ("entropy",),
    "answer length, tokens": ("length",),
    "clipped ratios": ("clipped",),
    "loss": ("loss",),
    "gradient norm": ("grad_norm",),
    "seconds a step": ("seconds_rollout", "seconds_reward", "seconds_scoring", "seconds_update"),
}
MAIN = ("reward", "reward parts", "parsed answers", "groups without signal", "entropy", "answer length, tokens")
SHARES = ("parsed answers", "groups without signal", "clipped ratios")


def column(rows: Rows, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of one column, rows without it left out."""
    kept = [(r["step"], r[name]) for r in rows if r.get(name) is not None]
    steps, values = zip(*kept, strict=True) if kept else ((), ())
    return np.array(steps, float), np.array(values, float)


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Centred running mean, shorter at both ends; as many values as there are, whatever the window."""
    if not len(values):  # a part that no step of a short run had
        return np.array([])
    kernel = np.ones(max(1, min(window, len(values))))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")


@styled
def training_curves(rows: Rows, panels: Sequence[str] = MAIN, columns: int = 3, title: str = "") -> Figure:
    """Small multiples of a run's history: each metric faint as logged and bold as a running mean over a twentieth of
    the run.

    `rows` are dicts with "step" and the metrics; `panels` names some of PANELS. A panel without data is left out.
    """
    wanted = {p: names for p in panels if (names := columns_with_data(rows, PANELS[p]))}
    count = max(len(wanted), 1)
    columns = min(columns, count)
    figure, axes = new_figure(3.1 * columns + 0.4, 2.2 * -(-count // columns), -(-count // columns), columns)
    for axis in axes.flat[len(wanted) :]:
        axis.set_axis_off()
    series = list(dict.fromkeys(series_of(name) for names in wanted.values() if len(names) > 1 for name in names))
    for axis, (panel, names) in zip(axes.flat, wanted.items(), strict=False):
        _draw(axis, rows, names, series)
        axis.set_title(panel)
        light_grid(axis)
        if panel in SHARES:
            axis.set_ylim(-0.03, 1.03)
    for axis in axes[-1]:
        axis.set_xlabel("step")
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


def columns_with_data(rows: Rows, names: Sequence[str]) -> list[str]:
    """The columns with data that `names` (patterns) ask for."""
    known = list(dict.fromkeys(k for r in rows for k in r))
    found = [k for name in names for k in known if fnmatch(k, name) and k.endswith(SPREAD) == name.endswith(SPREAD)]
    return [k for k in found if len(column(rows, k)[0])]


def series_of(name: str) -> str:
    """What a column of several in a panel is called, and coloured by, in every panel."""
    return name.split("/")[-1].replace("seconds_", "").removesuffix(SPREAD)


def _draw(axis: Axes, rows: Rows, names: Sequence[str], series: Sequence[str]) -> None:
    for name in names:
        steps, values = column(rows, name)
        colour = ACCENT if len(names) == 1 else colour_of("", series.index(series_of(name)))
        axis.plot(steps, values, color=colour, alpha=0.25, lw=0.8)
        axis.plot(steps, smooth(values, max(1, len(values) // 20)), color=colour, label=series_of(name))
    if len(names) > 1:  # with room for the legend above the curves
        low, high = axis.get_ylim()
        axis.set_ylim(low, high + 0.16 * -(-len(names) // 2) * (high - low))
        axis.legend(fontsize=7, handlelength=1.2, borderaxespad=0.1, ncols=2, loc="upper left", columnspacing=1.0)


class LiveCurves:
    """Curves that redraw in place in a notebook: call `update(rows)` as often as you like, it draws every `every`
    steps.
    """

    def __init__(self, panels: Sequence[str] = MAIN, every: int = 10) -> None:
        self.panels, self.every = panels, every
        self._handle: Any = None
        self._drawn = -1

    def update(self, rows: Rows, force: bool = False) -> None:
        """Draw `rows` if `every` steps have passed since the last drawing, or by `force`."""
        from IPython.display import display

        if not rows or (not force and rows[-1]["step"] // self.every == self._drawn):
            return
        self._drawn = rows[-1]["step"] // self.every
        figure = training_curves(rows, self.panels)
        if self._handle is None:
            self._handle = display(figure, display_id=True)
        else:
            self._handle.update(figure)
