"""What each family's prompt looks like to its published model, beside what transformers states of it.

Facts are read off transformers where it holds them as code: Qwen2-Audio's template, ids in configuration classes, the
ends in Qwen3-ASR's configuration and in Qwen3-Omni's `generate`. What its repository holds in tests and converters is
written down here as rendered text: `tests/models/*/test_processing_*.py` and `test_modeling_*.py`,
`convert_qwen3_asr_to_hf.py`, `convert_audioflamingo3_to_hf.py`. Voxtral's form is that of mistral-common's tests.

Not checkable without a network: the merges of the published tokenizers; the whole chat templates of both Omni models
(transformers' tests show the beginning of a prompt); the published `generation_config.json` of Qwen2-Audio,
Qwen2.5-Omni and Voxtral; Voxtral's prompt as mistral-common itself writes it, which is not installed here.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
import torch
import transformers
from lalm_helpers import PROMPT, samples_for, tiny_random

from benchmarks.rehearse.standin import write_standin
from emolab.lalm import load_model
from emolab.lalm.layout import messages

HELPFUL = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
ANSWER = "<|im_end|>\n<|im_start|>assistant\n"
SPEAKER = "You are Qwen, a virtual human"
"""What the Omni models want as system prompt where they shall speak."""

# name: (prompt without a system text, with one; special ids in its order, the audio's once; ends, end of an answer)
PUBLISHED: dict[str, tuple[str, str, list[int], list[int], int]] = {
    "Qwen/Qwen2-Audio-7B-Instruct": (
        f"{HELPFUL}<|im_start|>user\nAudio 1: <|audio_bos|><|AUDIO|><|audio_eos|>\nWhat is heard?{ANSWER}",
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nAudio 1: <|audio_bos|><|AUDIO|><|audio_eos|>\n"
        f"What is heard?{ANSWER}",
        [151644, 151645, 151644, 151647, 151646, 151648, 151645, 151644],
        [151643, 151645],
        151645,
    ),
    "Qwen/Qwen2.5-Omni-3B": (
        f"{HELPFUL}<|im_start|>user\n<|audio_bos|><|AUDIO|><|audio_eos|>What is heard?{ANSWER}",
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<|audio_bos|><|AUDIO|><|audio_eos|>"
        f"What is heard?{ANSWER}",
        [151644, 151645, 151644, 151647, 151646, 151648, 151645, 151644],
        [151645],
        151645,
    ),
    "Qwen/Qwen3-Omni-30B-A3B-Instruct": (
        f"<|im_start|>user\n<|audio_start|><|audio_pad|><|audio_end|>What is heard?{ANSWER}",
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<|audio_start|><|audio_pad|><|audio_end|>"
        f"What is heard?{ANSWER}",
        [151644, 151669, 151675, 151670, 151645, 151644],
        [151643, 151645],
        151645,
    ),
    "Qwen/Qwen3-ASR-1.7B-hf": (
        "<|im_start|>system\nWhat is heard?<|im_end|>\n<|im_start|>user\n<|audio_start|><|audio_pad|><|audio_end|>"
        f"{ANSWER}",
        "<|im_start|>system\nBe brief.\nWhat is heard?<|im_end|>\n<|im_start|>user\n"
        f"<|audio_start|><|audio_pad|><|audio_end|>{ANSWER}",
        [151644, 151645, 151644, 151669, 151676, 151670, 151645, 151644],
        [151643, 151645],
        151645,
    ),
    "nvidia/audio-flamingo-3-hf": (
        f"{HELPFUL}<|im_start|>user\n<sound>What is heard?{ANSWER}",
        f"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<sound>What is heard?{ANSWER}",
        [151644, 151645, 151644, 151669, 151645, 151644],
        [151643, 151645],
        151645,
    ),
    "mistralai/Voxtral-Mini-3B-2507": (
        "<s>[INST][BEGIN_AUDIO][AUDIO]What is heard?[/INST]",
        "<s>[INST][BEGIN_AUDIO][AUDIO]Be brief.\n\nWhat is heard?[/INST]",  # mistral-common: no system beside a sound
        [1, 3, 25, 24, 4],
        [2],
        2,
    ),
}


@pytest.fixture(scope="module", params=PUBLISHED)
def made(request: Any, tmp_path_factory: Any) -> tuple[str, Any]:
    """A published model's name and its narrow stand-in, which has the vocabulary's size and the special tokens."""
    folder = write_standin(tmp_path_factory.mktemp("model"), request.param, 1, True)
    return request.param, load_model(folder, device="cpu")


def test_a_prompt_has_the_published_form(made: tuple[str, Any]) -> None:
    name, lalm = made
    plain, told, special, _, _ = PUBLISHED[name]
    assert lalm.render("", "What is heard?", ["audio"]) == plain
    assert lalm.render("Be brief.", "What is heard?", ["audio"]) == told
    ids = lalm.tokenizer(plain, add_special_tokens=False)["input_ids"]
    kept = [i for i in ids if i < 100 or i >= 151_643] if "Voxtral" in name else [i for i in ids if i >= 151_643]
    assert kept == special


def test_ends_are_the_published_ones(made: tuple[str, Any]) -> None:
    name, lalm = made
    _, _, _, ends, end = PUBLISHED[name]
    assert lalm.eos_ids == ends and lalm.end_id == end


STATED: dict[str, list[tuple[str, dict[str, str]]]] = {
    "Qwen/Qwen2-Audio-7B-Instruct": [("Qwen2AudioConfig", {"audio_token_index": "<|AUDIO|>"})],
    "Qwen/Qwen2.5-Omni-3B": [
        (
            "Qwen2_5OmniThinkerConfig",
            {
                "audio_token_index": "<|AUDIO|>",
                "video_token_index": "<|VIDEO|>",
                "image_token_index": "<|IMAGE|>",
                "audio_start_token_id": "<|audio_bos|>",
                "audio_end_token_id": "<|audio_eos|>",
            },
        )
    ],
    "Qwen/Qwen3-Omni-30B-A3B-Instruct": [
        ("Qwen3OmniMoeConfig", {"im_start_token_id": "<|im_start|>", "im_end_token_id": "<|im_end|>"}),
        ("Qwen3OmniMoeTalkerConfig", {"audio_start_token_id": "<|audio_start|>"}),
    ],
    "Qwen/Qwen3-ASR-1.7B-hf": [("Qwen3ASRConfig", {"audio_token_id": "<|audio_pad|>", "pad_token_id": "<|im_end|>"})],
    "nvidia/audio-flamingo-3-hf": [("AudioFlamingo3Config", {"audio_token_id": "<sound>"})],
    "mistralai/Voxtral-Mini-3B-2507": [],
}


def test_tokens_are_at_the_ids_that_the_configuration_classes_state(made: tuple[str, Any]) -> None:
    name, lalm = made
    for kind, tokens in STATED[name]:
        config_class = getattr(transformers, kind, None) or getattr(transformers.models.qwen3_omni_moe, kind)
        stated = config_class()
        assert {key: getattr(stated, key) for key in tokens} == {
            key: lalm.tokenizer.convert_tokens_to_ids(token) for key, token in tokens.items()
        }


def test_qwen2_audios_template_is_the_processors() -> None:
    lalm = tiny_random("qwen2_audio")
    template = transformers.Qwen2AudioProcessor.default_chat_template.fget(None)
    for system in ("", "Be brief."):
        theirs = lalm.tokenizer.apply_chat_template(
            messages(system, "What is heard?", ["audio"]),
            chat_template=template,
            tokenize=False,
            add_generation_prompt=True,
        )
        assert lalm.render(system, "What is heard?", ["audio"]) == theirs


def test_the_ends_that_transformers_states_as_code() -> None:
    told = inspect.signature(transformers.Qwen3OmniMoeForConditionalGeneration.generate).parameters
    assert told["thinker_eos_token_id"].default == PUBLISHED["Qwen/Qwen3-Omni-30B-A3B-Instruct"][4]
    assert sorted(transformers.Qwen3ASRConfig().eos_token_id) == PUBLISHED["Qwen/Qwen3-ASR-1.7B-hf"][3]


@pytest.mark.parametrize("family", ["qwen2_5_omni", "qwen3_omni"])
def test_an_omni_model_is_not_asked_to_speak(family: str) -> None:
    """Its system prompt for speech is for the talker, which is not loaded; a prompt may still bring it."""
    lalm = tiny_random(family)
    assert SPEAKER not in lalm.render("", "What is heard?", ["audio"])
    assert lalm.render(f"{SPEAKER}.", "What?", ["audio"]).startswith(f"<|im_start|>system\n{SPEAKER}.<|im_end|>")


def test_a_published_template_for_text_that_joins_strings_is_passed_over(tmp_path: Any) -> None:
    """As the converter gives Audio Flamingo 3's tokenizer one beside the processor's: a list of parts breaks it."""
    folder = write_standin(tmp_path, "nvidia/audio-flamingo-3-hf", 1, True)
    path = folder / "tokenizer_config.json"
    joined = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' }}{% endfor %}"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": joined}))
    lalm = load_model(folder, device="cpu")
    assert lalm.tokenizer.chat_template == joined and lalm.template == lalm.chat_template


def test_of_a_published_generation_config_only_the_ends_are_used() -> None:
    """Audio Flamingo 3's has a repetition penalty, Qwen2-Audio's a low temperature: a rollout must be the policy's."""
    lalm = tiny_random("qwen2_audio")
    batch = lalm.encode(samples_for(lalm, 2), PROMPT)
    plain = lalm.generate(batch, n=2, max_new_tokens=6, seed=1)
    lalm.base.generation_config.update(do_sample=True, temperature=0.1, top_p=0.5, top_k=20, repetition_penalty=5.0)
    again = lalm.generate(batch, n=2, max_new_tokens=6, seed=1)
    assert torch.equal(again.ids, plain.ids) and torch.equal(again.logprobs, plain.logprobs)
    lalm.base.generation_config.eos_token_id = [int(plain.ids[0, 0, 1])]
    short = lalm.generate(batch, n=2, max_new_tokens=6, seed=1)
    assert int(short.mask[0, 0].sum()) <= 2 < int(plain.mask[0, 0].sum())
