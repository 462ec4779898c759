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

from dataclasses import asdict, dataclass, fields, replace

import numpy as np

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

# Deviations from neutral at full intensity.
PROFILES: dict[str, Prosody] = {
    "neutral": Prosody(),
    "happy": Prosody(
        f0=4.03,
        range=0.84,
        slope=0.9,
        accent=2.46,
        accent_width=0.34,
        final=1.68,
        rate=0.16,
        pause=-6,
        energy=4.48,
        energy_stress=2.24,
        tilt=1.01,
        breath=0.02,
        jitter=-0.003,
        shimmer=-0.22,
        formant=0.05,
    ),
    "sad": Prosody(
        f0=-2.02,
        range=-1.06,
        slope=-1.79,
        accent=-0.45,
        final=-1.68,
        rate=-0.36,
        pause=50,
        energy=-5.6,
        energy_stress=-1.12,
        tilt=-1.79,
        breath=0.25,
        jitter=0.007,
        shimmer=0.45,
        tremor=0.13,
        formant=-0.011,
    ),
    "angry": Prosody(
        f0=3.36,
        range=0.67,
        slope=-0.34,
        accent=3.14,
        accent_width=-0.67,
        final=-2.24,
        rate=0.2,
        pause=-9,
        energy=7.28,
        energy_stress=4.48,
        tilt=2.24,
        jitter=0.011,
        shimmer=0.9,
        rough=0.31,
    ),
    "fearful": Prosody(
        f0=4.93,
        range=-0.39,
        slope=1.12,
        accent=0.34,
        final=0.9,
        rate=0.27,
        pause=31,
        energy_stress=1.68,
        tilt=-0.56,
        breath=0.18,
        jitter=0.016,
        shimmer=1.12,
        tremor=0.84,
        formant=0.017,
    ),
    "disgusted": Prosody(
        f0=-1.79,
        range=0.28,
        slope=-1.34,
        accent=1.12,
        accent_width=0.67,
        final=-3.58,
        rate=-0.29,
        pause=20,
        energy=-0.56,
        energy_stress=1.68,
        tilt=-0.11,
        jitter=0.01,
        shimmer=0.67,
        rough=0.25,
        formant=-0.056,
    ),
    "surprised": Prosody(
        f0=4.7,
        range=1.06,
        slope=1.34,
        accent=4.03,
        accent_width=0.78,
        final=5.6,
        rate=-0.03,
        energy=2.8,
        energy_stress=2.24,
        tilt=0.34,
        breath=0.09,
        jitter=0.002,
        formant=0.011,
    ),
}

# A neutral voice, and how much utterances differ for reasons other than emotion (standard deviations).
BASE = Prosody(jitter=0.004, shimmer=0.4, breath=0.04, pause=8)
SPREAD = Prosody(
    f0=0.56,
    range=0.11,
    slope=0.47,
    accent=0.36,
    accent_width=0.1,
    final=0.63,
    rate=0.052,
    pause=4.2,
    energy=1.3,
    energy_stress=0.42,
    tilt=0.31,
    breath=0.021,
    jitter=0.001,
    shimmer=0.1,
    tremor=0.025,
    rough=0.015,
    formant=0.0063,
)
FLOOR = {"pause": 0.0, "breath": 0.0, "jitter": 0.001, "shimmer": 0.1, "tremor": 0.0, "rough": 0.0}
CUE_SD = 0.2

# Talkers of domain b use some cues more and others less.
DOMAIN_WEIGHTS: dict[str, dict[str, float]] = {
    "a": {},
    "b": {
        "f0": 0.85,
        "range": 1.15,
        "accent": 0.8,
        "rate": 1.2,
        "energy": 0.75,
        "tilt": 0.85,
        "rough": 0.85,
        "tremor": 1.15,
    },
    "wild": {},
}

# Standard deviations between the habits of talkers of domain `wild`: people speak neutrally in many ways.
STYLE_SPREAD = Prosody(
    f0=0.9,
    range=0.4,
    slope=0.8,
    accent=0.8,
    accent_width=0.2,
    final=1.3,
    rate=0.14,
    pause=12,
    energy=2.0,
    energy_stress=0.9,
    tilt=0.8,
    breath=0.06,
    jitter=0.003,
    shimmer=0.25,
    tremor=0.06,
    rough=0.05,
    formant=0.01,
)
WILD_SPREAD, WILD_CUE_SD = 1.4, 0.3  # `spread` and `cue_sd` of domain `wild`

# What `sample_any` draws from: the whole span of every cue over all voices, and a margin.
RANGES: dict[str, tuple[float, float]] = {
    "f0": (-4.5, 7.0),
    "range": (-1.4, 1.4),
    "slope": (-3.0, 3.0),
    "accent": (-1.0, 5.0),
    "accent_width": (-0.9, 1.0),
    "final": (-5.0, 6.5),
    "rate": (-0.5, 0.45),
    "pause": (0.0, 70.0),
    "energy": (-8.5, 9.5),
    "energy_stress": (-2.0, 5.5),
    "tilt": (-2.7, 3.0),
    "breath": (0.0, 0.35),
    "jitter": (0.001, 0.024),
    "shimmer": (0.1, 1.8),
    "tremor": (0.0, 1.1),
    "rough": (0.0, 0.42),
    "formant": (-0.08, 0.07),
}
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
