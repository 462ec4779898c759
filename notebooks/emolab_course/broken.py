"""The saved runs that notebook 04 diagnoses, by letters: four broken ones, and one that only looks broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

LETTERS = {
    "A": "constant reward",
    "B": "audio not fed",
    "C": "no cold start",
    "D": "learning rate × 10",
    "E": "labels of other clips",
}
SHOWN = {
    "reward": "reward",
    "parse_rate": "readable answers",
    "zero_variance": "groups without signal",
    "entropy": "entropy",
}


def broken_curves(saved: Mapping[str, Any]) -> Figure:
    """A row of curves for each lettered run of `benchmarks/results/broken.json`, with the sound run in grey."""
    from emolab.plots.style import QUIET, light_grid, new_figure, styled
    from emolab.plots.training import column, smooth

    @styled
    def draw() -> Figure:
        figure, axes = new_figure(9.6, 1.8 * len(LETTERS), len(LETTERS), len(SHOWN), sharex=True, sharey="col")
        for axis, title in zip(axes[0], SHOWN.values(), strict=True):
            axis.set_title(title)
        for row, (letter, name) in zip(axes, LETTERS.items(), strict=True):
            for axis, key in zip(row, SHOWN, strict=True):
                for run, colour, label in (("sound", QUIET, "sound run"), (name, "#c8383c", f"run {letter}")):
                    steps, values = column(saved["runs"][run]["rows"], key)
                    if len(values):
                        axis.plot(steps, smooth(values, 3), color=colour, label=label)
                    else:  # no completion had an advantage, so none was run through the model
                        axis.text(0.5, 0.5, f"run {letter}: nothing computed", transform=axis.transAxes, ha="center")
                if key in ("parse_rate", "zero_variance"):  # shares
                    axis.set_ylim(0, 1.05)
                light_grid(axis)
            row[0].set_ylabel(f"run {letter}")
            row[-1].legend(fontsize=7)
        for axis in axes[-1]:
            axis.set_xlabel("step")
        return figure

    return draw()


def broken_answers(saved: Mapping[str, Any]) -> pd.DataFrame:
    """Each run's UA on held-out voices before and after, and the answer that it gives most often in the end."""
    import pandas as pd

    rows = {}
    for letter, name in {**LETTERS, "sound": "sound"}.items():
        run = saved["runs"][name]
        text, count = run["answers"][0]
        rows[letter] = {
            "UA at the start": run["ua"][0],
            "UA at the end": run["ua"][1],
            "most frequent answer": text,
            "times": count,
        }
    return pd.DataFrame(rows).T
