"""Tiny random instances of the real classes, for tests of everything that needs a model. Nothing here is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from emolab.errors import ModelError
from emolab.lalm.base import LALM
from emolab.lalm.quantise import is_quantised, keep_trainable
from emolab.lalm.tiny import SPECIAL_TOKENS
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
    core.train_from_iterator(
        [" ".join(CORPUS)] * 9,
        trainers.BpeTrainer(
            vocab_size=420,
            special_tokens=[*SPECIAL_TOKENS, *special],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left"
    )


@dataclass(frozen=True)
class Tiny:
    """A family's tiny instance: the `model_type` and small parts of its configuration, the longest clip in seconds,
    the tokens behind the configuration's ids (`<|im_start|>` stands for the user's turn), and the chat template's."""

    model_type: str
    seconds: int
    tokens: dict[str, str]
    audio: dict[str, Any]
    vision: dict[str, Any] | None = None
    text: dict[str, Any] = field(default_factory=dict)
    template: tuple[str, ...] = ()
    extractor: str = "WhisperFeatureExtractor"

    @property
    def special(self) -> list[str]:
        """Tokens beyond `SPECIAL_TOKENS`: those of its chat template, and those behind its ids."""
        return [
            token for token in dict.fromkeys((*self.template, *self.tokens.values())) if token not in SPECIAL_TOKENS
        ]


WHISPER = {"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64}
"""A narrow audio tower."""
PLAIN = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
"""The same in the words of newer configurations."""
EYES = {"hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64}
_ENDS = {"bos_token_id": "<|im_start|>", "eos_token_id": "<|im_end|>", "pad_token_id": "<|endoftext|>"}
_MROPE = {"rope_type": "default", "mrope_section": []}

FAMILIES = {
    "qwen2_5_omni": Tiny(
        "qwen2_5_omni_thinker",
        8,
        {
            **_ENDS,
            "user_token_id": "<|im_start|>",
            "audio_token_index": "<|AUDIO|>",
            "audio_start_token_id": "<|audio_bos|>",
            "audio_end_token_id": "<|audio_eos|>",
            "image_token_index": "<|IMAGE|>",
            "video_token_index": "<|VIDEO|>",
            "vision_start_token_id": "<|vision_bos|>",
            "vision_end_token_id": "<|vision_eos|>",
        },
        WHISPER,
        {**EYES, "depth": 2, "fullatt_block_indexes": [1], "patch_size": 8, "window_size": 32, "tokens_per_second": 25},
        {"rope_scaling": _MROPE},
    ),
    "qwen2_audio": Tiny("qwen2_audio", 4, {"audio_token_index": "<|AUDIO|>"}, WHISPER, text={"rms_norm_eps": 1e-5}),
    "qwen3_omni": Tiny(
        "qwen3_omni_moe_thinker",
        8,
        {
            "user_token_id": "<|im_start|>",
            "audio_start_token_id": "<|audio_start|>",
            "audio_token_id": "<|audio_pad|>",
            "audio_end_token_id": "<|audio_end|>",
            "image_token_id": "<|image_pad|>",
            "video_token_id": "<|video_pad|>",
            "vision_start_token_id": "<|vision_start|>",
            "vision_end_token_id": "<|vision_end|>",
        },
        {**WHISPER, "downsample_hidden_size": 8, "n_window_infer": 200},
        {**EYES, "depth": 1, "deepstack_visual_indexes": [0], "num_position_embeddings": 16},
        {
            "head_dim": 0,
            "moe_intermediate_size": 32,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "rope_scaling": {**_MROPE, "interleaved": True},
        },
    ),
    "qwen3_asr": Tiny(
        "qwen3_asr",
        1,
        {"audio_token_id": "<|audio_pad|>", "pad_token_id": "<|endoftext|>", "eos_token_id": "<|im_end|>"},
        {**WHISPER, "downsample_hidden_size": 8, "output_dim": 0},
        text={"model_type": "qwen3", "head_dim": 0, "tie_word_embeddings": True},
        template=("<|audio_start|>", "<|audio_end|>"),
        extractor="Qwen3ASRFeatureExtractor",
    ),
    "audioflamingo3": Tiny("audioflamingo3", 1, {"audio_token_id": "<sound>"}, PLAIN, text={"model_type": "qwen2"}),
    "voxtral": Tiny(
        "voxtral",
        2,
        {"audio_token_id": "[AUDIO]"},
        {**PLAIN, "intermediate_size": 128},
        None,
        {"model_type": "llama", "head_dim": 0},
        ("<s>", "[INST]", "[/INST]", "[BEGIN_AUDIO]", "[AUDIO]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
    ),
}


def tiny_config(family: str, tokenizer: Any, hidden: int, layers: int) -> Any:
    """A family's configuration with small widths, over a small tokenizer."""
    from transformers import AutoConfig

    tiny = FAMILIES[family]
    head, third = hidden // 4, hidden // 4 // 2 // 3
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "rope_theta": 1e4,
        **tiny.text,
        **ends,
    }
    if "head_dim" in text:
        text["head_dim"] = head
    if "rope_scaling" in text:
        text["rope_scaling"] = {**text["rope_scaling"], "mrope_section": [head // 2 - 2 * third, third, third]}
    audio = {**tiny.audio, "max_source_positions": 50 * tiny.seconds}
    config: dict[str, Any] = {"text_config": text, "audio_config": audio}
    if tiny.vision is not None or "output_dim" in audio:
        audio["output_dim"] = hidden
    if tiny.vision is not None:
        config["vision_config"] = {**tiny.vision, "out_hidden_size": hidden}
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in tiny.tokens.items()}
    return AutoConfig.for_model(tiny.model_type, **config, **ids)


def _answering(model: Any, tokenizer: Any) -> Any:
    """Larger weights than at the start of a training: a narrow network would hardly pass on what it hears."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data *= 3
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model.eval()


def tiny_random(family: str = "qwen2_5_omni", seed: int = 0, hidden: int = 64, layers: int = 2) -> LALM:
    """A random model of a family's real classes, on the CPU, in float32; leaves the global random state alone."""
    import transformers

    from emolab.lalm.load import FAMILIES as CLASSES

    tokenizer = tiny_tokenizer(FAMILIES[family].special)
    config = tiny_config(family, tokenizer, hidden, layers)
    kind = CLASSES[config.model_type]
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    try:
        model = _answering(getattr(transformers, kind.transformers_class)(config), tokenizer)
    finally:
        torch.set_rng_state(state)
    extractor_class = getattr(transformers, FAMILIES[family].extractor)
    extractor = extractor_class(feature_size=128, chunk_length=FAMILIES[family].seconds)
    return kind(model, tokenizer, extractor, f"tiny-random-{family}")


def quantise_model(lalm: LALM, compute_dtype: torch.dtype | None = None) -> LALM:
    """Replace the decoder's linear layers by NF4 ones, in place. Returns the same model.

    `compute_dtype` is what weights are dequantised to, the model's own type by default. Raises ModelError if
    bitsandbytes is missing, or if the model is already quantised or has adapters.
    """
    if hasattr(lalm.model, "peft_config"):
        raise ModelError(f"{lalm.name}: quantise before adding adapters, not after")
    try:
        from bitsandbytes.nn import Linear4bit, Params4bit
    except ImportError as error:
        raise ModelError(
            f"4-bit weights need bitsandbytes ({error}); pip install bitsandbytes, or load without quantise"
        ) from error
    if is_quantised(lalm):
        raise ModelError(f"{lalm.name}: its weights are already in 4 bits")
    dtype = compute_dtype or lalm.dtype
    for parent in list(lalm.decoder.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear:
                new = Linear4bit(
                    child.in_features,
                    child.out_features,
                    bias=child.bias is not None,
                    compute_dtype=dtype,
                    quant_type="nf4",
                    compress_statistics=False,
                    device="meta",
                )
                weight = Params4bit(
                    child.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=False, module=new
                )
                new.weight = weight.to(child.weight.device)
                if child.bias is not None:
                    new.bias = nn.Parameter(child.bias.data, requires_grad=False)
                setattr(parent, name, new)
    lalm.base.is_loaded_in_4bit = True
    keep_trainable(lalm.decoder)
    return lalm


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
