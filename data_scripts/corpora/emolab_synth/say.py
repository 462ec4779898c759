"""Say something with an emotion: one call from a text, or from a shipped sentence, to a recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emolab.errors import SynthError
from emolab_synth import seeds
from emolab_synth.espeak import synth_bank
from emolab_synth.prosody import Prosody, sample_prosody
from emolab_synth.talkers import TALKERS, VOICES, Talker, talker
from emolab_synth.voice import Room, record, sample_room, speak


@dataclass(frozen=True)
class Said:
    """A recording (n,) float32 at 16 kHz, and what it was made from."""

    wave: np.ndarray
    text: str
    talker: str
    prosody: Prosody


def _who(name: str | None, sentence: str | None) -> Talker:
    """The talker asked for, or the first one who says the shipped sentence."""
    if name is not None:
        return talker(name)
    able = [t for t in TALKERS.values() if sentence is None or sentence in seeds.index().get(t.voice, {})]
    if not able:
        known = sorted({s for voice in seeds.index().values() for s in voice})
        raise SynthError(
            f"no shipped sentence {sentence!r}; there are {len(known)}, such as {known[0]!r} and {known[-1]!r}"
        )
    return able[0]


def _neutral(text: str | None, sentence: str | None, voice: str) -> tuple[seeds.Seed, str]:
    if sentence is not None:
        return seeds.shipped(voice, sentence), seeds.index()[voice][sentence]["text"]
    if text is None or not any(c.isalnum() for c in text):
        raise SynthError("there is nothing to say: give a text with words in it, or the id of a shipped sentence")
    base = VOICES[voice]
    return seeds.analyse(seeds.as_shipped(synth_bank(base.espeak, base.rate, [text]))[0], f"{text!r}"), text


def say(
    text: str | None = None,
    emotion: str = "neutral",
    intensity: float = 0.8,
    sentence: str | None = None,
    by: str | None = None,
    seed: int = 0,
    studio: bool = False,
) -> Said:
    """Say `text` (needs the extra `voices`), or the shipped `sentence` of that id (needs nothing), with an emotion.

    Args: `intensity` 0 to 1; `by` a talker's id; `seed` draws how the cues are used and where it is recorded; `studio`
    is no room and no noise.
    Raises: SynthError for an unknown emotion, talker or sentence, an intensity out of range, a text without words, or a
    new text without espeak-ng.

    >>> say(sentence="a-neu-test-00", emotion="sad").wave.dtype
    dtype('float32')
    """
    if not 0 <= intensity <= 1:
        raise SynthError(f"intensity is between 0 (neutral) and 1 (full), got {intensity}")
    who = _who(by, sentence)
    rng = np.random.default_rng(seed)
    prosody = sample_prosody(emotion, intensity, rng, who.expressivity, who.domain)
    neutral, words = _neutral(text, sentence, who.voice)
    wave = speak(neutral, prosody, rng, who.f0_shift, who.warp)
    room = Room(snr_db=None) if studio else sample_room(rng, who.domain)
    return Said(record(wave, prosody, rng, room), words, who.id, prosody)
