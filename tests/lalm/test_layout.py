"""Prompts, templates, files: what ends up in a row."""

from __future__ import annotations

from dataclasses import replace

import pytest
import soundfile
import torch
from lalm_helpers import PROMPT, samples_for, tiny_random

from data_scripts.pretraining.tiny_model import CHAT_TEMPLATE
from emolab.errors import MediaError
from emolab.lalm.layout import choose_template, messages

TEXT_ONLY = (
    "{% for m in messages %}{{ m['role'] }}: {% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for c in m['content'] %}{{ c['text'] }}{% endfor %}{% endif %}\n{% endfor %}"
)


@pytest.fixture(scope="module")
def lalm():
    return tiny_random()


def test_a_template_without_a_place_for_media_is_not_used(lalm):
    tokenizer = lalm.tokenizer
    for given, expected in ((None, "own"), (TEXT_ONLY, "own"), (CHAT_TEMPLATE, CHAT_TEMPLATE)):
        tokenizer.chat_template = given
        assert choose_template(tokenizer, "own", lalm.placeholders) == expected
    tokenizer.chat_template = None


def test_media_come_before_the_words_and_the_system_turn_first(lalm):
    conversation = messages("Be brief.", "What do you hear?", ["audio", "video"])
    assert [m["role"] for m in conversation] == ["system", "user"]
    assert [c["type"] for c in conversation[1]["content"]] == ["audio", "video", "text"]
    rendered = lalm.render("Be brief.", "What do you hear?", ["audio", "video"])
    order = ["Be brief.", "<|AUDIO|>", "<|VIDEO|>", "What do you hear?", "assistant"]
    assert sorted(order, key=rendered.index) == order and "helpful" not in rendered
    assert "You are a helpful assistant." in lalm.render("", "What?", ["audio"])


def test_a_file_and_an_array_encode_alike(lalm, tmp_path):
    sample = samples_for(lalm, 1)[0]
    path = tmp_path / "clip.wav"
    soundfile.write(path, sample.extra["waveform"], 16_000, subtype="FLOAT")
    from_file = replace(sample, audio=str(path), extra={"frames": sample.extra["frames"]})
    first, second = lalm.encode([sample], PROMPT), lalm.encode([from_file], PROMPT)
    assert torch.allclose(first.embeds, second.embeds, atol=1e-6) and first.spans == second.spans
    with pytest.raises(MediaError, match=r"gone\.wav: no such file"):
        lalm.encode([replace(from_file, audio=str(tmp_path / "gone.wav"))], PROMPT)


def test_prompts_show_only_their_modalities(lalm):
    sample = samples_for(lalm, 1)[0]
    for modalities in (("audio",), ("video",), ("text",), ("audio", "text")):
        batch = lalm.encode([sample], PROMPT.using(*modalities))
        assert {s.modality for s in batch.spans[0]} == set(modalities)
    silent = lalm.encode([sample], PROMPT.using("audio"), absent=("audio",))
    loud = lalm.encode([sample], PROMPT.using("audio"))
    at = loud.positions_of(0, "audio")
    assert torch.equal(silent.input_ids, loud.input_ids)
    assert (silent.embeds[0, at] - loud.embeds[0, at]).abs().max() > 1e-3
    text = loud.mask[0].bool() & ~loud.media[0]
    assert torch.equal(silent.embeds[0, text], loud.embeds[0, text])
