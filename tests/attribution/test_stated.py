"""What rationales state, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from emolab.attribution.stated import (
    evidence_sentence,
    stated_against_measured,
    stated_modalities,
)

STRUCTURED = (
    "<think><content>neutral words</content><acoustics>pitch low, pace slow</acoustics><summary>sad</summary></think>"
    "<answer>sad</answer>"
)


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("<think>The voice is low and slow.</think><answer>sad</answer>", {"audio"}),
        ("<think>The words say so, and the brows are knitted.</think><answer>sad</answer>", {"text", "video"}),
        (STRUCTURED, {"audio"}),
        ("<answer>sad</answer>", set()),
        ("<think>It is what it is.</think><answer>sad</answer>", set()),
    ],
)
def test_what_a_rationale_states(text, stated):
    assert stated_modalities(text) == stated


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


def test_evidence_sentences_are_read_back():
    for carriers in (["audio"], ["video", "text"], ["audio", "video", "text"]):
        text = f"<think>{evidence_sentence(carriers)}</think><answer>sad</answer>"
        assert stated_modalities(text) == set(carriers)
    assert stated_modalities(f"<think>{evidence_sentence([])}</think><answer>neutral</answer>") == set()
