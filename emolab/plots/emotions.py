"""Emotions as figures: Plutchik's circle, the valence-arousal plane, and matrices of similarity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emolab.emotions import EMOLAB_7, PLUTCHIK_DEGREES, VAD, LabelSet
from emolab.plots.style import INK, QUIET, colour_of, light_grid, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
def emotion_plane(
    places: Mapping[str, Sequence[float]] = VAD,
    title: str = "Valence and arousal of emotions",
    bold: Sequence[str] = EMOLAB_7,
) -> Figure:
    """Emotions by valence (across) and arousal (up); the size of a point is its dominance.

    `places`: name → (V, A, D), each in [-1, 1]. The emotions among `bold` stand out.
    """
    figure, axes = new_figure(7.0, 5.0)
    axis = axes[0, 0]
    points = {name: (place[0], place[1]) for name, place in places.items()}
    for i, (name, (x, y)) in enumerate(points.items()):
        colour = colour_of(name, i) if name in bold else QUIET
        axis.scatter([x], [y], s=40 + 70 * (1 + places[name][2]), color=colour, alpha=0.85, zorder=3)
    for name, (x, y, side) in _label_places(points).items():
        weight = "bold" if name in bold else "normal"
        axis.text(x, y, name, ha=side, va="center", color=INK, fontsize=9, fontweight=weight)
    axis.axhline(0, color=QUIET, linewidth=0.8)
    axis.axvline(0, color=QUIET, linewidth=0.8)
    axis.set(xlim=(-1, 1), ylim=(-1, 1), xlabel="valence", ylabel="arousal", title=title)
    light_grid(axis, "both")
    return figure


def _label_places(points: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float, str]]:
    """A place for each label, (x, y, side): right of, left of, above or below its point, where least is in the way."""
    taken = [(x, y, 0.06) for x, y in points.values()]
    places: dict[str, tuple[float, float, str]] = {}
    for name, (x, y) in points.items():
        half = 0.0135 * len(name)
        options = [(x + 0.055, y, "left"), (x - 0.055, y, "right"), (x, y + 0.085, "center"), (x, y - 0.085, "center")]
        boxes = [(px + {"left": half, "right": -half, "center": 0.0}[side], py) for px, py, side in options]
        crowd = [
            sum(max(0.0, half + w - abs(bx - tx)) for tx, ty, w in taken if abs(by - ty) < 0.07)
            + max(0.0, abs(bx) + half - 1.0)
            for bx, by in boxes
        ]
        best = min(range(len(options)), key=crowd.__getitem__)
        places[name] = options[best]
        taken.append((*boxes[best], half))
    return places


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
