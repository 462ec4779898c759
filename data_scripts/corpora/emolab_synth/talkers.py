"""Who speaks: base voices of espeak-ng, the talkers that the vocoder makes of each, and which of them are held out.

A base voice is a language and a voice variant of espeak-ng. Its talkers differ in pitch, vocal-tract length and
expressivity, and share its split and domain, so that a held-out talker shares no voice with a training one.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from emolab.errors import SynthError


@dataclass(frozen=True)
class BaseVoice:
    """A voice of espeak-ng, spoken neutrally."""

    id: str
    espeak: str  # language + variant
    sex: str  # "m" or "f"
    rate: int  # words per minute
    f0_shift: float  # semitones that make the voice natural
    warp: float  # factor on the frequency axis of the envelope; > 1 is a shorter vocal tract
    split: str  # "train", "val" or "test"
    domain: str  # "a" or "b"


@dataclass(frozen=True)
class Talker:
    """A base voice as the vocoder varies it."""

    id: str
    voice: str  # id of the base voice
    sex: str
    f0_shift: float  # semitones
    warp: float
    expressivity: float  # multiplies every emotional deviation
    split: str
    domain: str


def _voices() -> dict[str, BaseVoice]:
    with (Path(__file__).parent / "data" / "voices.csv").open(encoding="utf-8", newline="") as file:
        rows = [dict(row) for row in csv.DictReader(file)]
    return {
        row["id"]: BaseVoice(
            **row | {"rate": int(row["rate"]), "f0_shift": float(row["f0_shift"]), "warp": float(row["warp"])}
        )
        for row in rows
    }


VOICES: dict[str, BaseVoice] = _voices()

# f0 shift (semitones), warp, expressivity of the talkers made from each base voice.
VARIATIONS = ((0.0, 1.00, 1.00), (1.7, 1.045, 1.12), (-1.5, 0.965, 0.88), (0.6, 0.98, 1.05))


def _talkers() -> dict[str, Talker]:
    out = {}
    for voice in VOICES.values():
        for letter, (shift, warp, expressivity) in zip("pqrs", VARIATIONS, strict=True):
            name, shift, warp = voice.id + letter, voice.f0_shift + shift, round(voice.warp * warp, 4)
            out[name] = Talker(name, voice.id, voice.sex, shift, warp, expressivity, voice.split, voice.domain)
    return out


TALKERS: dict[str, Talker] = _talkers()

WILD_VARIATIONS = 6  # talkers of domain `wild` made from each base voice


def wild_variation(rng: np.random.Generator) -> tuple[float, float, float]:
    """F0 shift in semitones, warp and expressivity of a talker of domain `wild`.

    A higher voice comes from a shorter vocal tract on average, and only on average.
    """
    shift = float(np.clip(rng.normal(0, 3.0), -6, 6))
    warp = float(np.clip(1 + 0.012 * shift + rng.normal(0, 0.045), 0.82, 1.2))
    return round(shift, 3), round(warp, 4), round(float(rng.uniform(0.6, 1.3)), 3)


def _wild_talkers() -> dict[str, Talker]:
    out = {}
    for voice in VOICES.values():
        for k in range(WILD_VARIATIONS):
            name = f"{voice.id}w{k}"
            shift, warp, expressivity = wild_variation(np.random.default_rng([31, crc32(name.encode())]))
            shift, warp = voice.f0_shift + shift, round(voice.warp * warp, 4)
            out[name] = Talker(name, voice.id, voice.sex, shift, warp, expressivity, voice.split, "wild")
    return out


WILD_TALKERS: dict[str, Talker] = _wild_talkers()  # those of domain `wild`; they keep the split of their base voice


def talker(name: str) -> Talker:
    """The talker called `name`. Raises SynthError, saying how talkers are called, if there is none."""
    if name in WILD_TALKERS:
        return WILD_TALKERS[name]
    if name not in TALKERS:
        raise SynthError(
            f"no talker {name!r}; a talker is a base voice ({', '.join(VOICES)}) and a letter "
            f"p, q, r or s, such as m01p, or w0 to w{WILD_VARIATIONS - 1} in domain wild"
        )
    return TALKERS[name]


def talkers(split: str | None = None, domain: str | None = None) -> list[Talker]:
    """Talkers of a split and a domain, in a fixed order; None means any split, and the domains a and b.

    >>> len(talkers("train", "a"))
    48
    """
    pool = WILD_TALKERS if domain == "wild" else TALKERS
    return [t for t in pool.values() if split in (None, t.split) and domain in (None, t.domain)]
