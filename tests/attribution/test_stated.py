"""What rationales state, by hand."""

from __future__ import annotations

import pytest

from emolab.attribution.stated import (
    evidence_sentence,
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


def test_evidence_sentences_are_read_back():
    for carriers in (["audio"], ["video", "text"], ["audio", "video", "text"]):
        text = f"<think>{evidence_sentence(carriers)}</think><answer>sad</answer>"
        assert stated_modalities(text) == set(carriers)
    assert stated_modalities(f"<think>{evidence_sentence([])}</think><answer>neutral</answer>") == set()
