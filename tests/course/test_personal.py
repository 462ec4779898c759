"""Adapting to one voice: from a few recordings of a talker whose habits the model never met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from emolab_course.personal import adapt
from emolab_synth import prosody, seeds, talkers
from emolab_synth.channel import Channel, record_wild
from emolab_synth.voice import Room, speak

from emolab.errors import EvaluationError
from emolab.samples import EmotionSample

pytest.importorskip("torch")
LABELS = ("angry", "sad", "neutral")


def recordings(n: int, first: int) -> list[EmotionSample]:
    """`n` recordings of each label by one high, quiet, lively talker over one microphone."""
    who = talkers.talkers("test", "wild")[0]
    style = prosody.Prosody(f0=4, range=0.5, energy=-6)
    names = seeds.shipped_sentences(who.voice)
    found = []
    for k in range(n):
        for label in LABELS:
            rng = np.random.default_rng([first + k, LABELS.index(label)])
            spoken = prosody.sample_prosody(label, 0.9, rng, style=style)
            dry = speak(seeds.shipped(who.voice, names[(first + k) % 12]), spoken, rng, who.f0_shift, who.warp)
            wave = record_wild(dry, spoken, rng, Room(), Channel(level_db=-18, high_hz=4500))
            found.append(EmotionSample(f"{label}-{first + k}", emotion=label, extra={"waveform": wave}))
    return found


@pytest.fixture(scope="module")
def lalm() -> object:
    from emolab.lalm import load_model

    return load_model("tiny-omni")


def test_a_few_recordings_of_a_voice_are_enough(lalm: object) -> None:
    mine = adapt(lalm, recordings(4, 0))  # type: ignore[arg-type]
    new = recordings(4, 4)
    right = [said == sample.emotion for said, sample in zip(mine.predict(new), new, strict=True)]
    assert np.mean(right) > 0.6 and mine.checked > 0.5 and mine.chance == pytest.approx(1 / 3)
    assert mine.labels == tuple(sorted(LABELS))
    assert all(sum(row.values()) == pytest.approx(1) and set(row) == set(LABELS) for row in mine.scores(new[:2]))


def test_labels_that_say_nothing_are_found_out(lalm: object) -> None:
    shuffled = recordings(4, 0)
    names = np.random.default_rng(1).permutation([s.emotion for s in shuffled])
    mine = adapt(lalm, [replace(s, emotion=str(e)) for s, e in zip(shuffled, names, strict=True)])  # type: ignore[arg-type]
    assert mine.checked < 0.6


def test_what_cannot_be_learned_is_refused(lalm: object) -> None:
    some = recordings(2, 0)
    with pytest.raises(EvaluationError, match="2 recordings of each"):
        adapt(lalm, some[:4])  # type: ignore[arg-type]
    with pytest.raises(EvaluationError, match="has no emotion"):
        adapt(lalm, [*some, replace(some[0], id="mute", emotion=None)])  # type: ignore[arg-type]
    with pytest.raises(EvaluationError, match="two labels"):
        adapt(lalm, [s for s in some if s.emotion == "sad"])  # type: ignore[arg-type]
