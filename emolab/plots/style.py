"""One look for all figures: colours by meaning, quiet axes, the same sizes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from emolab.emotions import LabelSet, concept, label_set

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EMOTION_COLOURS = {
    "neutral": "#8d99ae",
    "happy": "#f2a900",
    "sad": "#3d7ea6",
    "angry": "#c8383c",
    "fearful": "#7b4ba0",
    "disgusted": "#5d8a3a",
    "surprised": "#ef7d3b",
}
OTHER_COLOURS = {
    "calm": "#6fb1a0",
    "contemptuous": "#8a6d3b",
    "excited": "#e05297",
    "frustrated": "#9c4a2f",
    "bored": "#b0a990",
    "anxious": "#a58bc9",
    "helpless": "#5c6f8c",
    "disappointed": "#7fa7c9",
    "trusting": "#9dbf5a",
    "anticipating": "#d9b44a",
}
"""Colours of emotions beyond the seven, for the label sets that hold them."""
MODALITY_COLOURS = {"audio": "#14817b", "video": "#c7652c", "text": "#4f5fae"}
CYCLE = ("#14817b", "#c7652c", "#4f5fae", "#c8383c", "#7b4ba0", "#5d8a3a", "#f2a900", "#8d99ae")
INK, QUIET, ACCENT = "#22303c", "#9aa5b1", "#14817b"
SIGNED_MAP = "RdBu_r"
RC: dict[str, Any] = {
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": "#e4e8ec",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "figure.dpi": 96,
    "savefig.dpi": 144,
    "lines.linewidth": 1.8,
    "image.interpolation": "nearest",
    "text.parse_math": False,  # names and texts come from data: a "$" in them is a dollar
}

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw under the project's style without changing the style of the caller's own figures."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib as mpl

        with mpl.rc_context(RC):
            return draw(*args, **kwargs)

    return wrapper


def new_figure(
    width: float = 7.0, height: float = 3.2, rows: int = 1, columns: int = 1, **grid: Any
) -> tuple[Figure, Any]:
    """A figure outside pyplot's list (a notebook shows it once) and its axes (rows, columns); `grid` goes to
    `Figure.subplots`.
    """
    import matplotlib.pyplot  # noqa: F401  (importing it tells a notebook how to show figures)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **grid)


def save_svg(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG; the same figure makes the same file."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "emolab"}):
        figure.savefig(path, format="svg", metadata={"Date": None})


def colour_of(name: str, position: int = 0) -> str:
    """The colour of an emotion, by any of its names ("joy" as "happy"), or of a modality; other names get one of a
    fixed cycle by `position`."""
    known = MODALITY_COLOURS.get(name) or EMOTION_COLOURS.get(name)
    meaning = concept(name) if name and known is None else None
    return known or (EMOTION_COLOURS | OTHER_COLOURS).get(meaning or "") or CYCLE[position % len(CYCLE)]


def palette(labels: LabelSet | Sequence[str]) -> dict[str, str]:
    """A colour for each label of a set: that of the emotion it stands for, else, or where another label has it, the
    next free one of the cycle. Labels beyond the colours that there are repeat them.

    >>> palette(("joy", "anger"))["joy"] == EMOTION_COLOURS["happy"]
    True
    """
    names = label_set(labels) if isinstance(labels, str) else labels
    meaning = names.concept if isinstance(names, LabelSet) else concept
    found: dict[str, str] = {}
    for name in names:
        colour = (EMOTION_COLOURS | OTHER_COLOURS).get(meaning(name) or "")
        if colour is not None and colour not in found.values():
            found[name] = colour
    every = dict.fromkeys((*CYCLE, *EMOTION_COLOURS.values(), *OTHER_COLOURS.values()))
    spare = [colour for colour in every if colour not in found.values()] or list(CYCLE)
    rest = [name for name in names if name not in found]
    found |= {name: spare[i % len(spare)] for i, name in enumerate(rest)}
    return {name: found[name] for name in names}


def light_grid(axis: Axes, which: str = "y") -> None:
    """Faint guide lines along one axis ("x", "y" or "both")."""
    axis.grid(True, axis=which)  # type: ignore[arg-type]
    axis.tick_params(length=0)
