"""One look for all figures: colours by meaning, quiet axes, the same sizes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emolab.emotions import LabelSet, concept, label_set
from emolab.files import read_toml

_COLOURS = read_toml(__file__, "colours.toml")
EMOTION_COLOURS: dict[str, str] = _COLOURS["emotions"]
OTHER_COLOURS: dict[str, str] = _COLOURS["other_emotions"]
"""Colours of emotions beyond the seven, for the label sets that hold them."""
MODALITY_COLOURS: dict[str, str] = _COLOURS["modalities"]
CYCLE = tuple(_COLOURS["cycle"])
INK, QUIET, ACCENT = "#22303c", "#9aa5b1", "#14817b"
SIGNED_MAP = "RdBu_r"
RC: dict[str, Any] = dict(
    mpl.rc_params_from_file(Path(__file__).with_name("emolab.mplstyle"), use_default_template=False)
)

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw under the project's style without changing the style of the caller's own figures."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
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

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **grid)


def save_svg(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG; the same figure makes the same file."""
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


def light_grid(axis: Axes, which: Literal["x", "y", "both"] = "y") -> None:
    """Faint guide lines along one axis ("x", "y" or "both")."""
    axis.grid(True, axis=which)
    axis.tick_params(length=0)
