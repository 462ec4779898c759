"""Who speaks: base voices of espeak-ng, the talkers that the vocoder makes of each, and which of them are held out.

A base voice is a language and a voice variant of espeak-ng. Its talkers differ in pitch, vocal-tract length and
expressivity, and share its split and domain, so that a held-out talker shares no voice with a training one.
"""

from __future__ import annotations

from dataclasses import dataclass
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


VOICES: dict[str, BaseVoice] = {
    v.id: v
    for v in (
        BaseVoice(*row)
        for row in (
            ("m01", "en-us+m3", "m", 165, 1.0, 1.00, "train", "a"),
            ("m02", "en+m1", "m", 160, 3.0, 0.97, "train", "a"),
            ("m03", "en-us+m7", "m", 172, -1.0, 1.03, "train", "a"),
            ("m04", "en-us+Andy", "m", 158, 2.0, 0.96, "train", "a"),
            ("m05", "en-gb-x-rp+Michael", "m", 168, 0.0, 1.00, "train", "a"),
            ("m06", "en-us+edward", "m", 175, 4.0, 1.05, "train", "a"),
            ("f01", "en-us+f1", "f", 165, 1.0, 1.00, "train", "a"),
            ("f02", "en-us+f3", "f", 172, 0.0, 1.02, "train", "a"),
            ("f03", "en+f4", "f", 160, 2.0, 0.97, "train", "a"),
            ("f04", "en-us+Annie", "f", 168, -1.0, 1.00, "train", "a"),
            ("f05", "en-gb-x-rp+belinda", "f", 158, -2.0, 0.98, "train", "a"),
            ("f06", "en-us+steph", "f", 175, 1.0, 1.03, "train", "a"),
            ("m07", "en+max", "m", 160, 0.5, 0.98, "val", "a"),
            ("f07", "en-us+Andrea", "f", 150, -2.5, 1.00, "val", "a"),
            ("m08", "en-us+ed", "m", 170, -1.0, 0.98, "test", "a"),
            ("m09", "en-us+Gene", "m", 166, 2.5, 1.02, "test", "a"),
            ("f08", "en-us+shelby", "f", 163, 1.5, 1.00, "test", "a"),
            ("f09", "en-gb-x-rp+aunty", "f", 161, -3.0, 1.07, "test", "a"),
            ("m10", "en-us-nyc+m5", "m", 174, 1.0, 1.04, "train", "b"),
            ("f10", "en-us-nyc+f2", "f", 171, 2.5, 1.04, "train", "b"),
            ("m11", "en-gb-scotland+Lee", "m", 162, 1.5, 1.00, "train", "b"),
            ("f11", "en-gb-scotland+f5", "f", 170, -1.0, 0.96, "test", "b"),
            ("m12", "en-029+Diogo", "m", 169, 3.0, 1.01, "test", "b"),
            ("f12", "en-029+anika", "f", 152, -4.0, 0.97, "test", "b"),
        )
    )
}

# f0 shift (semitones), warp, expressivity of the talkers made from each base voice.
VARIATIONS = ((0.0, 1.00, 1.00), (1.7, 1.045, 1.12), (-1.5, 0.965, 0.88), (0.6, 0.98, 1.05))


def _talkers() -> dict[str, Talker]:
    out = {}
    for voice in VOICES.values():
        for letter, (shift, warp, expressivity) in zip("pqrs", VARIATIONS, strict=True):
            out[voice.id + letter] = Talker(
                voice.id + letter,
                voice.id,
                voice.sex,
                voice.f0_shift + shift,
                round(voice.warp * warp, 4),
                expressivity,
                voice.split,
                voice.domain,
            )
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

# Voices that a model may hear in pre-training: those of the training talkers, and others that no split contains. No
# variant here is spoken by a validation or test talker of either domain. (espeak-ng voice, rate, f0 shift, warp)
_EXTRA = (
    ("en-us+m2", 168, 1.0, 1.0),
    ("en+m4", 163, 0.0, 1.02),
    ("en-us+m6", 171, 1.5, 0.98),
    ("en-gb-x-rp+m8", 165, 0.0, 1.0),
    ("en-us+Alex", 166, 0.5, 1.0),
    ("en+Denis", 162, 2.0, 1.01),
    ("en-us+Mike", 170, 0.0, 0.97),
    ("en-us+john", 167, 1.0, 1.03),
    ("en+paul", 160, 0.0, 1.0),
    ("en-us+rob", 172, 1.0, 1.0),
    ("en-gb-x-gbcwmd+zac", 165, -3.0, 1.0),
    ("en-us+travis", 164, 1.0, 0.99),
    ("en+victor", 168, 1.0, 1.0),
    ("en-us+quincy", 161, 2.0, 1.02),
    ("en-us+Alicia", 165, 0.0, 1.0),
    ("en+grandma", 158, 1.0, 1.02),
    ("en-us+linda", 169, 0.0, 1.0),
    ("en-gb-x-gbclan+f1", 167, 0.5, 0.98),
    ("en+f3", 163, 1.0, 1.0),
    ("en-us+f4", 171, 1.0, 1.02),
)
PRETRAIN_VOICES: tuple[tuple[str, int, float, float], ...] = (
    tuple((v.espeak, v.rate, v.f0_shift, v.warp) for v in VOICES.values() if v.split == "train") + _EXTRA
)


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
