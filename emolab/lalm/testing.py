"""Tiny random instances of the real classes, for tests of everything that needs a model. Nothing here is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from emolab.lalm.base import LALM
from emolab.lalm.standin import published, standin_config
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
    """A family's tiny instance: whose published configuration is made small, the longest clip in seconds, tokens that
    its chat template needs, and what else is small."""

    published: str
    seconds: int
    special: tuple[str, ...] = ()
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)


_SEEN = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
_EYES = {"patch_size": 8, "window_size": 32}
FAMILIES = {
    "qwen2_5_omni": Tiny("Qwen/Qwen2.5-Omni-3B", 8, changes={"vision_config": _EYES}),
    "qwen2_audio": Tiny("Qwen/Qwen2-Audio-7B-Instruct", 4),
    "qwen3_omni": Tiny(
        "Qwen/Qwen3-Omni-30B-A3B-Instruct",
        8,
        ("<|audio_start|>", "<|audio_pad|>", "<|audio_end|>", *_SEEN),
        {"audio_config": {"n_window_infer": 200}, "vision_config": {"num_position_embeddings": 16}},
    ),
    "audioflamingo3": Tiny("nvidia/audio-flamingo-3-hf", 1, ("<sound>",)),
    "voxtral": Tiny(
        "mistralai/Voxtral-Mini-3B-2507",
        2,
        ("<s>", "[INST]", "[/INST]", "[BEGIN_AUDIO]", "[AUDIO]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
    ),
}


def tiny_config(family: str, tokenizer: Any, hidden: int, layers: int) -> Any:
    """A family's published configuration with small widths, over a small tokenizer."""
    from transformers import AutoConfig

    tiny, facts = FAMILIES[family], published(FAMILIES[family].published)
    whole = standin_config(tiny.published, layers, narrow=True)
    config = whole.get("thinker_config", whole)
    for name, value in config.items():
        if name.endswith(("_token_id", "_token_index")):  # a word of Qwen's stands for the user's turn
            found = tokenizer.convert_tokens_to_ids(facts.special.get(value, "<|im_start|>"))
            config[name] = tokenizer.pad_token_id if found is None else found
    text, half = config["text_config"], hidden // 4 // 2
    sizes = {"vocab_size": len(tokenizer), "hidden_size": hidden, "intermediate_size": 2 * hidden}
    text.update(sizes, max_position_embeddings=2048, pad_token_id=tokenizer.pad_token_id)
    text.update(eos_token_id=tokenizer.eos_token_id, bos_token_id=None, rope_theta=1e4)
    text.update({"head_dim": hidden // 4} if "head_dim" in text else {})
    if "rope_scaling" in text:
        text["rope_scaling"]["mrope_section"] = [half - 2 * (half // 3), half // 3, half // 3]
    config["audio_config"]["max_source_positions"] = 50 * tiny.seconds
    for section in ("audio_config", "vision_config"):
        if section in config:
            name = "output_dim" if section == "audio_config" else "out_hidden_size"
            config[section].update({name: hidden} if name in config[section] else {}, **tiny.changes.get(section, {}))
    return AutoConfig.for_model(**config)


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
    from transformers import WhisperFeatureExtractor

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
    extractor = WhisperFeatureExtractor(feature_size=128, chunk_length=FAMILIES[family].seconds)
    return kind(model, tokenizer, extractor, f"tiny-random-{family}")


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
