"""What a face looks like, in words: attributes read off the action units' geometry, and a sentence. No emotion."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from emolab_synth.face_geometry import brow_offsets, corner_lift, lid_opening, mouth_gap

CLASSES: dict[str, tuple[str, ...]] = {
    "brows": ("raised", "level", "lowered", "slanted"),
    "eyes": ("wide", "open", "narrow"),
    "nose": ("smooth", "wrinkled"),
    "corners": ("up", "level", "down"),
    "lips": ("relaxed", "stretched", "pressed"),
    "mouth": ("closed", "parted", "open"),
}
"""Attribute to its classes, in order."""


@dataclass(frozen=True)
class FaceAttributes:
    """One class of every attribute of `CLASSES`. "slanted" brows have a raised inner end and a pulled down middle."""

    brows: str
    eyes: str
    nose: str
    corners: str
    lips: str
    mouth: str

    def dict(self) -> dict[str, str]:
        """Attribute to class."""
        return asdict(self)

    def sentence(self, wording: int = 0) -> str:
        """The attributes as one sentence; `wording` chooses among three.

        >>> FaceAttributes("raised", "wide", "smooth", "level", "relaxed", "open").sentence(2)
        'the mouth is open with corners level and relaxed lips, the nose smooth, the eyes wide, the brows raised'
        """
        return (
            "the brows are {brows}, the eyes {eyes}, the nose {nose}, the mouth corners {corners}, "
            "the lips {lips} and the mouth {mouth}",
            "{brows} brows, {eyes} eyes, a {nose} nose, mouth corners {corners}, {lips} lips and the mouth {mouth}",
            "the mouth is {mouth} with corners {corners} and {lips} lips, the nose {nose}, "
            "the eyes {eyes}, the brows {brows}",
        )[wording % 3].format(**asdict(self))


def _brows(aus: dict[str, float]) -> str:
    inner, middle, _ = brow_offsets(aus)
    if inner - middle > 0.035:
        return "slanted"
    height = (inner + 2 * middle) / 3
    return "raised" if height > 0.025 else "lowered" if height < -0.03 else "level"


def describe(aus: dict[str, float]) -> FaceAttributes:
    """Attributes of a face whose apex shows `aus` (all of `face_aus.AUS`); lip-sync is not part of them."""
    upper, lower = lid_opening(aus)
    aperture, lift, gap = 0.6 * upper + 0.4 * lower, corner_lift(aus), mouth_gap(aus)
    press, stretch = max(aus["AU23"], aus["AU24"]), aus["AU20"]
    lips = "relaxed" if max(press, stretch) < 0.35 else "pressed" if press >= stretch else "stretched"
    return FaceAttributes(
        brows=_brows(aus),
        eyes="wide" if aperture > 1.1 else "narrow" if aperture < 0.76 else "open",
        nose="wrinkled" if aus["AU9"] > 0.3 else "smooth",
        corners="up" if lift > 0.03 else "down" if lift < -0.035 else "level",
        lips=lips,
        mouth="open" if gap > 0.1 else "parted" if gap > 0.025 else "closed",
    )
