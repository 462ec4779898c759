"""What a description says can be read back, for every combination of classes and every wording."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from emolab_course.cues import face_attributes_in, stated_against_measured, stated_cues, voice_attributes_in
from emolab_synth import describe_face, describe_voice


def test_every_voice_description_reads_back() -> None:
    rng = np.random.default_rng(0)
    for classes in itertools.product(*describe_voice.ATTRIBUTES.values()):
        attributes = dict(zip(describe_voice.ATTRIBUTES, classes, strict=True))
        assert voice_attributes_in(describe_voice.VoiceAttributes(**attributes).sentence(rng)) == attributes


@pytest.mark.parametrize("wording", range(3))
def test_every_face_description_reads_back(wording: int) -> None:
    for classes in itertools.product(*describe_face.CLASSES.values()):
        attributes = dict(zip(describe_face.CLASSES, classes, strict=True))
        assert face_attributes_in(describe_face.FaceAttributes(**attributes).sentence(wording)) == attributes


def test_what_is_not_stated_is_left_out() -> None:
    assert voice_attributes_in("the words are calm") == {}
    assert face_attributes_in("<think>nothing to see</think>") == {}


def test_stated_cues_by_hand():
    said = ["a high, lively voice, fast and loud, clear", "a low, flat voice, slow and quiet, breathy", "who knows"]
    true = [{"pitch": "high", "pace": "fast"}, {"pitch": "high", "pace": "slow"}, {}]
    true = [{"range": "wide", "loudness": "loud", "quality": "clear", "timbre": "even"} | t for t in true]
    found = stated_cues(said, true)
    assert found["silent"] == 1 and found["by_attribute"]["pitch"] == 0.5 and found["by_attribute"]["pace"] == 1.0
    assert found["wrong"] == pytest.approx((0 + 4 / 6) / 2)
    assert stated_cues(["x"], [{}])["wrong"] is None


def test_stated_against_measured_by_hand():
    voice, words = (
        "<think>The voice is low.</think><answer>sad</answer>",
        "<think>The words are sad.</think><answer>sad</answer>",
    )
    values = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 0, 0]])
    found = stated_against_measured(
        [voice, words, "<answer>sad</answer>"], values, np.full(3, 0.1), ["a", "b", "c"], n_boot=50
    )
    assert (found["hallucination"], found["omission"], found["agreement"], found["silent"]) == (0.5, 0.5, 0.5, 1)
    assert stated_against_measured(["x"], values[:1], np.zeros(3), ["a"])["hallucination"] is None
