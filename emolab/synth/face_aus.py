"""Facial action units: which exist here, what each emotion does with them, and how one face's are drawn.

The units are those of the Facial Action Coding System (Ekman & Friesen 1978). Which units make up each prototype
follows the usual EMFACS combinations; intensities, spread and optional units are ours.
"""

from __future__ import annotations

import numpy as np

from emolab.errors import SynthError

AUS: dict[str, str] = {
    "AU1": "inner brow raiser",
    "AU2": "outer brow raiser",
    "AU4": "brow lowerer",
    "AU5": "upper lid raiser",
    "AU6": "cheek raiser",
    "AU7": "lid tightener",
    "AU9": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU12": "lip corner puller",
    "AU15": "lip corner depressor",
    "AU17": "chin raiser",
    "AU20": "lip stretcher",
    "AU23": "lip tightener",
    "AU24": "lip pressor",
    "AU25": "lips part",
    "AU26": "jaw drop",
    "AU27": "mouth stretch",
}
"""Action units in the order of every vector of them; intensities run from 0 to 1.15, 1 being a full display."""

EMOTION_AUS: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"AU6": 0.9, "AU12": 1.0, "AU25": 0.5},
    "sad": {"AU1": 1.0, "AU4": 0.6, "AU15": 0.95, "AU17": 0.6},
    "angry": {"AU4": 1.0, "AU5": 0.45, "AU7": 0.7, "AU23": 0.8, "AU24": 0.4},
    "fearful": {"AU1": 0.9, "AU2": 0.55, "AU4": 0.5, "AU5": 0.9, "AU7": 0.25, "AU20": 1.0, "AU25": 0.6, "AU26": 0.15},
    "disgusted": {"AU9": 1.0, "AU10": 0.9, "AU15": 0.5, "AU17": 0.5, "AU7": 0.45, "AU4": 0.25, "AU25": 0.15},
    "surprised": {"AU1": 0.9, "AU2": 1.0, "AU5": 0.8, "AU26": 0.75, "AU27": 0.45},
}
_OPTIONAL: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"AU26": 0.25},
    "sad": {"AU7": 0.2, "AU25": 0.15},
    "surprised": {"AU25": 0.3},
    "angry": {"AU10": 0.35, "AU25": 0.35, "AU17": 0.3},
    "fearful": {"AU27": 0.15},
    "disgusted": {"AU6": 0.25, "AU26": 0.15},
}
# How often each unit is active in an arbitrary face, so that the classes of `describe_face` occur about equally often.
_ACTIVE = {
    "AU1": 0.45,
    "AU2": 0.35,
    "AU4": 0.5,
    "AU5": 0.6,
    "AU6": 0.27,
    "AU7": 0.3,
    "AU9": 0.4,
    "AU10": 0.35,
    "AU12": 0.45,
    "AU15": 0.45,
    "AU17": 0.35,
    "AU20": 0.33,
    "AU23": 0.25,
    "AU24": 0.2,
    "AU25": 0.45,
    "AU26": 0.27,
    "AU27": 0.15,
}


def sample_aus(
    emotion: str, intensity: float, rng: np.random.Generator, sd: float = 0.25, drop: float = 0.06
) -> dict[str, float]:
    """Action units at the apex of one display of `emotion`.

    Args: `intensity` 0 to 1; `sd` relative spread of each unit; `drop` chance that one of the prototype does not show.
    Returns: unit to intensity, all of `AUS`. Raises: SynthError for an unknown emotion.
    """
    if emotion not in EMOTION_AUS:
        raise SynthError(f"no facial prototype for emotion {emotion!r}; there are: {', '.join(EMOTION_AUS)}")
    aus = dict.fromkeys(AUS, 0.0)
    for unit, value in EMOTION_AUS[emotion].items():
        shown = float(rng.random() >= drop)
        aus[unit] = shown * value * intensity * max(0.0, 1 + sd * rng.standard_normal())
    for unit, value in _OPTIONAL[emotion].items():
        if rng.random() < 0.4:
            aus[unit] += value * intensity * rng.uniform(0.5, 1.3)
    for unit in AUS:  # weak movements that mean nothing
        if rng.random() < 0.35:
            aus[unit] += abs(rng.normal(0, 0.1))
    if rng.random() < 0.3:  # anyone may have the lips apart
        aus["AU25"] += rng.uniform(0, 0.3)
    return {unit: float(np.clip(value, 0, 1.15)) for unit, value in aus.items()}


def sample_any_aus(rng: np.random.Generator) -> dict[str, float]:
    """An arbitrary face: every unit drawn on its own, so that no combination of units, and no emotion, is preferred."""
    aus = {}
    for unit, active in _ACTIVE.items():
        value = rng.uniform(0.35, 1.1) if rng.random() < active else min(0.25, abs(rng.normal(0, 0.06)))
        aus[unit] = float(value)
    return aus


def to_vector(aus: dict[str, float]) -> np.ndarray:
    """Intensities in the order of `AUS`: float32 (17,)."""
    return np.array([aus[unit] for unit in AUS], np.float32)
