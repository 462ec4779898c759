"""Emotion wheels as figures: the rings of a wheel and where lists of words land, and what naming more words costs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from emolab.plots.style import ACCENT, INK, new_figure, styled
from emolab.wheels import embedded
from emolab.wheels.shipped import cluster_valence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from emolab.wheels import WheelSet

INNER, OUTER = (0.2, 0.61), (0.63, 1.04)
POINTS_A_UNIT, POINTS_A_LETTER = 120.0, 0.6
"""Points on paper of a unit of the wheel's axes, and the mean width of a letter at a size of one point."""
VALENCE = {-1: "#7f9cc0", 0: "#b9bec5", 1: "#e6b84f"}


@styled
def emotion_wheel(
    wheel: str = "plutchik",
    gold: Iterable[str] = (),
    predicted: Iterable[str] = (),
    wheels: WheelSet | None = None,
    title: str = "",
) -> Figure:
    """One wheel: level 1 inside, level 2 around it, coloured by valence where it is known.

    The clusters of `gold` words are filled, those of `predicted` words have a thick edge, and each word stands outside
    its own cluster: gold with ●, predicted with ○, both with ◉. Raises KeyError for an unknown wheel.
    """
    wheels = wheels or embedded()
    tree, table = wheels.trees[wheel], wheels.maps["level1"][wheels.wheels.index(wheel)]
    valence = cluster_valence().get(wheel, {})
    chosen = {"gold": [w for w in gold if w in table], "predicted": [w for w in predicted if w in table]}
    hit = {kind: {table[word] for word in words} for kind, words in chosen.items()}
    figure, axes = new_figure(6.0, 5.6)
    axis, start = axes[0, 0], 90.0
    for level1, branch in tree.items():
        end = start - 360 / len(tree)
        colour = VALENCE[valence.get(level1, 0)]
        _wedge(axis, start, end, INNER, colour, level1 in hit["gold"], level1 in hit["predicted"])
        _label(axis, (start + end) / 2, INNER, level1, 8.5)
        for i, level2 in enumerate(branch):
            left, right = (start + (end - start) * k / len(branch) for k in (i, i + 1))
            _wedge(axis, left, right, OUTER, colour, False, False)
            _label(axis, (left + right) / 2, OUTER, level2, 7)
        _words(axis, (start + end) / 2, level1, table, chosen)
        start = end
    for name, sign in (("pleasant", 1), ("unpleasant", -1), ("neither", 0)):
        axis.scatter([], [], marker="s", s=60, color=VALENCE[sign], alpha=0.6, label=name)
    axis.legend(loc="upper left", fontsize=8.5)
    axis.set(xlim=(-1.6, 1.6), ylim=(-1.5, 1.3), aspect="equal", title=title or f"The wheel {wheel!r}")
    axis.axis("off")
    return figure


def _wedge(
    axis: Axes, start: float, end: float, radii: tuple[float, float], colour: str, filled: bool, edged: bool
) -> None:
    from matplotlib.patches import Wedge

    inner, outer = radii
    edge, width = (ACCENT, 3.0) if edged else ("white", 1.0)
    axis.add_patch(
        Wedge((0, 0), outer, end, start, width=outer - inner, facecolor=colour, alpha=0.95 if filled else 0.35,
              edgecolor=edge, linewidth=width, zorder=3 if edged else 1)
    )  # fmt: skip


def _label(axis: Axes, degrees: float, ring: tuple[float, float], text: str, size: float) -> None:
    """A name along a ring's radius, at most `size` points high and no longer than the ring is thick."""
    angle, radius = math.radians(degrees), sum(ring) / 2
    turn = (degrees + 90) % 180 - 90
    longest = max(len(line) for line in text.split())
    size = min(size, POINTS_A_UNIT * (ring[1] - ring[0]) / (POINTS_A_LETTER * longest))
    axis.text(radius * math.cos(angle), radius * math.sin(angle), text.replace(" ", "\n"), rotation=turn, ha="center",
              va="center", fontsize=size, rotation_mode="anchor", zorder=4, linespacing=0.9)  # fmt: skip


def _words(
    axis: Axes, degrees: float, cluster: str, table: Mapping[str, str], chosen: Mapping[str, Sequence[str]]
) -> None:
    here = [w for w in dict.fromkeys([*chosen["gold"], *chosen["predicted"]]) if table[w] == cluster]
    marks = {(True, False): "●", (False, True): "○", (True, True): "◉"}
    lines = [f"{marks[word in chosen['gold'], word in chosen['predicted']]} {word}" for word in here]
    x, y = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    side = "center" if abs(x) < 0.35 else "left" if x > 0 else "right"
    height = "center" if abs(y) < 0.6 else "bottom" if y > 0 else "top"
    axis.text(1.1 * x, 1.1 * y, "\n".join(lines), ha=side, va=height, fontsize=8.5, color=INK)
