"""How far emotions lie apart: Plutchik's circle, and valence-arousal-dominance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from emolab.emotions.names import ALIASES, TABLES, concept

PLUTCHIK_DEGREES: dict[str, float] = TABLES["circle"]
"""Plutchik's circle (1980) in degrees. Neutral has no place on it."""
VAD: dict[str, tuple[float, ...]] = {emotion: tuple(place) for emotion, place in TABLES["vad"].items()}
"""Valence, arousal and dominance in [-1, 1]: mean ratings of Russell & Mehrabian (1977). Neutral is the origin by
definition. Other emotions have no place here."""

VAD_SOURCE = "Russell & Mehrabian 1977"
CIRCLE_SOURCE = "Plutchik 1980"
NO_PLACE = 0.5
"""Similarity where one of two emotions has no place: neither alike nor opposite."""


@dataclass(frozen=True)
class Place:
    """Where the literature puts an emotion: `angle` in degrees on Plutchik's circle, `vad` in [-1, 1], and the source.

    None is "the literature gives no place".
    """

    angle: float | None = None
    vad: tuple[float, ...] | None = None
    source: str = ""


def place_of(emotion: str | None) -> Place | None:
    """The place of one of the package's emotions; None where neither the circle nor the VAD table holds it."""
    angle, vad = PLUTCHIK_DEGREES.get(emotion or ""), VAD.get(emotion or "")
    sources = (CIRCLE_SOURCE if angle is not None else "", VAD_SOURCE if vad is not None else "")
    return Place(angle, vad, "; ".join(filter(None, sources))) if any(sources) else None


SimilarityTable = Mapping[str, Mapping[str, float]]


def similarity_of(a: Place | None, b: Place | None, same: bool, kind: str = "plutchik") -> float:
    """Similarity of two places in [0, 1], ½ where one of them is unknown. `same`: both are one emotion.

    `kind` is
    - "plutchik": S = (cos Δθ + 1) / 2 on Plutchik's circle, 1 where both are the same (EMO-RL, arXiv 2509.15654);
    - "published": the same read literally, so that S(neutral, neutral) = ½;
    - "vad": 1 − distance / largest distance between any two emotions of `VAD`.

    Raises ValueError for another kind.
    """
    if kind not in ("plutchik", "published", "vad"):
        raise ValueError(f"similarity kind {kind!r}: expected 'plutchik', 'published', 'vad' or a table")
    if same and kind != "published":
        return 1.0
    if a is None or b is None:
        return NO_PLACE
    if kind == "vad":
        return NO_PLACE if a.vad is None or b.vad is None else 1.0 - math.dist(a.vad, b.vad) / _largest_distance()
    return NO_PLACE if a.angle is None or b.angle is None else (math.cos(math.radians(a.angle - b.angle)) + 1.0) / 2.0


def in_table(a: str, b: str, table: SimilarityTable) -> float:
    """An entry of a similarity table. Raises ValueError where the table has none."""
    try:
        return float(table[a][b])
    except KeyError as error:
        raise ValueError(f"the similarity table has no entry for ({a!r}, {b!r})") from error


def similarity(a: str, b: str, kind: str | SimilarityTable = "plutchik") -> float:
    """Similarity of two emotions in [0, 1]. Names may be any alias; `kind` is one of `similarity_of`'s, or a table, for
    example one that was learned from confusions.

    Raises ValueError for an unknown emotion or kind. `LabelSet.similarity` compares the labels of a corpus.
    """
    if not isinstance(kind, str):
        return in_table(a, b, kind)
    first, second = _known(a), _known(b)
    return similarity_of(place_of(first), place_of(second), first == second, kind)


def _known(name: str) -> str:
    found = concept(name)
    if found is None:
        known = ", ".join(dict.fromkeys(ALIASES.values()))
        raise ValueError(f"{name!r} is not a known emotion; known are {known} and their aliases")
    return found


@lru_cache(maxsize=1)
def _largest_distance() -> float:
    return max(math.dist(a, b) for a in VAD.values() for b in VAD.values())
