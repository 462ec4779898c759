"""Qwen3-ASR at its real sizes of vocabulary and mel, against transformers' own processor and its published form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

from benchmarks.rehearse.standin import write_standin
from benchmarks.tiny_models import noise_samples, tiny_random
from emolab.lalm import load_model
from emolab.lalm.layout import choose_template
from emolab.prompts import get_prompt
from emolab.samples import EmotionSample

PUBLISHED = (
    "<|im_start|>system\n{words}<|im_end|>\n<|im_start|>user\n<|audio_start|><|audio_pad|><|audio_end|><|im_end|>\n"
    "<|im_start|>assistant\n"
)
"""What the template of the checkpoint writes for a context and a clip; it has no place for words in a user's turn."""
SOUND_ALONE = (
    "{% for m in messages %}{% if m['role'] == 'user' %}<|im_start|>user\n<|audio_start|><|audio_pad|><|audio_end|>"
    "<|im_end|>\n{% endif %}{% endfor %}"
)


@pytest.fixture(scope="module")
def lalm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asr")
    return load_model(write_standin(folder, "Qwen/Qwen3-ASR-1.7B-hf", 2, True), device="cpu")


def test_special_tokens_are_at_their_published_ids(lalm):
    tokens = ("<|audio_start|>", "<|audio_end|>", "<|audio_pad|>", "<asr_text>")
    assert lalm.tokenizer.convert_tokens_to_ids(list(tokens)) == [151669, 151670, 151676, 151704]
    assert lalm.eos_ids == [151643, 151645] and lalm.end_id == 151645


def test_a_prompt_has_the_published_form(lalm):
    prompt = get_prompt("direct")
    assert lalm.render(prompt.system, "What is heard?", ["audio"]) == PUBLISHED.format(
        words=f"{prompt.system}\nWhat is heard?" if prompt.system else "What is heard?"
    )


@pytest.mark.parametrize("samples", [3_000, 8_000, 15_900, 16_000, 40_123])
def test_ids_features_and_logits_are_those_of_transformers_processor(lalm, samples):
    """Short clips, clips of whole and of broken chunks."""
    rng = np.random.default_rng(samples)
    sample = EmotionSample("a", extra={"waveform": rng.standard_normal(samples).astype(np.float32) * 0.1})
    prompt = get_prompt("direct").using("audio")
    batch = lalm.encode([sample], prompt)
    for name, token in lalm.named_tokens.items():
        setattr(lalm.tokenizer, name, token)
    processor = transformers.Qwen3ASRProcessor(lalm.feature_extractor, lalm.tokenizer)
    text = lalm.render(prompt.system, prompt.text(sample), ["audio"])
    x = processor(text=[text], audio=[sample.extra["waveform"]])
    assert x["input_ids"][0].tolist() == batch.input_ids[0].tolist()
    with torch.no_grad():
        theirs = lalm.base(**x).logits[0, -1]
        embeds = torch.where(batch.media[..., None], batch.embeds, lalm.table(batch.input_ids))
        ours = lalm.base(inputs_embeds=embeds, attention_mask=batch.mask).logits[0, -1]
    assert (ours - theirs).abs().max() < 1e-5


def test_a_published_template_without_a_place_for_words_is_not_taken():
    lalm = tiny_random("qwen3_asr")
    lalm.tokenizer.chat_template = SOUND_ALONE
    assert choose_template(lalm.tokenizer, lalm.chat_template, lalm.placeholders) == lalm.chat_template
    assert lalm.encode(noise_samples(1), get_prompt("direct")).input_ids.shape[1] > 20
