"""What a voice sounds like in words, from the prosody that made it: the skill a model is taught before any emotion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emolab_synth.prosody import Prosody

# name → (cue weights, thresholds, words from low to high); thresholds give classes of like size under `sample_any`.
SCALES: dict[str, tuple[dict[str, float], tuple[float, float], tuple[str, str, str]]] = {
    "pitch": ({"f0": 1.0}, (-0.7, 3.2), ("low", "medium", "high")),
    "range": ({"range": 2.0, "accent": 0.5}, (-0.35, 1.9), ("flat", "moderate", "wide")),
    "pace": ({"rate": 1.0}, (-0.17, 0.12), ("slow", "steady", "fast")),
    "loudness": ({"energy": 1.0}, (-2.4, 3.4), ("quiet", "medium", "loud")),
    "timbre": ({"tilt": 1.0}, (-0.75, 1.0), ("dark", "even", "bright")),
    "ending": ({"final": 1.0}, (-1.2, 2.2), ("falling", "level", "rising")),
}
# quality → (cue, the value from which a voice has it); the one that exceeds its value the most wins, else "clear".
QUALITIES = {"breathy": ("breath", 0.15), "rough": ("rough", 0.15), "shaky": ("tremor", 0.40)}
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    **{name: words for name, (_, _, words) in SCALES.items()},
    "quality": ("breathy", "clear", "rough", "shaky"),
}

RANGE_WORDS = {
    "flat": ("flat", "monotone"),
    "moderate": ("moderately varied", "naturally varied"),
    "wide": ("wide-ranging", "lively"),
}
ENDING_WORDS = {
    "falling": ("falling at the end", "ending in a fall"),
    "level": ("level at the end", "with a level ending"),
    "rising": ("rising at the end", "ending in a rise"),
}


@dataclass(frozen=True)
class VoiceAttributes:
    """A voice in seven words, each relative to the talker's neutral voice; `ATTRIBUTES` lists the words of each."""

    pitch: str
    range: str
    pace: str
    loudness: str
    quality: str
    ending: str
    timbre: str

    def sentence(self, rng: np.random.Generator | None = None) -> str:
        """A readable line, worded at random from `rng`, or in its first wording without one.

        >>> VoiceAttributes("high", "wide", "fast", "loud", "clear", "rising", "bright").sentence()
        'a high, wide-ranging voice, fast and loud, bright and clear, ending in a rise'
        """

        def pick(options: tuple[str, ...], default: int = 0) -> str:
            return options[default] if rng is None else options[int(rng.integers(len(options)))]

        pitch = "mid-pitched" if self.pitch == "medium" else self.pitch
        head = f"a {pitch}, {pick(RANGE_WORDS[self.range])} voice"
        loudness = "of medium loudness" if self.loudness == "medium" else self.loudness
        pace = pick((f"{self.pace} and {loudness}", f"{loudness} and {self.pace}"))
        quality = self.quality if self.timbre == "even" else f"{self.timbre} and {self.quality}"
        ending = pick(ENDING_WORDS[self.ending], 1)
        return ", ".join((head, *pick(((pace, quality), (quality, pace))), ending))  # type: ignore[arg-type]


def scale_value(prosody: Prosody, name: str) -> float:
    """The number behind one of `SCALES`, before it is cut into words."""
    return sum(weight * getattr(prosody, cue) for cue, weight in SCALES[name][0].items())


def describe(prosody: Prosody) -> VoiceAttributes:
    """The words for a realised prosody.

    >>> describe(Prosody(f0=5.0, rate=0.3)).pitch
    'high'
    """
    words = {}
    for name, (_, thresholds, options) in SCALES.items():
        words[name] = options[int(np.searchsorted(thresholds, scale_value(prosody, name)))]
    excess = {quality: getattr(prosody, cue) / needed for quality, (cue, needed) in QUALITIES.items()}
    strongest = max(excess, key=lambda quality: excess[quality])
    return VoiceAttributes(quality=strongest if excess[strongest] >= 1 else "clear", **words)
