"""Stand-ins: the configuration, key layout, shards and special tokens of a published model, with random weights.

Nothing is downloaded. `write_standin` makes a folder that `load_model` reads as it reads the published one;
`emolab rehearse` walks the package with it. `narrow` keeps the layout, and makes every part small.

The facts were taken from the published `config.json`, `generation_config.json` and `model.safetensors.index.json` of
each model, in the key names of their time: transformers renames them when it loads.
"""

from __future__ import annotations

import json
import re
import sysconfig
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.tiny_models import EYES, PLAIN, WHISPER
from emolab.errors import ModelError

if TYPE_CHECKING:
    import torch

WHOLE = "standin.json"
"""Written last: a folder that holds it is complete."""
WORDS = 151_643
"""Ordinary tokens of Qwen's BPE; the special ones follow."""
POOL = 1 << 24
"""Random numbers that are drawn once; every tensor takes its values from there."""
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Qwen2's pretokenisation: a tag's last character goes with the letters behind it (`>sad`)."""
CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
AUDIO = ("<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>")
OMNI = (
    *(*CHATML, *AUDIO, "<|box_end|>", "<|quad_start|>", "<|quad_end|>"),
    *("<|vision_bos|>", "<|vision_eos|>", "<|vision_pad|>", "<|IMAGE|>", "<|VIDEO|>"),
)
QWEN3 = (
    *(*CHATML, "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>", "<|quad_start|>"),
    *("<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
    *("<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"),
    *("<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>"),
    *("<|audio_start|>", "<|audio_end|>", "<tts_pad>", "<tts_text_bos>", "<tts_text_eod>"),
    *("<tts_text_bos_single>", "<|audio_pad|>"),
)
QWEN3_ASR = (*QWEN3[:32], "<non_speech>", "<|audio_pad|>", *(f"<blank{i}>" for i in range(1, 28)), "<asr_text>")
TEKKEN = {
    **dict(enumerate(("<unk>", "<s>", "</s>", "[INST]", "[/INST]"))),
    **{11: "<pad>", 17: "[SYSTEM_PROMPT]", 18: "[/SYSTEM_PROMPT]", 24: "[AUDIO]", 25: "[BEGIN_AUDIO]"},
}
"""Mistral's control tokens come before the words."""
OLD_NAMES = (
    (r"^model\.language_model\.", "language_model.model."),
    (r"^lm_head\.", "language_model.lm_head."),
    (r"^model\.(audio_tower|multi_modal_projector)\.", r"\1."),
)
"""From transformers 5 to the published names of the families that put a language model behind a projector."""
THINKER_NAMES = (
    (r"^model\.language_model\.", "thinker.model."),
    (r"^lm_head\.", "thinker.lm_head."),
    (r"^model\.(audio_tower|visual)\.", r"thinker.\1."),
)


@dataclass(frozen=True)
class Published:
    """What a published model is, without its weights. `special` are its tokens that stand for no text, by id."""

    config: dict[str, Any]
    special: dict[int, str]
    renames: tuple[tuple[str, str], ...]
    eos: str = "<|im_end|>"
    generation: dict[str, Any] = field(default_factory=dict)
    extractor: dict[str, Any] = field(default_factory=dict)
    narrow: dict[str, dict[str, Any]] = field(default_factory=dict)


def qwen_ids(*tokens: str) -> dict[int, str]:
    """Qwen's special tokens by id: they follow the words."""
    return dict(enumerate(tokens, WORDS))


def _tower(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "model_type": kind,
        "num_mel_bins": 128,
        "d_model": 1280,
        "encoder_layers": 32,
        "encoder_attention_heads": 20,
        "encoder_ffn_dim": 5120,
        "max_source_positions": 1500,
        **more,
    }


def _plain_tower(kind: str, **more: Any) -> dict[str, Any]:
    """A Whisper encoder in the words of newer configurations."""
    sizes = {"hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 20, "intermediate_size": 5120}
    return {"model_type": kind, "num_mel_bins": 128, "max_source_positions": 1500, **sizes, **more}


def _text(
    kind: str, hidden: int, layers: int, intermediate: int, heads: int, kv: int, vocabulary: int, **more: Any
) -> dict[str, Any]:
    return {
        "model_type": kind,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "intermediate_size": intermediate,
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "vocab_size": vocabulary,
        "max_position_embeddings": 32768,
        **more,
    }


def _omni(text: dict[str, Any], talker: dict[str, Any]) -> dict[str, Any]:
    """A whole Qwen2.5-Omni: thinker, talker and the vocoder's own configuration."""
    hidden = text["hidden_size"]
    sections = {"mrope_section": [16, 24, 24], "rope_type": "default", "type": "default"}
    vision = {
        "model_type": "qwen2_5_omni_vision_encoder",
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": hidden,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": [7, 15, 23, 31],
        "tokens_per_second": 25,
    }
    thinker = {
        "architectures": ["Qwen2OmniNaViTThinkerForConditionalGeneration"],
        "model_type": "qwen2_5_omni_thinker",
        "audio_config": _tower("qwen2_5_omni_audio_encoder", output_dim=hidden, n_window=100),
        "vision_config": vision,
        "text_config": {**text, "rope_scaling": sections, "rope_theta": 1e6},
        **{"bos_token_id": 151644, "eos_token_id": 151645, "pad_token_id": 151643, "user_token_id": 872},
        **{"audio_token_index": 151646, "audio_start_token_id": 151647, "audio_end_token_id": 151648},
        **{"vision_start_token_id": 151652, "vision_end_token_id": 151653, "vision_token_id": 151654},
        **{"image_token_index": 151655, "video_token_index": 151656},
        **{"position_id_per_seconds": 25, "seconds_per_chunk": 2},
    }
    talker = {
        "model_type": "qwen2_5_omni_talker",
        "embedding_size": hidden,
        "hidden_size": 896,
        "num_hidden_layers": 24,
        "head_dim": 64,
        "vocab_size": 8448,
        "rope_scaling": {"mrope_section": [16, 16, 0], "rope_type": "default", "type": "default"},
        **talker,
    }
    return {
        "architectures": ["Qwen2_5OmniModel"],
        "model_type": "qwen2_5_omni",
        "enable_audio_output": True,
        "thinker_config": thinker,
        "talker_config": talker,
    }


def _whisper(seconds: int) -> dict[str, Any]:
    return {"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 128, "chunk_length": seconds}


_OMNI_EXTRACTOR = {**_whisper(300), "hop_length": 160, "n_fft": 400, "return_attention_mask": True}
_QWEN_ENDS = {"eos_token_id": [151643, 151645], "pad_token_id": 151643}

PUBLISHED: dict[str, Published] = {
    "Qwen/Qwen2-Audio-7B-Instruct": Published(
        {
            "architectures": ["Qwen2AudioForConditionalGeneration"],
            "model_type": "qwen2_audio",
            "audio_token_index": 151646,
            "vocab_size": 156032,
            "audio_config": _tower("qwen2_audio_encoder"),
            "text_config": _text(
                *("qwen2", 4096, 32, 11008, 32, 32, 156032),
                bos_token_id=151643,
                eos_token_id=151645,
                rms_norm_eps=1e-5,
                rope_theta=10000,
            ),
        },
        qwen_ids(*CHATML, *AUDIO),
        OLD_NAMES,
        generation={**_QWEN_ENDS, "do_sample": True, "temperature": 0.7, "top_p": 0.5, "top_k": 20},
        extractor={**_whisper(30), "return_attention_mask": True},
        narrow={"audio_config": WHISPER},
    ),
    "Qwen/Qwen2.5-Omni-3B": Published(
        _omni(
            _text("qwen2_5_omni_text", 2048, 36, 11008, 16, 2, 151936),
            {"num_attention_heads": 14, "num_key_value_heads": 2, "intermediate_size": 4864},
        ),
        qwen_ids(*OMNI),
        THINKER_NAMES,
        extractor=_OMNI_EXTRACTOR,
        narrow={
            "audio_config": {**WHISPER, "output_dim": 64},
            "vision_config": {**EYES, "depth": 2, "fullatt_block_indexes": [1]},
        },
    ),
    "Qwen/Qwen3-ASR-1.7B-hf": Published(
        {
            "architectures": ["Qwen3ASRForConditionalGeneration"],
            "model_type": "qwen3_asr",
            "audio_token_id": 151676,
            "audio_config": {
                "model_type": "qwen3_asr_encoder",
                "num_mel_bins": 128,
                "d_model": 1024,
                "encoder_layers": 24,
                "encoder_attention_heads": 16,
                "encoder_ffn_dim": 4096,
                "output_dim": 2048,
            },
            "text_config": {
                **_text("qwen3", 2048, 28, 6144, 16, 8, 151936, head_dim=128, rope_theta=1e6, tie_word_embeddings=True),
                "max_position_embeddings": 65536,
            },
        },
        qwen_ids(*QWEN3_ASR),
        (),
        generation={"eos_token_id": [151643, 151645], "pad_token_id": 151645},
        extractor={**_whisper(30), "feature_extractor_type": "Qwen3ASRFeatureExtractor"},
        narrow={"audio_config": {**WHISPER, "output_dim": 64, "downsample_hidden_size": 8}},
    ),
    "nvidia/audio-flamingo-3-hf": Published(
        {
            "architectures": ["AudioFlamingo3ForConditionalGeneration"],
            "model_type": "audioflamingo3",
            "audio_token_id": 151669,
            "audio_config": _plain_tower("audioflamingo3_encoder"),
            "text_config": _text("qwen2", 3584, 28, 18944, 28, 4, 151672, rope_theta=1e6),
        },
        qwen_ids(*QWEN3[:26], "<sound>"),
        OLD_NAMES,
        generation=_QWEN_ENDS,
        extractor={**_whisper(30), "return_attention_mask": True},
        narrow={"audio_config": PLAIN},
    ),
    "mistralai/Voxtral-Mini-3B-2507": Published(
        {
            "architectures": ["VoxtralForConditionalGeneration"],
            "model_type": "voxtral",
            "audio_token_id": 24,
            "audio_config": _plain_tower("voxtral_encoder", vocab_size=51866),
            "text_config": _text("llama", 3072, 30, 8192, 32, 8, 131072, head_dim=128, rope_theta=1e8),
        },
        TEKKEN,
        OLD_NAMES,
        eos="</s>",
        generation={"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 11},
        extractor=_whisper(30),
        narrow={"audio_config": {**PLAIN, "intermediate_size": 128}},
    ),
    "Qwen/Qwen3-Omni-30B-A3B-Instruct": Published(
        {
            "architectures": ["Qwen3OmniMoeForConditionalGeneration"],
            "model_type": "qwen3_omni_moe",
            "enable_audio_output": True,
            "thinker_config": {
                "model_type": "qwen3_omni_moe_thinker",
                "audio_config": _tower(
                    "qwen3_omni_moe_audio_encoder", output_dim=2048, n_window=50, n_window_infer=800
                ),
                "vision_config": {
                    "model_type": "qwen3_omni_moe_vision_encoder",
                    "depth": 27,
                    "hidden_size": 1152,
                    "intermediate_size": 4304,
                    "num_heads": 16,
                    "out_hidden_size": 2048,
                    "patch_size": 16,
                    "deepstack_visual_indexes": [8, 16, 24],
                    "num_position_embeddings": 2304,
                },
                "text_config": _text(
                    *("qwen3_omni_moe_text", 2048, 48, 768, 32, 4, 152064),
                    head_dim=128,
                    moe_intermediate_size=768,
                    num_experts=128,
                    num_experts_per_tok=8,
                    rope_scaling={"mrope_section": [24, 20, 20], "rope_type": "default", "interleaved": True},
                    rope_theta=1e6,
                ),
                **{"audio_token_id": 151675, "audio_start_token_id": 151669, "audio_end_token_id": 151670},
                **{"image_token_id": 151655, "video_token_id": 151656, "user_token_id": 872},
                **{"vision_start_token_id": 151652, "vision_end_token_id": 151653},
            },
        },
        qwen_ids(*QWEN3),
        THINKER_NAMES,
        generation=_QWEN_ENDS,
        extractor=_OMNI_EXTRACTOR,
        narrow={
            "audio_config": {**WHISPER, "output_dim": 64, "downsample_hidden_size": 8},
            "vision_config": {**EYES, "depth": 1, "deepstack_visual_indexes": [0]},
            "text_config": {"moe_intermediate_size": 32, "num_experts": 4, "num_experts_per_tok": 2},
        },
    ),
}
PUBLISHED["Qwen/Qwen2.5-Omni-7B"] = Published(
    _omni(
        _text("qwen2_5_omni_text", 3584, 28, 18944, 28, 4, 152064),
        {"num_attention_heads": 12, "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 18944},
    ),
    qwen_ids(*OMNI),
    THINKER_NAMES,
    extractor=_OMNI_EXTRACTOR,
    narrow=PUBLISHED["Qwen/Qwen2.5-Omni-3B"].narrow,
)


def published(name: str) -> Published:
    """The facts of a published model. Raises ModelError for one that is not in `PUBLISHED`."""
    if name not in PUBLISHED:
        raise ModelError(f"{name}: no stand-in is known; there are {', '.join(PUBLISHED)}")
    return PUBLISHED[name]


def standin_config(name: str, layers: int | None = None, narrow: bool = False) -> dict[str, Any]:
    """The published `config.json` of a model, with so many decoder layers; `narrow` makes every width small."""
    facts = published(name)
    config = deepcopy(facts.config)
    parts = config.get("thinker_config", config)
    if narrow:
        for section, sizes in facts.narrow.items():
            parts[section].update(sizes)
        text = parts["text_config"]
        text.update(hidden_size=64, intermediate_size=128, num_attention_heads=4, num_key_value_heads=2)
        text.update({"head_dim": 16} if "head_dim" in text else {})
        if "rope_scaling" in text:
            text["rope_scaling"]["mrope_section"] = [2, 3, 3]
        if "talker_config" in config:
            config["talker_config"].update(embedding_size=64, hidden_size=64, intermediate_size=128, head_dim=16)
            config["talker_config"].update(num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2)
            config["talker_config"]["rope_scaling"]["mrope_section"] = [4, 4, 0]
    parts["text_config"]["num_hidden_layers"] = layers or parts["text_config"]["num_hidden_layers"]
    return config


# Tokenizers -----------------------------------------------------------------------------------------------------------


@cache
def byte_pairs(words: int = WORDS, learned: int = 12_000) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A byte-level BPE of `words` tokens in Qwen's pretokenisation: (vocabulary, merges).

    It is learned from the sources of Python's standard library, and filled to its size with pairs that no text has. As
    in the published one, a tag's last character merges with the first letter behind it, before the letters merge.
    """
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    core = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(SPLIT), "isolated")
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    texts = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:80]
    trainer = trainers.BpeTrainer(
        vocab_size=learned, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    core.train([str(path) for path in texts], trainer)
    state = json.loads(core.to_str())["model"]
    letters = "abcdefghijklmnopqrstuvwxyz"
    merges = [(">", letter) for letter in letters] + [tuple(pair) for pair in state["merges"]]
    merges = [pair for i, pair in enumerate(merges) if i < len(letters) or pair not in merges[: len(letters)]]
    vocabulary = dict.fromkeys([*sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges)])
    vowels = [chr(code) for code in range(0x100, 0x144) if chr(code) in vocabulary]  # bytes that no text begins with
    filler = ((a, b) for a in list(vocabulary) for b in vowels)
    while len(vocabulary) < words:
        pair = next(filler)
        if "".join(pair) not in vocabulary:
            merges.append(pair)
            vocabulary["".join(pair)] = None
    return {token: i for i, token in enumerate(vocabulary)}, merges


def write_tokenizer(folder: Path, facts: Published) -> None:
    """The tokenizer's files as they are published: `tekken.json` of Voxtral, else vocabulary, merges and settings."""
    if facts.special is TEKKEN:
        _write_tekken(folder)
        return
    vocabulary, merges = byte_pairs()
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = "\n".join(f"{a} {b}" for a, b in merges)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{lines}\n", encoding="utf-8")
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    added = {
        str(i): {"content": token, **flags, "special": token.startswith("<|") or token == "<sound>"}
        for i, token in facts.special.items()
    }
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "added_tokens_decoder": added,
        "eos_token": facts.eos,
        "pad_token": "<|endoftext|>",
        "model_max_length": 32768,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")


def _write_tekken(folder: Path, special: int = 1000, words: int = 131_072) -> None:
    """Mistral's file: ranks of bytes, and control tokens, of which the first and the audio's have their names."""
    import base64

    from transformers.convert_slow_tokenizer import bytes_to_unicode

    byte_of = {char: byte for byte, char in bytes_to_unicode().items()}
    vocabulary, _ = byte_pairs(words - special)
    tokens = sorted((bytes(byte_of[c] for c in token) for token in vocabulary), key=lambda t: (len(t) > 1, 0))
    data = {
        "config": {
            "pattern": SPLIT.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)|", ""),
            "num_vocab_tokens": len(tokens),
            "default_vocab_size": words,
            "default_num_special_tokens": special,
            "version": "v7",
        },
        "vocab": [
            {"rank": i, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
            for i, token in enumerate(tokens)
        ],
        "special_tokens": [
            {"rank": i, "token_str": TEKKEN.get(i, f"<SPECIAL_{i}>"), "is_control": True} for i in range(special)
        ],
    }
    (folder / "tekken.json").write_text(json.dumps(data), encoding="utf-8")


# Weights --------------------------------------------------------------------------------------------------------------


def layout(config: Mapping[str, Any], facts: Published) -> dict[str, torch.Tensor]:
    """Every tensor of the published checkpoint by its published name, on the meta device: no memory is taken."""
    import torch
    import transformers

    from emolab.lalm.load import FAMILIES

    whole = transformers.AutoConfig.for_model(**deepcopy(dict(config)))
    family = FAMILIES[config["model_type"]]
    found: dict[str, torch.Tensor] = {}
    with torch.device("meta"):
        model = getattr(transformers, family.transformers_class)(getattr(whole, "thinker_config", whole))
        for name, tensor in model.state_dict().items():
            if name in model.all_tied_weights_keys:  # published once
                continue
            for pattern, new in facts.renames:
                name = re.sub(pattern, new, name)
            found |= dict(_experts(name, tensor))
        if "talker_config" in config:
            talker = transformers.Qwen2_5OmniTalkerForConditionalGeneration(whole.talker_config)
            found |= {f"talker.{name}": tensor for name, tensor in talker.state_dict().items()}
    return found


def _experts(name: str, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """A mixture's tensors one expert at a time, as they are published; anything else as it is."""
    before, found, kind = name.partition(".mlp.experts.")
    if not found:
        yield name, tensor
        return
    for i, expert in enumerate(tensor):
        parts = expert.chunk(2) if kind == "gate_up_proj" else [expert]
        for part, wanted in zip(parts, kind.replace("_up_proj", "_proj up_proj").split(), strict=True):
            yield f"{before}.mlp.experts.{i}.{wanted}.weight", part


def write_standin(
    folder: str | Path, name: str, layers: int | None = None, narrow: bool = False, seed: int = 0
) -> Path:
    """Write a published model's folder with random bfloat16 weights, one shard after the other; returns the folder.

    `name` is a key of `PUBLISHED`; `layers` and `narrow` make it small (see `standin_config`). At most one shard of
    4 GB is in memory. Raises ModelError for an unknown name.
    """
    import torch
    from huggingface_hub import split_torch_state_dict_into_shards
    from safetensors.torch import save_file

    facts, config, folder = published(name), standin_config(name, layers, narrow), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = {**config, "torch_dtype": "bfloat16"}
    for file, data in (
        ("config.json", config),
        ("generation_config.json", facts.generation),
        ("preprocessor_config.json", facts.extractor),
    ):
        (folder / file).write_text(json.dumps(data, indent=1), encoding="utf-8")
    write_tokenizer(folder, facts)
    tensors = {key: tensor.to(torch.bfloat16) for key, tensor in layout(config, facts).items()}
    plan = split_torch_state_dict_into_shards(tensors, max_shard_size="4GB" if not narrow else "2MB")
    pool = torch.randn(POOL, generator=torch.Generator().manual_seed(seed)).mul_(0.02).to(torch.bfloat16)
    for i, (file, keys) in enumerate(plan.filename_to_tensors.items()):
        shard = {key: random_values(key, tensors[key].shape, pool, i + j) for j, key in enumerate(keys)}
        save_file(shard, folder / file, metadata={"format": "pt"})
        del shard
    if plan.is_sharded:
        index = {"metadata": plan.metadata, "weight_map": plan.tensor_to_filename}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")
    return folder


def made_standin(root: str | Path, name: str, layers: int | None = None, narrow: bool = False) -> Path:
    """The folder of `write_standin` under `root`, written unless it is whole already."""
    folder = standin_folder(root, name, layers, narrow)
    if not (folder / WHOLE).is_file():
        write_standin(folder, name, layers, narrow)
        (folder / WHOLE).write_text(json.dumps({"name": name, "layers": layers, "narrow": narrow}), encoding="utf-8")
    return folder


def standin_folder(root: str | Path, name: str, layers: int | None = None, narrow: bool = False) -> Path:
    """Where `made_standin` puts a model."""
    small = f"-{layers or 'all'}{'-narrow' if narrow else ''}" if layers or narrow else ""
    return Path(root) / f"{name.replace('/', '--')}{small}"


def random_values(name: str, shape: Any, pool: torch.Tensor, start: int) -> torch.Tensor:
    """Ones for the weights of norms, zeros for biases, else numbers of the pool from a place that `start` chooses."""
    import torch

    if len(shape) == 1:
        return (torch.zeros if name.endswith("bias") else torch.ones)(shape, dtype=pool.dtype)
    out = torch.empty(shape, dtype=pool.dtype)
    flat, at, begin = out.view(-1), 0, start * 104_729 % (len(pool) // 2)
    while at < len(flat):
        size = min(len(flat) - at, len(pool) - begin)
        flat[at : at + size] = pool[begin : begin + size]
        at, begin = at + size, 0
    return out
