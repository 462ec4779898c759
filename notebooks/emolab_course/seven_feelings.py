"""One sentence in several feelings, rendered while a reader waits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emolab.emotions import EMOTIONS


def seven_feelings(
    voice: str = "f08", intensity: float = 0.9, seed: int = 1, emotions: Sequence[str] = EMOTIONS
) -> tuple[str, dict[str, NDArray[np.float32]]]:
    """The text of a neutral sentence, and its 16 kHz wave (n,) in each of `emotions`, said by one shipped voice.

    `intensity` runs from 0 to 1. The same arguments give the same waves.
    """
    from emolab_synth.prosody import sample_prosody
    from emolab_synth.seeds import shipped, shipped_sentences
    from emolab_synth.text import sentence
    from emolab_synth.voice import record, speak

    said = next(known for known in shipped_sentences(voice) if sentence(known).emotion == "neutral")
    neutral, waves = shipped(voice, said), {}
    for emotion in emotions:
        rng = np.random.default_rng(seed)
        prosody = sample_prosody(emotion, intensity, rng)
        waves[emotion] = record(speak(neutral, prosody, rng), prosody, rng)
    return sentence(said).text, waves
