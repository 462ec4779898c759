"""Prosody as numbers: what each emotion does to a neutral voice, and how one utterance's cues are drawn.

Directions follow reviews of vocal emotion (Banse & Scherer 1996; Scherer 2003; Juslin & Laukka 2003): happiness,
anger and fear raise F0, sadness lowers it; happiness and anger widen F0 and raise level, rate and high-frequency
energy; sadness narrows F0 and lowers level, rate and high-frequency energy; fear is fast. The literature agrees less
about disgust and surprise: slow, low and creaky for the one, a high and wide voice with a rising end for the other,
and the unsteady voice of fear, are our choice. Every magnitude, the spread between utterances, and the weights of
domain b are ours, tuned so that the task is learnable, far from trivial, and confused where people confuse it: on new
talkers and sentences, logistic regression on `features` tells the seven apart with about 77% unweighted accuracy, and
with about 89% when it may first compare each clip with the talker's others (corpus "course", seed 0).
"""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from emolab.emotions import EMOTIONS
from emolab.errors import SynthError


@dataclass(frozen=True)
class Prosody:
    """One utterance's prosody, as deviations from the talker's neutral voice."""

    f0: float = 0.0  # mean F0, semitones
    range: float = 0.0  # log2 factor on the F0 excursion
    slope: float = 0.0  # F0 change from start to end, semitones
    accent: float = 0.0  # extra F0 peak on stressed syllables, semitones
    accent_width: float = 0.0  # log2 factor on the accents' 70 ms half width
    final: float = 0.0  # F0 movement over the last 320 ms, semitones
    rate: float = 0.0  # log2 factor on speaking rate
    pause: float = 0.0  # expected pause per word boundary, ms
    energy: float = 0.0  # level, dB
    energy_stress: float = 0.0  # extra level on stressed syllables, dB
    tilt: float = 0.0  # spectral tilt above 500 Hz, dB per octave
    breath: float = 0.0  # 0 to 1, noise mixed into voicing
    jitter: float = 0.0  # F0 change from frame to frame, as a fraction of F0
    shimmer: float = 0.0  # level change from frame to frame, dB
    tremor: float = 0.0  # F0 modulation at 5.5 to 7 Hz, semitones
    rough: float = 0.0  # 0 to 1, amplitude modulation at 50 to 90 Hz
    formant: float = 0.0  # log2 factor on the frequency axis of the envelope

    def dict(self) -> dict[str, float]:
        """Cue name to value, JSON-ready."""
        return asdict(self)


CUES = tuple(f.name for f in fields(Prosody))


def _table() -> dict[str, dict[str, float]]:
    """Column → cue → value of `data/prosody.csv`; empty cells are left out."""
    with (Path(__file__).parent / "data" / "prosody.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(row["cue"] for row in rows) == CUES
    return {name: {row["cue"]: float(row[name]) for row in rows if row[name]} for name in rows[0] if name != "cue"}


_TABLE = _table()
PROFILES: dict[str, Prosody] = {"neutral": Prosody()} | {e: Prosody(**_TABLE[e]) for e in EMOTIONS[1:]}
"""Deviations from neutral at full intensity."""
BASE = Prosody(**_TABLE["neutral"])
SPREAD = Prosody(**_TABLE["spread"])
"""How much utterances differ for reasons other than emotion (standard deviations)."""
FLOOR = _TABLE["floor"]
STYLE_SPREAD = Prosody(**_TABLE["habit"])
"""Standard deviations between the habits of talkers of domain `wild`: people speak neutrally in many ways."""
RANGES: dict[str, tuple[float, float]] = {cue: (_TABLE["low"][cue], _TABLE["high"][cue]) for cue in CUES}
"""What `sample_any` draws from: the whole span of every cue over all voices, and a margin."""
DOMAIN_WEIGHTS: dict[str, dict[str, float]] = {"a": {}, "b": _TABLE["weight_b"], "wild": {}}
"""Talkers of domain b use some cues more and others less."""
CUE_SD = 0.2

WILD_SPREAD, WILD_CUE_SD = 1.4, 0.3  # `spread` and `cue_sd` of domain `wild`

OFTEN_ABSENT = ("breath", "tremor", "rough")  # in half of all draws these are near zero, as in most voices


def sample_prosody(
    emotion: str,
    intensity: float,
    rng: np.random.Generator,
    expressivity: float = 1.0,
    domain: str = "a",
    cue_sd: float = CUE_SD,
    spread: float = 1.0,
    style: Prosody | None = None,
) -> Prosody:
    """One utterance's prosody.

    Each cue is used more or less by chance (`cue_sd`): in Brunswik's lens, cues are probabilistic and partly redundant
    (Juslin & Laukka 2003).

    Args: `intensity` 0 to 1 scales the profile; `expressivity` of the talker scales it too; `domain` "a" or "b" weighs
    the cues, and "wild" leaves them as they are; `spread` scales the differences between utterances that have nothing
    to do with emotion; `style` is a talker's habit (`sample_style`), added to every utterance.
    Raises: SynthError for an unknown emotion or domain.

    >>> sample_prosody("sad", 1.0, np.random.default_rng(0)).rate < 0
    True
    """
    if emotion not in PROFILES:
        raise SynthError(f"no vocal profile for emotion {emotion!r}; there are: {', '.join(PROFILES)}")
    if domain not in DOMAIN_WEIGHTS:
        raise SynthError(f"no domain {domain!r}; there are: {', '.join(DOMAIN_WEIGHTS)}")
    profile, weights, values = PROFILES[emotion], DOMAIN_WEIGHTS[domain], {}
    for cue in CUES:
        used = weights.get(cue, 1.0) * max(0.0, 1 + cue_sd * rng.standard_normal())
        deviation = getattr(profile, cue) * intensity * expressivity * used
        value = getattr(BASE, cue) + deviation + spread * getattr(SPREAD, cue) * rng.standard_normal()
        value += getattr(style, cue) if style is not None else 0.0
        values[cue] = float(max(value, FLOOR.get(cue, -np.inf)))
    return Prosody(**values)


def sample_style(rng: np.random.Generator) -> Prosody:
    """How a talker of domain `wild` speaks without feeling anything: deviations from the average neutral voice."""
    return Prosody(**{cue: float(getattr(STYLE_SPREAD, cue) * rng.standard_normal()) for cue in CUES})


def sample_any(rng: np.random.Generator) -> Prosody:
    """Prosody with every cue drawn on its own over its whole range: no emotion, and no cue says anything about another.

    This is what a model may hear in pre-training: all that a voice can do, in combinations that follow no emotion.
    """
    values = {}
    for cue in CUES:
        low, high = RANGES[cue]
        if cue in OFTEN_ABSENT and rng.random() < 0.5:
            high = low + 0.15 * (high - low)
        values[cue] = float(rng.uniform(low, high))
    return Prosody(**values)


def shifted(prosody: Prosody, **changes: float) -> Prosody:
    """A copy with the named cues replaced.

    >>> shifted(Prosody(), rate=0.2).rate
    0.2
    """
    unknown = set(changes) - set(CUES)
    if unknown:
        raise SynthError(f"no prosodic cue {sorted(unknown)[0]!r}; there are: {', '.join(CUES)}")
    return replace(prosody, **changes)
