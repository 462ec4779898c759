"""Controls: the same evaluation on inputs from which one kind of evidence was taken.

A score means little without them: much of what audio models seem to hear is read from the transcript (LISTEN, arXiv
2510.10444).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from emolab.errors import EvaluationError
from emolab.samples import EmotionSample

CONTROLS = ("silent", "swapped", "shuffled", "no_transcript", "no_video")
SILENCE_SECONDS = 2.0
SAMPLE_RATE = 16_000
Fits = Callable[[NDArray[np.int_], NDArray[np.int_]], NDArray[np.bool_]]


def silence() -> NDArray[np.float32]:
    """The waveform that replaces every voice under the control "silent"."""
    return np.zeros(int(SILENCE_SECONDS * SAMPLE_RATE), np.float32)


def apply_control(samples: Sequence[EmotionSample], control: str | None, seed: int = 0) -> list[EmotionSample]:
    """The samples (with absolute media paths) under one of CONTROLS; None returns them as they are.

    A control takes from a sample only what it has, and gives nothing that it had not: a clip without a voice keeps
    none. "swapped" and "shuffled" deal the voices among the samples that have one, and note the donor under
    `extra["donor"]` and its emotion under `extra["donor_emotion"]`. Raises EvaluationError on an unknown control, or
    when no donor exists.
    """
    if control is None:
        return list(samples)
    if control == "silent":
        return [with_audio(s, None, silence()) if s.has("audio") else s for s in samples]
    if control == "no_transcript":
        return [replace(s, text=None) for s in samples]
    if control == "no_video":
        return [replace(s, video=None, extra={k: v for k, v in s.extra.items() if k != "frames"}) for s in samples]
    if control in ("swapped", "shuffled"):
        voices = [s for s in samples if s.has("audio")]
        donors = iter(donors_for(voices, other_emotion=control == "swapped", seed=seed))
        return [_swap(s, voices[next(donors)]) if s.has("audio") else s for s in samples]
    raise EvaluationError(f"unknown control {control!r}; choose from {', '.join(CONTROLS)}")


def possible_controls(
    samples: Sequence[EmotionSample],
    controls: Sequence[str],
    seed: int = 0,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[str, ...]:
    """Those of `controls` that can be made of these samples; `say` is told why another cannot.

    Exchanging voices needs two speakers, and for "swapped" two emotions.
    """
    found = []
    for control in controls:
        try:
            apply_control(samples, control, seed)
        except EvaluationError as error:
            if control not in CONTROLS:
                raise
            say(f"control {control} is left out: {error}")
        else:
            found.append(control)
    return tuple(found)


def with_audio(
    sample: EmotionSample, path: str | None, waveform: NDArray[np.float32] | None = None, **noted: object
) -> EmotionSample:
    """The sample with another voice: a file, or a waveform (n,) at 16 kHz; `noted` goes into `extra`."""
    extra = {k: v for k, v in sample.extra.items() if k not in ("waveform", "audio_window")} | noted
    return replace(sample, audio=path, extra=extra if waveform is None else extra | {"waveform": waveform})


def _swap(sample: EmotionSample, donor: EmotionSample) -> EmotionSample:
    noted = {"donor": donor.id, "donor_emotion": donor.emotion}
    if "audio_window" in donor.extra:
        noted["audio_window"] = donor.extra["audio_window"]
    return with_audio(sample, donor.audio, donor.extra.get("waveform"), **noted)


def donors_for(samples: Sequence[EmotionSample], other_emotion: bool, seed: int = 0) -> NDArray[np.int_]:
    """Index of the sample whose voice each sample gets: never its own speaker's and, on demand, never of its own
    emotion.

    A permutation, so that the set of voices stays the same; where none exists (one emotion is more than half of the
    samples), donors are drawn with replacement. Samples without a speaker count as speakers of their own. Raises
    EvaluationError when a sample has no donor.
    """
    speakers = np.array([s.speaker or f"\0{i}" for i, s in enumerate(samples)])
    emotions = np.array([str(s.emotion) for s in samples])

    def fits(i: NDArray[np.int_], d: NDArray[np.int_]) -> NDArray[np.bool_]:
        return (speakers[i] != speakers[d]) & (~np.bool_(other_emotion) | (emotions[i] != emotions[d]))

    rng = np.random.default_rng(seed)
    everyone = np.arange(len(samples))
    donors = rng.permutation(len(samples))
    for _ in range(200):
        wrong = np.flatnonzero(~fits(everyone, donors))
        if not len(wrong):
            return donors
        for i in wrong:
            j = rng.integers(len(samples))
            if fits(np.array([i, j]), donors[[j, i]]).all():
                donors[[i, j]] = donors[[j, i]]
    return _with_replacement(samples, fits, rng)


def _with_replacement(samples: Sequence[EmotionSample], fits: Fits, rng: np.random.Generator) -> NDArray[np.int_]:
    everyone = np.arange(len(samples))
    donors = np.empty(len(samples), int)
    for i, sample in enumerate(samples):
        candidates = everyone[fits(np.full(len(samples), i), everyone)]
        if not len(candidates):
            raise EvaluationError(
                f"{sample.id}: no sample of another speaker (and emotion, for 'swapped') to take a voice from; "
                "evaluate on more speakers or choose the control 'silent'"
            )
        donors[i] = rng.choice(candidates)
    return donors
