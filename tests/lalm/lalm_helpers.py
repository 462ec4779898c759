"""Stock inputs and stock log-probabilities: what the packed path is compared with."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.tiny_models import FAMILIES, noise_samples, tiny_random
from emolab.lalm.base import LALM
from emolab.lalm.batch import PromptBatch
from emolab.lalm.quantise import add_lora
from emolab.prompts import PROMPTS
from emolab.samples import EmotionSample

__all__ = [
    "FAMILIES",
    "PROMPT",
    "answering_adapters",
    "ragged",
    "samples_for",
    "stock_copy",
    "stock_inputs",
    "stock_logprobs",
    "tiny_random",
]

PROMPT = PROMPTS["direct"]


def answering_adapters(lalm: LALM) -> LALM:
    """The model with adapters that change its answers, the same for each."""
    torch.manual_seed(0)
    add_lora(lalm, rank=4)
    for name, parameter in lalm.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, 0, 0.05)
    return lalm


def samples_for(lalm: LALM, n: int = 3, seed: int = 0) -> list[EmotionSample]:
    """Noise of unequal lengths, with frames where the family sees."""
    return noise_samples(n, (0.5, 1.0, 0.8), frames=5 if "video" in lalm.modalities else 0, seed=seed)


def ragged(lalm: LALM, rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random completions (rows, 7) of every length from 0 to 7, and their mask."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(20, len(lalm.tokenizer), (rows, 7), generator=generator)
    lengths = torch.tensor([(3, 7, 1, 5, 0, 6, 2, 4)[i % 8] for i in range(rows)])
    mask = (torch.arange(7) < lengths[:, None]).long()
    return ids * mask + lalm.pad_id * (1 - mask), mask


def stock_copy(lalm: LALM) -> Any:
    """The transformers model on its own, with eager attention instead of ours."""
    model = copy.deepcopy(lalm.base)
    for module in model.modules():
        if getattr(getattr(module, "config", None), "_attn_implementation", None) == "emolab_packed":
            module.config._attn_implementation = "eager"
    return model


def stock_inputs(lalm: LALM, samples: list[EmotionSample], repeat: int = 1) -> dict[str, Tensor]:
    """What the published processor gives the model besides token ids: features padded as it pads them."""
    inputs = STOCK[lalm.name.removeprefix("tiny-random-")](lalm, samples)
    return {
        k: v.repeat_interleave(repeat, 0)
        if not k.startswith("pixel")
        else torch.cat([p for part in v.chunk(len(samples)) for p in [part] * repeat])
        for k, v in inputs.items()
    }


def _whisper_inputs(lalm: LALM, samples: list[EmotionSample]) -> dict[str, Tensor]:
    x = lalm.feature_extractor(
        [s.extra["waveform"] for s in samples],
        sampling_rate=16_000,
        padding="max_length",
        return_attention_mask=True,
        return_tensors="pt",
    )
    return {"input_features": x["input_features"], "feature_attention_mask": x["attention_mask"]}


def _qwen2_5_omni(lalm: LALM, samples: list[EmotionSample]) -> dict[str, Tensor]:
    from emolab.lalm.qwen2_5_omni import patchify

    patches, grids = zip(*(patchify(s.extra["frames"], lalm.base.config.vision_config) for s in samples), strict=True)
    return {
        **_whisper_inputs(lalm, samples),
        "pixel_values_videos": torch.from_numpy(np.concatenate(patches)),
        "video_grid_thw": torch.from_numpy(np.stack(grids)),
        "video_second_per_grid": torch.ones(len(samples)),
    }


def _audioflamingo3(lalm: LALM, samples: list[EmotionSample]) -> dict[str, Tensor]:
    x = _whisper_inputs(lalm, samples)
    return {"input_features": x["input_features"], "input_features_mask": x["feature_attention_mask"]}


def _qwen3_asr(lalm: LALM, samples: list[EmotionSample]) -> dict[str, Tensor]:
    waves = [s.extra["waveform"] for s in samples]
    x = lalm.feature_extractor(waves, sampling_rate=16_000, padding=True, return_attention_mask=True)
    return {"input_features": x["input_features"], "input_features_mask": x["attention_mask"]}


def _voxtral(lalm: LALM, samples: list[EmotionSample]) -> dict[str, Tensor]:
    return {"input_features": _whisper_inputs(lalm, samples)["input_features"]}


STOCK = {
    "qwen2_5_omni": _qwen2_5_omni,
    "qwen2_audio": _whisper_inputs,
    "qwen3_omni": _whisper_inputs,
    "qwen3_asr": _qwen3_asr,
    "audioflamingo3": _audioflamingo3,
    "voxtral": _voxtral,
}


def stock_logprobs(
    lalm: LALM, model: Any, samples: list[EmotionSample], batch: PromptBatch, ids: Tensor, mask: Tensor
) -> Tensor:
    """One row per completion through the model's own forward, audio and all; ids (B·G, C), each prompt's G together.

    Clips run one by one: Qwen3-Omni's tower embeds a clip differently beside a longer one.
    """
    parts = []
    n = len(samples)
    for i, (sample, own, real) in enumerate(zip(samples, ids.chunk(n), mask.chunk(n), strict=True)):
        rows = torch.cat([batch.input_ids[i].expand(len(own), -1), own], 1)
        seen = torch.cat([batch.mask[i].expand(len(own), -1), real], 1)
        inputs = stock_inputs(lalm, [sample], len(own))
        logits = model(input_ids=rows, attention_mask=seen, use_cache=False, **inputs).logits[:, -own.shape[1] - 1 : -1]
        parts.append(logits.float().log_softmax(-1).gather(-1, own[..., None])[..., 0] * real)
    return torch.cat(parts)
