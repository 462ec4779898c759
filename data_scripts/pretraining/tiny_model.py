"""The tokenizer and the configuration of the tiny model, which pre-training starts from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2_5OmniThinkerConfig

from emolab.lalm.tiny import SPECIAL_TOKENS

TAGS = (
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "<content>",
    "</content>",
    "<acoustics>",
    "</acoustics>",
    "<visual>",
    "</visual>",
    "<summary>",
    "</summary>",
)


CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|>"
    "{% elif c['type'] == 'video' %}<|vision_bos|><|VIDEO|><|vision_eos|>"
    "{% elif c['type'] == 'image' %}<|vision_bos|><|IMAGE|><|vision_eos|>"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocab_size: int = 2048) -> PreTrainedTokenizerFast:
    """A byte-level BPE over `texts`; tags of the completion formats are tokens of their own, but not special."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Punctuation(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size - len(TAGS),
            special_tokens=list(SPECIAL_TOKENS),
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            min_frequency=2,
        ),
    )
    core.add_tokens([AddedToken(tag, normalized=False, special=False) for tag in TAGS])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def _text_config(token: Mapping[str, int], words: int, hidden: int, layers: int, heads: int = 4) -> dict[str, Any]:
    half = hidden // heads // 2  # M-RoPE sections share out half of a head
    time = half // 4
    height = (half - time) // 2
    return {
        "vocab_size": words,
        "hidden_size": hidden,
        "intermediate_size": 512,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "pad_token_id": token["<|endoftext|>"],
        "eos_token_id": token["<|im_end|>"],
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e4,
            "mrope_section": [time, height, half - time - height],
        },
    }


def build_config(
    tokenizer: PreTrainedTokenizerFast,
    hidden: int = 192,
    layers: int = 5,
    audio: int = 160,
    audio_layers: int = 4,
    vision: int = 96,
) -> Qwen2_5OmniThinkerConfig:
    """Configuration of the tiny model over `tokenizer`: 128 mel bins, windows of 6 s, 8-pixel patches of 64-pixel
    frames."""
    token = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL_TOKENS}
    audio_config = {
        "d_model": audio,
        "encoder_layers": audio_layers,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 4 * audio,
        "output_dim": hidden,
        "num_mel_bins": 128,
        "n_window": 300,
        "max_source_positions": 1500,
    }
    vision_config = {
        "depth": 3,
        "hidden_size": vision,
        "intermediate_size": 2 * vision,
        "num_heads": 4,
        "patch_size": 8,
        "out_hidden_size": hidden,
        "fullatt_block_indexes": [0, 1, 2],
        "window_size": 64,
    }
    config = Qwen2_5OmniThinkerConfig(
        audio_config=audio_config,
        vision_config=vision_config,
        text_config=_text_config(token, len(tokenizer), hidden, layers),
        tie_word_embeddings=True,
        audio_token_index=token["<|AUDIO|>"],
        image_token_index=token["<|IMAGE|>"],
        video_token_index=token["<|VIDEO|>"],
        audio_start_token_id=token["<|audio_bos|>"],
        audio_end_token_id=token["<|audio_eos|>"],
        user_token_id=token["<|im_start|>"],
    )
    # `get_rope_index` reads these two, and the configuration class does not declare them
    config.vision_start_token_id = token["<|vision_bos|>"]
    config.vision_end_token_id = token["<|vision_eos|>"]
    return config
