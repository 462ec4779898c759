"""Where the parts of a face are for given action units, in face units: x right, y up, the face about [-1, 1]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emolab_synth.face_identity import FaceIdentity

Units = dict[str, float]
Points = list[tuple[float, float]]

FRAME = 0.78  # half an image holds 1 / FRAME face units
EYE_Y, MOUTH_Y = 0.17, -0.50

_T = np.linspace(0, 1, 9, endpoint=False)
_BASIS = 0.5 * np.stack(
    [-_T + 2 * _T**2 - _T**3, 2 - 5 * _T**2 + 3 * _T**3, _T + 4 * _T**2 - 3 * _T**3, -(_T**2) + _T**3], 1
)


def curve(points: np.ndarray | Points, closed: bool = False) -> np.ndarray:
    """Catmull-Rom spline through (n, 2) points, nine steps between two of them."""
    p = np.asarray(points, float)
    n = len(p)
    padded = np.empty((n + (3 if closed else 2), 2))
    padded[1 : n + 1] = p
    if closed:
        padded[0], padded[n + 1], padded[n + 2] = p[-1], p[0], p[1]
    else:
        padded[0], padded[n + 1] = 2 * p[0] - p[1], 2 * p[-1] - p[-2]
    windows = np.stack([padded[:-3], padded[1:-2], padded[2:-1], padded[3:]], 1)
    out = (_BASIS @ windows).reshape(-1, 2)
    return out if closed else np.concatenate([out, p[-1:]])


def outline(*half: tuple[float, float]) -> np.ndarray:
    """A closed curve that is alike on both sides, from its points on the right: first the top, last the bottom."""
    return curve([*half, *((-x, y) for x, y in half[-2:0:-1])], closed=True)


@dataclass(frozen=True)
class Pose:
    """Where the head and the eyes point (radians; gaze and shift in face units), and the lids' blink (0 to 1)."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    blink: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)


class Projector:
    """Face units to pixels of an image of `side` pixels: a head like an ellipsoid, turned by the pose."""

    def __init__(self, pose: Pose, width: float, side: int) -> None:
        yaw, pitch, roll = np.clip((pose.yaw, pose.pitch, pose.roll), (-0.38, -0.26, -0.25), (0.38, 0.26, 0.25))
        self.cos_y, self.sin_y, self.cos_p, self.sin_p = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
        self.cos_r, self.sin_r, self.width, self.shift = np.cos(roll), np.sin(roll), width, pose.shift
        self.half, self.unit = side / 2, FRAME * side / 2 * pose.scale

    def __call__(self, points: np.ndarray | Points, depth: float = 0.0, flat: bool = False) -> Points:
        """Pixels of the points; `depth` lifts them off the surface, `flat` puts all of them on one plane."""
        p = np.asarray(points, float).reshape(-1, 2)
        x, y = p[:, 0] * self.width, p[:, 1]
        z = np.full(len(p), depth) if flat else 0.62 * np.sqrt(np.maximum(1 - x * x - 0.384 * y * y, 0.02)) + depth
        x, z = x * self.cos_y + z * self.sin_y, -x * self.sin_y + z * self.cos_y
        y = y * self.cos_p + (z - 0.30) * self.sin_p
        x, y = x * self.cos_r - y * self.sin_r, x * self.sin_r + y * self.cos_r
        pixels = np.empty((len(x), 2))
        pixels[:, 0] = self.half + self.unit * (x + self.shift[0])
        pixels[:, 1] = self.half - self.unit * (y - 0.03 + self.shift[1])
        return [(px, py) for px, py in pixels.tolist()]

    def line_width(self, units: float) -> int:
        """Pixels of a stroke, at least one."""
        return max(1, round(units * self.unit))


def jaw_drop(aus: Units) -> float:
    """How far the chin is down."""
    return 0.10 * aus["AU26"] + 0.17 * aus["AU27"]


def lid_opening(aus: Units) -> tuple[float, float]:
    """Height of the upper and the lower lid over the eye's middle, as factors on the relaxed eye."""
    upper = 1 + 0.75 * aus["AU5"] - 0.30 * aus["AU7"] - 0.18 * aus["AU6"] - 0.22 * aus["AU9"] - 0.12 * aus["AU4"]
    lower = 1 - 0.60 * aus["AU6"] - 0.55 * aus["AU7"] - 0.35 * aus["AU9"] + 0.10 * aus["AU5"]
    return upper, lower


def brow_offsets(aus: Units) -> tuple[float, float, float]:
    """Lift of the brow's inner end, middle and outer end."""
    both = aus["AU1"] * aus["AU4"]
    inner = 0.120 * aus["AU1"] + 0.055 * both * (1 - 0.6 * aus["AU2"]) - 0.105 * aus["AU4"] - 0.055 * aus["AU9"]
    inner += 0.02 * aus["AU2"]
    middle = 0.045 * aus["AU1"] + 0.085 * aus["AU2"] - 0.075 * aus["AU4"] - 0.030 * aus["AU9"]
    outer = -0.015 * aus["AU1"] - 0.05 * both * (1 - min(1.0, aus["AU2"])) + 0.105 * aus["AU2"] - 0.018 * aus["AU4"]
    return inner, middle, outer


def corner_lift(aus: Units) -> float:
    """Lift of the mouth's corners by the face's muscles (the jaw's pull left out)."""
    return 0.135 * aus["AU12"] - 0.105 * aus["AU15"] - 0.045 * aus["AU20"]


def mouth_gap(aus: Units) -> float:
    """How far the lips are apart."""
    gap = 0.050 * aus["AU25"] + 0.19 * aus["AU26"] + 0.30 * aus["AU27"]
    return gap * (1 - 0.6 * max(aus["AU23"], aus["AU24"]))


@dataclass(frozen=True)
class Mouth:
    """Outlines of the lips, and the measures that other parts of the face follow."""

    inner_up: np.ndarray
    inner_low: np.ndarray
    outer_up: np.ndarray
    outer_low: np.ndarray
    width: float
    corner_y: float
    middle_y: float
    gap_low: float
    gap: float


def mouth_shape(aus: Units, who: FaceIdentity) -> Mouth:
    """The mouth of a face with these action units."""
    w = (
        0.285
        * who.mouth_width
        * (
            1
            + 0.26 * aus["AU12"]
            + 0.27 * aus["AU20"]
            - 0.15 * aus["AU23"]
            - 0.05 * aus["AU24"]
            - 0.10 * aus["AU26"]
            - 0.18 * aus["AU27"]
            - 0.05 * aus["AU15"]
        )
    )
    corner = MOUTH_Y + who.mouth_bias + corner_lift(aus) - 0.35 * jaw_drop(aus)
    middle = MOUTH_Y + 0.030 * aus["AU17"] + 0.018 * aus["AU15"]
    lift = 0.052 * aus["AU10"] + 0.030 * aus["AU9"] + 0.018 * aus["AU12"]
    gap = mouth_gap(aus)
    up = 0.22 * gap + 0.5 * lift + 0.0125 * aus["AU12"]
    low = 0.78 * gap - 0.020 * aus["AU17"] - 0.35 * lift * (gap < 0.03)
    tight = 1 - 0.55 * aus["AU23"] - 0.55 * aus["AU24"] - 0.18 * aus["AU20"] - 0.15 * aus["AU12"]
    thick_up = 0.048 * who.lip_thick * max(0.28, tight)
    thick_low = 0.066 * who.lip_thick * max(0.30, tight + 0.15 * aus["AU17"])
    bend = 0.25 * (corner - middle)
    crest, side = middle + up + thick_up * 1.18 + lift * 0.3, middle + up * 0.9 + thick_up * 0.95 + bend
    base = middle - low - thick_low * 0.72 + bend
    return Mouth(
        curve(
            [
                (-w, corner),
                (-0.5 * w, middle + up * 0.85 + bend),
                (0, middle + up - 0.004),
                (0.5 * w, middle + up * 0.85 + bend),
                (w, corner),
            ]
        ),
        curve(
            [
                (w, corner),
                (0.5 * w, middle - low * 0.88 + bend),
                (0, middle - low),
                (-0.5 * w, middle - low * 0.88 + bend),
                (-w, corner),
            ]
        ),
        curve(
            [
                (-w * 1.04, corner + 0.004),
                (-0.5 * w, side),
                (-0.13 * w, crest),
                (0, middle + up + thick_up * 0.92 + lift * 0.3),
                (0.13 * w, crest),
                (0.5 * w, side),
                (w * 1.04, corner + 0.004),
            ]
        ),
        curve(
            [
                (w * 1.04, corner - 0.004),
                (0.55 * w, base),
                (0, middle - low - thick_low * 1.12),
                (-0.55 * w, base),
                (-w * 1.04, corner - 0.004),
            ]
        ),
        w,
        corner,
        middle,
        low,
        up + low,
    )
