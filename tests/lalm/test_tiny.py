"""The shipped model: small, of real classes, loadable by stock transformers; its tokenizer knows the formats."""

from __future__ import annotations

import pytest

from emolab.lalm.tiny import SPECIAL_TOKENS, TAGS, TINY_FOLDER

torch = pytest.importorskip("torch")
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def stock() -> tuple[object, object]:
    from transformers import AutoTokenizer, Qwen2_5OmniThinkerForConditionalGeneration

    model = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(TINY_FOLDER, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(TINY_FOLDER)


def test_it_is_tiny(stock: tuple) -> None:
    model, _ = stock
    assert sum(p.numel() for p in model.parameters()) <= 6_000_000
    assert sum(f.stat().st_size for f in TINY_FOLDER.rglob("*")) <= 12 * MEGABYTE


def test_both_towers_are_there_and_finite(stock: tuple) -> None:
    model, _ = stock
    assert len(model.model.audio_tower.layers) > 0 and len(model.model.visual.blocks) > 0
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_every_tag_and_special_token_is_one_token(stock: tuple) -> None:
    _, tokenizer = stock
    for token in (*TAGS, *SPECIAL_TOKENS):
        assert len(tokenizer(token, add_special_tokens=False)["input_ids"]) == 1, token


def test_tags_survive_decoding_and_special_tokens_do_not(stock: tuple) -> None:
    _, tokenizer = stock
    text = "<think><content>the words are calm</content></think><answer>sad</answer>"
    ids = tokenizer(text + "<|im_end|>", add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_it_transcribes_a_training_talker() -> None:
    """A check of the whole path on a clip it should find easy: most words of the sentence are written."""
    import numpy as np

    from emolab.lalm import load_model
    from emolab.prompts import PROMPTS
    from emolab.samples import EmotionSample
    from emolab.synth import prosody, seeds, talkers, voice

    rng, who = np.random.default_rng(0), talkers.talkers("train", "a")[0]
    said = seeds.shipped_sentences(who.voice)[0]
    dry = voice.speak(seeds.shipped(who.voice, said), prosody.Prosody(), rng, who.f0_shift, who.warp)
    sample = EmotionSample("clip", extra={"waveform": voice.record(dry, prosody.Prosody(), rng)})
    lalm = load_model("tiny-omni")
    text = lalm.generate(lalm.encode([sample], PROMPTS["transcribe"]), max_new_tokens=24, greedy=True).texts[0][0]
    words = seeds.index()[who.voice]["sentences"][said]["text"].lower().strip(".").split()
    assert sum(word in text.lower() for word in words) >= len(words) / 2, text
