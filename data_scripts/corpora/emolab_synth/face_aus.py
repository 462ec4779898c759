"""Facial action units: which exist here, what each emotion does with them, and how one face's are drawn.

The units are those of the Facial Action Coding System (Ekman & Friesen 1978). Which units make up each prototype
follows the usual EMFACS combinations; intensities, spread and optional units are ours.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np

from emolab.errors import SynthError

_TABLE = tomllib.loads((Path(__file__).parent / "data" / "action_units.toml").read_text(encoding="utf-8"))
AUS: dict[str, str] = {unit: row["name"] for unit, row in _TABLE["units"].items()}
"""Action units in the order of every vector of them; intensities run from 0 to 1.15, 1 being a full display."""
EMOTION_AUS: dict[str, dict[str, float]] = _TABLE["prototypes"]


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
    for unit, value in _TABLE["optional"][emotion].items():
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
    for unit, row in _TABLE["units"].items():
        value = rng.uniform(0.35, 1.1) if rng.random() < row["active"] else min(0.25, abs(rng.normal(0, 0.06)))
        aus[unit] = float(value)
    return aus


def to_vector(aus: dict[str, float]) -> np.ndarray:
    """Intensities in the order of `AUS`: float32 (17,)."""
    return np.array([aus[unit] for unit in AUS], np.float32)
