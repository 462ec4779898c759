"""Random models of the real classes at the sizes that the GRPO benchmark measures."""

from __future__ import annotations

from typing import Any


def random_model(family: str, hidden: int, layers: int, quick: bool = False) -> Any:
    """A random model of a family's real classes with about 4 times `hidden` in its MLP, trainable in full but for
    the tower."""
    from benchmarks.tiny_models import tiny_random, tiny_tokenizer

    if quick:
        return tiny_random({"omni": "qwen2_5_omni", "audio": "qwen2_audio"}[family])
    import torch
    from transformers import WhisperFeatureExtractor

    tokenizer = tiny_tokenizer()
    build = {"omni": _omni, "audio": _audio}[family]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, wrapper = build(tokenizer, hidden, layers)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return wrapper(
        model.eval().to(device),
        tokenizer,
        WhisperFeatureExtractor(feature_size=128, chunk_length=30),
        f"random {family}",
    )


def _text(tokenizer: Any, hidden: int, layers: int) -> dict[str, Any]:
    return {
        "vocab_size": 2048,
        "hidden_size": hidden,
        "intermediate_size": 4 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _omni(tokenizer: Any, hidden: int, layers: int) -> tuple[Any, Any]:
    from transformers import Qwen2_5OmniThinkerConfig, Qwen2_5OmniThinkerForConditionalGeneration

    from emolab.lalm.qwen2_5_omni import Qwen25Omni

    token, half = tokenizer.convert_tokens_to_ids, hidden // 8
    time_part = half // 4
    height = (half - time_part) // 2
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [time_part, height, half - time_part - height]}
    config = Qwen2_5OmniThinkerConfig(
        audio_config={
            "d_model": hidden // 2,
            "encoder_layers": 4,
            "encoder_attention_heads": 4,
            "encoder_ffn_dim": 2 * hidden,
            "output_dim": hidden,
            "num_mel_bins": 128,
            "n_window": 100,
            "max_source_positions": 1500,
        },
        vision_config={
            "depth": 1,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": hidden,
            "fullatt_block_indexes": [0],
        },
        text_config={**_text(tokenizer, hidden, layers), "rope_parameters": rope},
        audio_token_index=token("<|AUDIO|>"),
        image_token_index=token("<|IMAGE|>"),
        video_token_index=token("<|VIDEO|>"),
        audio_start_token_id=token("<|audio_bos|>"),
        audio_end_token_id=token("<|audio_eos|>"),
        user_token_id=token("<|im_start|>"),
    )
    config.vision_start_token_id, config.vision_end_token_id = token("<|vision_bos|>"), token("<|vision_eos|>")
    return Qwen2_5OmniThinkerForConditionalGeneration(config), Qwen25Omni


def _audio(tokenizer: Any, hidden: int, layers: int) -> tuple[Any, Any]:
    from transformers import Qwen2AudioConfig, Qwen2AudioForConditionalGeneration

    from emolab.lalm.qwen2_audio import Qwen2Audio

    config = Qwen2AudioConfig(
        audio_config={
            "d_model": hidden // 2,
            "encoder_layers": 4,
            "encoder_attention_heads": 4,
            "encoder_ffn_dim": 2 * hidden,
            "num_mel_bins": 128,
            "max_source_positions": 1500,
        },
        text_config={"model_type": "qwen2", **_text(tokenizer, hidden, layers)},
        audio_token_index=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
    )
    return Qwen2AudioForConditionalGeneration(config), Qwen2Audio
