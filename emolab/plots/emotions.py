"""Emotions as figures: Plutchik's circle, the valence-arousal plane, and matrices of similarity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emolab.emotions import EMOTIONS, PLUTCHIK_DEGREES, VAD
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
    places: Mapping[str, Sequence[float]] = VAD, title: str = "Valence and arousal of emotions"
) -> Figure:
    """Emotions by valence (across) and arousal (up); the size of a point is its dominance. `places`: name → (V, A,
    D)."""
    figure, axes = new_figure(5.6, 4.6)
    axis = axes[0, 0]
    for i, (name, (valence, arousal, dominance)) in enumerate(places.items()):
        axis.scatter([valence], [arousal], s=60 + 100 * (1 + dominance), color=colour_of(name, i), alpha=0.85, zorder=3)
        axis.annotate(
            name, (valence, arousal), xytext=(0, 9), textcoords="offset points", ha="center", color=INK, fontsize=9
        )
    axis.axhline(0, color=QUIET, linewidth=0.8)
    axis.axvline(0, color=QUIET, linewidth=0.8)
    axis.set(xlim=(-1, 1), ylim=(-1, 1), xlabel="valence", ylabel="arousal", title=title)
    light_grid(axis, "both")
    return figure


@styled
def similarity_matrices(matrices: Mapping[str, Sequence[Sequence[float]]], labels: Sequence[str] = EMOTIONS) -> Figure:
    """Similarity matrices side by side, (L, L) each with values in [0, 1], by name."""
    figure, axes = new_figure(3.6 * len(matrices), 3.7, 1, len(matrices))
    image: Any = None
    for i, (axis, (name, matrix)) in enumerate(zip(axes[0], matrices.items(), strict=True)):
        image = axis.imshow(matrix, cmap="Greens", vmin=0, vmax=1)
        axis.set_xticks(range(len(labels)), labels, rotation=60, ha="right", rotation_mode="anchor")
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
