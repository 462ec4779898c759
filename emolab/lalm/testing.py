"""Tiny random instances of the real classes, for tests of everything that needs a model. Nothing here is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from emolab.lalm.base import LALM
from emolab.samples import EmotionSample

TEXTS = (
    "well I did not expect that at all",
    "the train leaves at nine",
    "give it back to me now",
    "she said it would be fine",
)
CORPUS = (
    "<think> the voice is high and fast </think> <answer> happy sad angry fearful disgusted surprised neutral "
    "</answer> user "
    'assistant What does the speaker feel? Choose one of: The words: "" Reply with emotion. Describe the '
    "voice. "
    "Transcribe system You are a helpful assistant. Audio 1: ",
    *TEXTS,
)


def tiny_tokenizer(special: Sequence[str] = ()) -> Any:
    """A byte-level BPE of about 400 tokens, with ChatML's tokens, media placeholders and any other `special` ones."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer, core.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    reserved = [
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|AUDIO|>",
        "<|audio_bos|>",
        "<|audio_eos|>",
        "<|IMAGE|>",
        "<|VIDEO|>",
        "<|vision_bos|>",
        "<|vision_eos|>",
    ]
    core.train_from_iterator(
        [" ".join(CORPUS)] * 9,
        trainers.BpeTrainer(
            vocab_size=420,
            special_tokens=[*reserved, *special],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left"
    )


def _whisper(seconds: int, mels: int = 128) -> Any:
    from transformers import WhisperFeatureExtractor

    return WhisperFeatureExtractor(feature_size=mels, chunk_length=seconds)


def _qwen2_5_omni(hidden: int, layers: int) -> LALM:
    from transformers import Qwen2_5OmniThinkerConfig, Qwen2_5OmniThinkerForConditionalGeneration

    from emolab.lalm.qwen2_5_omni import Qwen25Omni

    tokenizer = tiny_tokenizer()
    token = tokenizer.convert_tokens_to_ids
    half = hidden // 4 // 2
    time = half // 4
    height = (half - time) // 2
    config = Qwen2_5OmniThinkerConfig(
        audio_config={
            "d_model": 32,
            "encoder_layers": 2,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "output_dim": hidden,
            "num_mel_bins": 128,
            "n_window": 50,
            "max_source_positions": 200,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "patch_size": 8,
            "out_hidden_size": hidden,
            "fullatt_block_indexes": [1],
            "window_size": 32,
        },
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": hidden,
            "intermediate_size": 2 * hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e4,
                "mrope_section": [time, height, half - time - height],
            },
        },
        audio_token_index=token("<|AUDIO|>"),
        image_token_index=token("<|IMAGE|>"),
        video_token_index=token("<|VIDEO|>"),
        audio_start_token_id=token("<|audio_bos|>"),
        audio_end_token_id=token("<|audio_eos|>"),
        user_token_id=token("<|im_start|>"),
    )
    config.vision_start_token_id, config.vision_end_token_id = token("<|vision_bos|>"), token("<|vision_eos|>")
    model = Qwen2_5OmniThinkerForConditionalGeneration(config)
    return Qwen25Omni(_answering(model, tokenizer), tokenizer, _whisper(8), "tiny-random-qwen2_5_omni")


def _qwen2_audio(hidden: int, layers: int) -> LALM:
    from transformers import Qwen2AudioConfig, Qwen2AudioForConditionalGeneration

    from emolab.lalm.qwen2_audio import Qwen2Audio

    tokenizer = tiny_tokenizer()
    config = Qwen2AudioConfig(
        audio_config={
            "d_model": 32,
            "encoder_layers": 2,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "num_mel_bins": 128,
            "max_source_positions": 200,
        },
        text_config={
            "model_type": "qwen2",
            "vocab_size": len(tokenizer),
            "hidden_size": hidden,
            "intermediate_size": 2 * hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "pad_token_id": tokenizer.pad_token_id,
        },
        audio_token_index=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
    )
    return Qwen2Audio(
        _answering(Qwen2AudioForConditionalGeneration(config), tokenizer),
        tokenizer,
        _whisper(4),
        "tiny-random-qwen2_audio",
    )


def _qwen2_text(tokenizer: Any, hidden: int, layers: int, kind: str = "qwen2") -> dict[str, Any]:
    return {
        "model_type": kind,
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": hidden // 4,
        "max_position_embeddings": 2048,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _audioflamingo3(hidden: int, layers: int) -> LALM:
    from transformers import AudioFlamingo3Config, AudioFlamingo3ForConditionalGeneration

    from emolab.lalm.audioflamingo3 import AudioFlamingo3

    tokenizer = tiny_tokenizer(["<sound>"])
    config = AudioFlamingo3Config(
        audio_config={
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "num_mel_bins": 128,
            "max_source_positions": 50,
        },
        text_config=_qwen2_text(tokenizer, hidden, layers),
        audio_token_id=tokenizer.convert_tokens_to_ids("<sound>"),
    )
    return AudioFlamingo3(
        _answering(AudioFlamingo3ForConditionalGeneration(config), tokenizer),
        tokenizer,
        _whisper(1),
        "tiny-random-audioflamingo3",
    )


def _voxtral(hidden: int, layers: int) -> LALM:
    from transformers import VoxtralConfig, VoxtralForConditionalGeneration

    from emolab.lalm.voxtral import Voxtral

    tokenizer = tiny_tokenizer(
        ["<s>", "[INST]", "[/INST]", "[BEGIN_AUDIO]", "[AUDIO]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"]
    )
    config = VoxtralConfig(
        audio_config={
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 128,
            "num_mel_bins": 128,
            "max_source_positions": 100,
        },
        text_config=_qwen2_text(tokenizer, hidden, layers, "llama"),
        audio_token_id=tokenizer.convert_tokens_to_ids("[AUDIO]"),
    )
    return Voxtral(
        _answering(VoxtralForConditionalGeneration(config), tokenizer), tokenizer, _whisper(2), "tiny-random-voxtral"
    )


def _qwen3_omni(hidden: int, layers: int) -> LALM:
    from transformers import Qwen3OmniMoeThinkerConfig, Qwen3OmniMoeThinkerForConditionalGeneration

    from emolab.lalm.qwen3_omni import Qwen3Omni

    tokenizer = tiny_tokenizer(["<|audio_start|>", "<|audio_pad|>", "<|audio_end|>"])
    token = tokenizer.convert_tokens_to_ids
    half = hidden // 4 // 2
    text = _qwen2_text(tokenizer, hidden, layers) | {
        "moe_intermediate_size": hidden // 2,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e4,
            "mrope_section": [half - 2 * (half // 3), half // 3, half // 3],
        },
    }
    text.pop("model_type")
    config = Qwen3OmniMoeThinkerConfig(
        audio_config={
            "d_model": 32,
            "encoder_layers": 2,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "output_dim": hidden,
            "num_mel_bins": 128,
            "n_window_infer": 200,
            "downsample_hidden_size": 8,
            "max_source_positions": 200,
        },
        vision_config={
            "depth": 1,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": hidden,
            "deepstack_visual_indexes": [0],
            "num_position_embeddings": 16,
        },
        text_config=text,
        audio_token_id=token("<|audio_pad|>"),
        image_token_id=token("<|IMAGE|>"),
        video_token_id=token("<|VIDEO|>"),
        audio_start_token_id=token("<|audio_start|>"),
        user_token_id=token("<|im_start|>"),
    )
    config.vision_start_token_id, config.vision_end_token_id = token("<|vision_bos|>"), token("<|vision_eos|>")
    return Qwen3Omni(
        _answering(Qwen3OmniMoeThinkerForConditionalGeneration(config), tokenizer),
        tokenizer,
        _whisper(8),
        "tiny-random-qwen3_omni",
    )


def _answering(model: Any, tokenizer: Any) -> Any:
    """Larger weights than at the start of a training: a narrow network would hardly pass on what it hears."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data *= 3
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model.eval()


FAMILIES = {
    "qwen2_5_omni": _qwen2_5_omni,
    "qwen2_audio": _qwen2_audio,
    "qwen3_omni": _qwen3_omni,
    "audioflamingo3": _audioflamingo3,
    "voxtral": _voxtral,
}


def tiny_random(family: str = "qwen2_5_omni", seed: int = 0, hidden: int = 64, layers: int = 2) -> LALM:
    """A random model of a family's real classes, on the CPU, in float32; leaves the global random state alone."""
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    try:
        return FAMILIES[family](hidden, layers)
    finally:
        torch.set_rng_state(state)


def noise_samples(
    n: int, seconds: Sequence[float] = (0.5, 1.0, 0.8), frames: int = 0, seed: int = 0
) -> list[EmotionSample]:
    """Samples of noise (lengths cycle through `seconds`), with `frames` frames of 32 × 32 pixels, and a transcript."""
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(n):
        size = int(16_000 * seconds[i % len(seconds)])
        extra: dict[str, Any] = {"waveform": rng.standard_normal(size).astype(np.float32) * 0.1}
        if frames:
            extra["frames"] = rng.integers(0, 256, (frames, 32, 32, 3), dtype=np.uint8)
        samples.append(EmotionSample(f"noise-{i}", text=TEXTS[i % len(TEXTS)], emotion="neutral", extra=extra))
    return samples
