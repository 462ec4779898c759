"""The shipped model: small, of real classes, loadable by stock transformers; its tokenizer knows the formats."""

from __future__ import annotations

import pytest

from data_scripts.pretraining.tiny_model import TAGS
from emolab.lalm.tiny import SPECIAL_TOKENS, TINY_FOLDER

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


@pytest.mark.parametrize(
    ("cues", "stated"),
    [
        ({"f0": 5.0, "rate": 0.35, "energy": 7.0}, {"pitch": "high", "pace": "fast", "loudness": "loud"}),
        ({"f0": -3.5, "rate": -0.4, "energy": -7.0}, {"pitch": "low", "pace": "slow", "loudness": "quiet"}),
    ],
)
def test_it_hears_an_extreme_voice(cues: dict[str, float], stated: dict[str, str]) -> None:
    """The whole path from a waveform to words: most of what is plain to hear is said."""
    import numpy as np
    from emolab_course.cues import voice_attributes_in
    from emolab_synth import prosody, seeds, talkers, voice

    from emolab.lalm import load_model
    from emolab.prompts import PROMPTS
    from emolab.samples import EmotionSample

    rng, spoken, samples = np.random.default_rng(0), prosody.Prosody(**cues), []
    for who in talkers.talkers("test", "a")[::4]:
        seed = seeds.shipped(who.voice, seeds.shipped_sentences(who.voice)[0])
        dry = voice.speak(seed, spoken, rng, who.f0_shift, who.warp)
        samples.append(EmotionSample(who.id, extra={"waveform": voice.record(dry, spoken, rng)}))
    lalm = load_model("tiny-omni")
    texts = lalm.generate(lalm.encode(samples, PROMPTS["voice"]), max_new_tokens=32, greedy=True).texts
    said = [voice_attributes_in(row[0]) for row in texts]
    right = [attributes.get(name) == word for attributes in said for name, word in stated.items()]
    assert sum(right) >= 0.75 * len(right), said


def test_the_shipped_adapters_answer_with_a_rationale() -> None:
    """What `emolab predict` uses: the tiny model as emo-rl taught it, in 4 bits."""
    import numpy as np
    from emolab_synth import prosody, seeds, talkers, voice

    from emolab.emotions import EMOTIONS
    from emolab.lalm.checkpoint import load_checkpoint
    from emolab.lalm.tiny import TAUGHT_FOLDER
    from emolab.parsing import parse, parse_label
    from emolab.prompts import get_prompt
    from emolab.samples import EmotionSample

    rng, who = np.random.default_rng(0), talkers.talkers("test", "a")[0]
    seed = seeds.shipped(who.voice, seeds.shipped_sentences(who.voice)[0])
    samples = []
    for emotion in EMOTIONS:
        spoken = prosody.sample_prosody(emotion, 1.0, rng, who.expressivity)
        dry = voice.speak(seed, spoken, rng, who.f0_shift, who.warp)
        samples.append(EmotionSample(emotion, extra={"waveform": voice.record(dry, spoken, rng)}))
    lalm, info = load_checkpoint(TAUGHT_FOLDER)
    prompt = get_prompt(info["prompt"]).using(*info["modalities"])
    texts = [row[0] for row in lalm.generate(lalm.encode(samples, prompt), max_new_tokens=48, greedy=True).texts]
    assert all(parse(text).think for text in texts)
    assert sum(parse_label(text) == emotion for text, emotion in zip(texts, EMOTIONS, strict=True)) >= 4, texts
