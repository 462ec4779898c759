"""Who a face is: colours and proportions, drawn at random and independent of any expression. All values are ours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]

_SKINS = ((246, 214, 188), (234, 192, 160), (214, 168, 132), (190, 140, 104), (160, 112, 80), (132, 92, 66))
_HAIRS = ((38, 28, 24), (64, 44, 30), (104, 70, 42), (150, 112, 66), (190, 158, 104), (150, 66, 36), (128, 126, 126))
_EYES = ((72, 52, 38), (96, 70, 44), (84, 110, 96), (84, 118, 150), (60, 80, 60))
_STYLES = {"f": {"long": 0.4, "bob": 0.25, "bun": 0.25, "short": 0.1}, "m": {"short": 0.75, "bald": 0.15, "bob": 0.1}}


@dataclass(frozen=True)
class FaceIdentity:
    """Colours (RGB) and proportions (factors around 1, or offsets in face units, where half a face is 1)."""

    skin: Colour = (224, 182, 150)
    hair: Colour = (70, 48, 34)
    eye: Colour = (84, 110, 96)
    lip: Colour = (176, 92, 86)
    shirt: Colour = (70, 92, 130)
    background: Colour = (196, 202, 208)
    width: float = 1.0
    jaw: float = 1.0  # above 1 square, below 1 pointed
    eye_size: float = 1.0
    eye_gap: float = 1.0
    brow_thick: float = 1.0
    brow_y: float = 0.0
    nose: float = 1.0
    mouth_width: float = 1.0
    lip_thick: float = 1.0
    mouth_bias: float = 0.0  # height of the corners at rest: a face that looks a little sad or glad by nature
    style: str = "short"  # hair: short, long, bob, bald or bun
    beard: float = 0.0  # 0 to 1
    glasses: bool = False


def _colour(values: np.ndarray) -> Colour:
    r, g, b = (int(v) for v in np.clip(values, 0, 255))
    return r, g, b


def identity(gender: str, rng: np.random.Generator) -> FaceIdentity:
    """A random face of gender "f" or "m" (which shifts the proportions a little).

    >>> identity("f", np.random.default_rng(0)).beard
    0.0
    """
    female = gender == "f"
    skin = np.array(_SKINS[rng.integers(len(_SKINS))]) + rng.normal(0, 5, 3)
    dark = skin.mean() < 150
    hair, eye = _HAIRS[rng.integers(2 if dark else len(_HAIRS))], _EYES[rng.integers(2 if dark else len(_EYES))]
    lip = np.clip(0.72 * skin + 0.28 * np.array((150, 30, 50)) - (12 if female else 4), 0, 255)
    if female:
        lip = lip + np.array((10, -16, -8))
    styles = _STYLES["f" if female else "m"]
    style = str(rng.choice(list(styles), p=list(styles.values())))
    background = np.clip(rng.normal(0, 16, 3) + rng.uniform(110, 205), 60, 225)
    shirt = rng.uniform(30, 200, 3)
    return FaceIdentity(
        _colour(skin),
        hair,
        eye,
        _colour(lip),
        _colour(shirt),
        _colour(background),
        width=float(rng.normal(0.94 if female else 1.0, 0.05)),
        jaw=float(rng.normal(0.92 if female else 1.08, 0.06)),
        eye_size=float(rng.normal(1.08 if female else 0.97, 0.07)),
        eye_gap=float(rng.normal(1, 0.05)),
        brow_thick=float(np.clip(rng.normal(0.8 if female else 1.25, 0.18), 0.5, 1.8)),
        brow_y=float(rng.normal(0, 0.018)),
        nose=float(rng.normal(0.92 if female else 1.05, 0.08)),
        mouth_width=float(rng.normal(1, 0.07)),
        lip_thick=float(np.clip(rng.normal(1.15 if female else 0.9, 0.15), 0.6, 1.6)),
        mouth_bias=float(rng.normal(0, 0.012)),
        style=style,
        beard=float(not female and rng.random() < 0.3) * float(rng.uniform(0.3, 0.8)),
        glasses=bool(rng.random() < 0.15),
    )
