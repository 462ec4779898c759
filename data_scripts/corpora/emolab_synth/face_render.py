"""Draw one face: polygons at four times the size with Pillow, then light, colour and noise with numpy."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from emolab_synth.face_geometry import (
    EYE_Y,
    Mouth,
    Points,
    Pose,
    Projector,
    Units,
    brow_offsets,
    curve,
    jaw_drop,
    lid_opening,
    mouth_shape,
    outline,
)
from emolab_synth.face_identity import Colour, FaceIdentity

SUPERSAMPLE = 4
_HAIR = tomllib.loads((Path(__file__).parent / "data" / "hair.toml").read_text(encoding="utf-8"))
_TURN = np.linspace(0, 2 * np.pi, 24)


def mix(a: Colour, b: Colour, weight: float) -> Colour:
    """The colour `weight` of the way from a to b."""
    return tuple(int(min(255, max(0, x * (1 - weight) + y * weight))) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


@dataclass(frozen=True)
class Scene:
    """Light, camera and rendering: direction (x, y) and `contrast` of the light, `gain`, pixel `noise` (grey levels).

    `look` "a" is the plain picture; "b" has a warm cast,
    less colour and a soft lens: the rendering of the other domain.
    """

    light: tuple[float, float] = (-0.4, 0.6)
    contrast: float = 0.28
    gain: float = 1.0
    noise: float = 0.0
    look: str = "a"


class Sketch:
    """A face being drawn: the image, the projection, and the colours that several parts share."""

    def __init__(self, aus: Units, who: FaceIdentity, pose: Pose, size: int) -> None:
        side = size * SUPERSAMPLE
        self.aus, self.who, self.pose, self.side = aus, who, pose, side
        self.project = Projector(pose, who.width, side)
        self.image = Image.new("RGB", (side, side), who.background)
        self.draw = ImageDraw.Draw(self.image)
        self.dark = mix(who.skin, (50, 18, 14), 0.38)
        self.crease = mix(who.skin, (70, 26, 20), 0.46)
        self.shade = mix(who.skin, (96, 44, 34), 0.24)
        self.jaw = jaw_drop(aus)

    def fill(self, points: np.ndarray | Points, colour: Colour, depth: float = 0.0, flat: bool = False) -> None:
        """Fill a polygon given in face units."""
        self.draw.polygon(self.project(points, depth, flat), fill=colour)

    def stroke(self, points: np.ndarray | Points, colour: Colour, width: float, depth: float = 0.0) -> None:
        """Draw a line given in face units, `width` in face units too."""
        self.draw.line(self.project(points, depth), fill=colour, width=self.project.line_width(width), joint="curve")

    def wrinkle(self, points: np.ndarray | Points, strength: float, width: float, depth: float = 0.0) -> None:
        """Draw a crease of the skin, deeper with `strength`."""
        self.stroke(points, mix(self.who.skin, self.crease, min(1.0, strength)), width, depth)


def _behind(s: Sketch) -> None:
    who, black = s.who, (0, 0, 0)
    if who.style in ("long", "bob"):
        low = -1.25 if who.style == "long" else -0.62
        back = outline((0, 1.2), (0.5, 1.08), (0.82, 0.55), (0.92, -0.1), (0.86, low), (0, low - 0.1))
        s.fill(back, mix(who.hair, black, 0.25), -0.15, flat=True)
    if who.style == "bun":
        s.fill(
            np.stack([0.32 * np.cos(_TURN), 1.22 + 0.26 * np.sin(_TURN)], 1), mix(who.hair, black, 0.1), -0.1, flat=True
        )
    s.fill(
        [(-0.40, -0.6), (0.40, -0.6), (0.44, -1.5), (-0.44, -1.5)], mix(who.skin, (60, 26, 20), 0.26), -0.1, flat=True
    )
    s.fill(
        curve([(-2.0, -2.2), (-1.25, -1.42), (-0.44, -1.22), (0, -1.40), (0.44, -1.22), (1.25, -1.42), (2.0, -2.2)]),
        who.shirt,
        -0.1,
        flat=True,
    )


def _head(s: Sketch) -> Points:
    """Ears, head and beard; returns the outline in pixels."""
    who, j, jaw = s.who, s.who.jaw, s.jaw
    for side in (-1, 1):
        s.fill(
            curve([(side * 0.78, 0.22), (side * 0.92, 0.24), (side * 0.93, 0.02), (side * 0.80, -0.16)], closed=True),
            s.shade,
            -0.02,
            flat=True,
        )
    shape = outline(
        *((0, 1.06), (0.46, 0.97), (0.76, 0.60), (0.83, 0.12), (0.77, -0.34)),
        *((0.52 * j, -0.76 - 0.8 * jaw), (0.20 * j, -1.00 - jaw), (0, -1.03 - jaw)),
    )
    edge = s.project(shape, 0.05, flat=True)
    s.draw.polygon(edge, fill=who.skin)
    if who.beard:
        beard = outline(
            *((0, -0.22), (0.34, -0.28), (0.56, -0.34), (0.78, -0.22)),
            *((0.50 * j, -0.78 - jaw), (0, -1.03 - jaw)),
        )
        s.fill(beard, mix(who.skin, who.hair, 0.15 + 0.40 * who.beard), 0.06, flat=True)
    return edge


def _eyeball(s: Sketch, lids: Points, centre: float) -> None:
    """White, iris and pupil, clipped to the lids."""
    xs, ys = [p[0] for p in lids], [p[1] for p in lids]
    left, top = int(max(0, min(xs) - 2)), int(max(0, min(ys) - 2))
    width, height = int(min(s.side, max(xs) + 3)) - left, int(min(s.side, max(ys) + 3)) - top
    if width < 2 or height < 2:
        return
    mask, ball = Image.new("L", (width, height), 0), Image.new("RGB", (width, height), (240, 236, 230))
    ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in lids], fill=255)
    ((x, y),) = s.project([(centre + 0.05 * s.pose.gaze[0], EYE_Y + 0.012 + 0.04 * s.pose.gaze[1])])
    x, y, r = x - left, y - top, 0.083 * s.who.eye_size * s.project.unit
    draw = ImageDraw.Draw(ball)
    for radius, colour in ((1.12, mix(s.who.eye, (0, 0, 0), 0.55)), (0.9, s.who.eye), (0.48, (14, 12, 12))):
        draw.ellipse([x - r * radius, y - r * radius, x + r * radius, y + r * radius], fill=colour)
    draw.ellipse([x - r * 0.57, y - r * 0.60, x - r * 0.13, y - r * 0.16], fill=(250, 250, 250))
    s.image.paste(ball, (left, top), mask)


def _eye(s: Sketch, side: int, relax: tuple[float, float]) -> None:
    aus, who = s.aus, s.who
    up = max(0.082 * who.eye_size * relax[0] * (1 - s.pose.blink), 0.006)
    low = max(0.058 * who.eye_size * relax[1] * (1 - 0.4 * s.pose.blink), 0.004)
    w, c = 0.165 * who.eye_size, side * 0.33 * who.eye_gap
    socket = curve(
        [(c - w * 1.25, EYE_Y), (c, EYE_Y + up + 0.10), (c + w * 1.25, EYE_Y), (c, EYE_Y - low - 0.05)], closed=True
    )
    s.fill(socket, mix(who.skin, (110, 60, 50), 0.14))
    inner, outer = (c - side * w, EYE_Y - 0.012), (c + side * w, EYE_Y + 0.016)
    upper = curve(
        [
            inner,
            (c - side * 0.45 * w, EYE_Y + up * (0.80 + 0.25 * aus["AU1"])),
            (c + side * 0.3 * w, EYE_Y + up * 0.97 - 0.0132 * aus["AU1"]),
            outer,
        ]
    )
    lower = curve([outer, (c + side * 0.2 * w, EYE_Y - low), (c - side * 0.5 * w, EYE_Y - low * 0.75), inner])
    _eyeball(s, s.project(np.vstack([upper, lower])), c)
    s.stroke(upper, mix(who.hair, (16, 10, 10), 0.6), 0.030)
    s.stroke(lower, s.crease, 0.014)
    if aus["AU6"] > 0.15:  # crow's feet, and the pouch under the eye
        for q in (-0.05, 0.0, 0.05):
            edge = c + side * w * 1.15
            s.wrinkle([(edge, EYE_Y + q * 0.5), (edge + side * 0.11, EYE_Y + q * 1.5 - 0.01)], 0.75 * aus["AU6"], 0.012)
        s.wrinkle(
            curve([(c - side * w, EYE_Y - 0.10), (c, EYE_Y - 0.128), (c + side * w, EYE_Y - 0.09)]),
            0.55 * aus["AU6"],
            0.014,
        )
    if (tense := aus["AU7"] + aus["AU9"]) > 0.4:
        lid = curve([(c - side * w * 0.9, EYE_Y - 0.075), (c, EYE_Y - 0.095), (c + side * w * 0.9, EYE_Y - 0.06)])
        s.wrinkle(lid, min(0.6, 0.4 * tense), 0.012)


def _brows(s: Sketch) -> None:
    aus, base = s.aus, 0.405 + s.who.brow_y
    lift = brow_offsets(aus)
    inner, middle, outer = base + lift[0], base + 0.052 + lift[1], base + 0.012 + lift[2]
    x = 0.150 - 0.045 * aus["AU4"] - 0.02 * aus["AU9"] - 0.012 * aus["AU1"] * aus["AU4"]
    thick = 0.040 * s.who.brow_thick
    for side in (-1, 1):
        top = curve([(side * x, inner + thick), (side * 0.33, middle + thick), (side * 0.54, outer)])
        bottom = curve([(side * 0.54, outer - 0.01), (side * 0.33, middle - thick * 0.7), (side * x, inner - thick)])
        s.fill(np.vstack([top, bottom]), mix(s.who.hair, (20, 14, 12), 0.35))
        if aus["AU4"] > 0.15:  # furrows between the brows
            s.wrinkle([(side * 0.055, inner - 0.05), (side * 0.045, inner + 0.10)], 0.9 * aus["AU4"], 0.018)
    rise = 0.5 * min(aus["AU1"], 1) + 0.5 * min(aus["AU2"], 1)
    if rise > 0.2:  # forehead lines: long for the whole brow, else short
        wide, arch = (0.42, 0.014) if aus["AU2"] > 0.35 else (0.20, 0.03)
        for q in (0.16, 0.26):
            y = middle + q
            s.wrinkle(curve([(-wide, y - 0.012), (0, y + arch), (wide, y - 0.012)]), 0.55 * rise, 0.013)


def _nose(s: Sketch) -> float:
    """Nose and its wrinkles; returns the height of its tip."""
    who, wrinkle, n = s.who, s.aus["AU9"], s.who.nose
    y = -0.17 * n + 0.045 * wrinkle
    for side in (-1, 1):
        s.stroke(curve([(side * 0.075, 0.20), (side * 0.062, 0.02), (side * 0.10 * n, y + 0.04)]), s.shade, 0.020, 0.08)
        wing = curve(
            [
                (side * 0.09 * n, y + 0.055),
                (side * (0.155 + 0.02 * wrinkle) * n, y + 0.02 + 0.02 * wrinkle),
                (side * 0.13 * n, y - 0.045),
                (side * 0.06 * n, y - 0.035),
            ]
        )
        s.stroke(wing, s.dark, 0.022, 0.12)
        nostril = np.stack([side * 0.075 * n + 0.030 * np.cos(_TURN), y - 0.035 + 0.016 * np.sin(_TURN)], 1)
        s.fill(nostril, mix(who.skin, (30, 8, 8), 0.72), 0.13)
    s.stroke(curve([(-0.055 * n, y - 0.052), (0, y - 0.070), (0.055 * n, y - 0.052)]), s.dark, 0.016, 0.14)
    if wrinkle > 0.15:
        for q, w in ((0.125, 0.085), (0.055, 0.10)):
            s.wrinkle(curve([(-w, q - 0.02), (0, q + 0.012), (w, q - 0.02)]), min(0.85, wrinkle * 0.85), 0.018, 0.1)
        for side in (-1, 1):
            s.wrinkle([(side * 0.10, 0.16), (side * 0.16, 0.02)], min(0.8, wrinkle * 0.8), 0.015, 0.06)
    return y


def _mouth(s: Sketch, m: Mouth) -> None:
    aus, lip = s.aus, s.who.lip
    s.fill(np.vstack([m.outer_up, m.inner_up[::-1]]), mix(lip, (60, 10, 20), 0.12), 0.04)
    s.fill(np.vstack([m.inner_low[::-1], m.outer_low]), mix(lip, (255, 190, 180), 0.10), 0.04)
    if m.gap <= 0.022:
        s.stroke(m.inner_up, mix(lip, (30, 6, 10), 0.72), 0.026, 0.04)
    else:
        s.fill(np.vstack([m.inner_up, m.inner_low]), (56, 18, 20), 0.02)
        teeth = min(m.gap * 0.55, 0.062)
        if teeth > 0.012:
            s.fill(
                np.vstack([m.inner_up[4:-4], np.subtract(m.inner_up[4:-4], (0, teeth))[::-1]]), (238, 234, 224), 0.02
            )
        if aus["AU20"] + aus["AU10"] > 0.8 and m.gap > 0.05:
            s.fill(np.vstack([m.inner_low[8:-8], np.add(m.inner_low[8:-8], (0, 0.03))[::-1]]), (226, 220, 210), 0.02)
        if m.gap > 0.14:
            y, low, w = m.middle_y, m.gap_low, 0.5 * m.width
            s.fill(
                curve(
                    [(-w, y - low * 0.72), (0, y - low * 0.45), (w, y - low * 0.72), (0, y - low * 0.96)], closed=True
                ),
                (170, 84, 84),
                0.02,
            )
    for side in (-1, 1):
        corner = (side * (m.width * 1.04 + 0.02), m.corner_y + 0.03 * aus["AU12"] - 0.035 * aus["AU15"])
        s.stroke([(side * m.width * 0.97, m.corner_y), corner], s.dark, 0.022, 0.04)


def _folds(s: Sketch, m: Mouth, nose_y: float) -> None:
    """The folds from nose to mouth, and the chin."""
    aus, chin = s.aus, s.aus["AU17"]
    fold = max(aus["AU12"] * 0.9, aus["AU9"] * 0.75, aus["AU10"] * 0.85, 0.35 * aus["AU15"], 0.4 * aus["AU20"])
    if fold > 0.15:
        for side in (-1, 1):
            line = curve(
                [
                    (side * 0.165 * s.who.nose, nose_y + 0.03 + 0.02 * aus["AU9"]),
                    (side * (0.30 + 0.08 * aus["AU12"]), -0.30 + 0.04 * aus["AU12"]),
                    (side * (m.width + 0.075), m.corner_y - 0.02),
                ]
            )
            s.wrinkle(line, min(0.9, fold * 0.85), 0.020, 0.03)
    if chin > 0.2:
        s.wrinkle(curve([(-0.10, -0.765 - s.jaw), (0, -0.735 - s.jaw), (0.10, -0.765 - s.jaw)]), min(0.8, chin), 0.018)
        r = s.project.line_width(0.012)
        for x, y in s.project([(q, -0.83 - s.jaw) for q in (-0.06, 0.0, 0.06)]):
            s.draw.ellipse([x - r, y - r, x + r, y + r], fill=mix(s.who.skin, s.crease, 0.5 * min(1.0, chin)))
    elif not s.who.beard:
        s.stroke(
            curve([(-0.11, -0.715 - s.jaw * 1.1), (0, -0.735 - s.jaw * 1.1), (0.11, -0.715 - s.jaw * 1.1)]),
            s.shade,
            0.018,
        )


def _in_front(s: Sketch) -> None:
    """Hair over the forehead, and glasses."""
    who = s.who
    if who.style != "bald":
        fringe = np.array(_HAIR["short" if who.style == "short" else "other"])
        if who.style == "bun":
            fringe[[0, 6], 1] = 0.34
        s.fill(curve(fringe, closed=True), who.hair, 0.12, flat=True)
    for side in (-1, 1) if who.style == "long" else ():
        s.fill(curve(np.multiply(_HAIR["lock"], (side, 1)), closed=True), who.hair, 0.1, flat=True)
    if who.glasses:
        x, frame = 0.33 * who.eye_gap, (40, 38, 44)
        for side in (-1, 1):
            s.stroke(
                np.stack([side * x + 0.235 * np.cos(_TURN), EYE_Y - 0.01 + 0.185 * np.sin(_TURN)], 1),
                frame,
                0.026,
                0.08,
            )
        s.stroke([(-x + 0.235, EYE_Y + 0.02), (0, EYE_Y + 0.06), (x - 0.235, EYE_Y + 0.02)], frame, 0.026, 0.1)


def draw(aus: Units, who: FaceIdentity, pose: Pose, size: int) -> tuple[np.ndarray, np.ndarray, Sketch]:
    """Unlit picture float32 (size, size, 3), the head's mask (size, size, 1) in 0 to 1, and the sketch drawn."""
    sketch = Sketch(aus, who, pose, size)
    _behind(sketch)
    edge = _head(sketch)
    relax = lid_opening(aus)
    for side in (-1, 1):
        _eye(sketch, side, relax)
    _brows(sketch)
    nose_y = _nose(sketch)
    mouth = mouth_shape(aus, who)
    _mouth(sketch, mouth)
    _folds(sketch, mouth, nose_y)
    _in_front(sketch)
    mask = Image.new("L", (sketch.side, sketch.side), 0)
    ImageDraw.Draw(mask).polygon(edge, fill=255)
    small = np.asarray(sketch.image.resize((size, size), Image.Resampling.BOX), np.float32)
    return small, np.asarray(mask.resize((size, size), Image.Resampling.BOX), np.float32)[..., None] / 255, sketch
