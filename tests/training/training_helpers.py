"""Small models, runs and the plain one-row-per-completion forward that the trainer is compared with."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.tiny_models import noise_samples, quantise_model, tiny_random
from emolab.lalm import LALM, PromptBatch
from emolab.lalm.quantise import add_lora
from emolab.prompts import PROMPTS
from emolab.training.callbacks import History
from emolab.training.grpo import AudioGRPOTrainer, grpo_config

PROMPT = PROMPTS["direct"]
EMOTIONS = ("happy", "sad", "angry", "neutral")


def samples(n: int = 4) -> list[Any]:
    """Noise clips of unequal length with labels."""
    from dataclasses import replace

    return [replace(s, emotion=EMOTIONS[i % 4]) for i, s in enumerate(noise_samples(n, seconds=(0.4, 0.7, 1.0)))]


def small_lalm(
    family: str = "qwen2_5_omni", seed: int = 0, lora: bool = True, quantise: bool = False, made: LALM | None = None
) -> LALM:
    """A tiny random model, or the one that is `made`, with LoRA whose B matrices are not zero, so that every adapter
    has a gradient."""
    lalm = made or tiny_random(family, seed=seed)
    if quantise:
        quantise_model(lalm)
    if lora:
        torch.manual_seed(seed)
        add_lora(lalm, rank=4, alpha=8)
        with torch.no_grad():
            for name, parameter in lalm.model.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(0, 0.05)
    return lalm


def letters(prompts: Any, completions: Any, **columns: Any) -> list[float]:
    """A reward with spread: how many of a completion's characters are vowels."""
    return [sum(ch in "aeiou" for ch in c) / (1 + len(c)) for c in completions]


class Recorder:
    """A reward that keeps what it was shown."""

    __name__ = "recorder"

    def __init__(self, values: Any = letters):
        self.values = values
        self.calls: list[dict[str, Any]] = []

    def __call__(self, prompts: Any, completions: Any, **columns: Any) -> list[float]:
        rewards = self.values(prompts, completions, **columns)
        self.calls.append(
            {
                "rows": list(columns["row"]),
                "ids": [list(i) for i in columns["completion_ids"]],
                "rewards": list(rewards),
                "texts": list(completions),
                "columns": columns,
            }
        )
        return rewards


def make_trainer(
    folder: Path,
    lalm: LALM,
    reward: Any = letters,
    *,
    clips: Any = None,
    history: History | None = None,
    callbacks: Any = (),
    trainer_options: Any = None,
    **settings: Any,
) -> AudioGRPOTrainer:
    """A trainer of 2 prompts × 4 completions of at most 6 tokens unless told otherwise; plain SGD."""
    values = {
        "prompts_per_step": 2,
        "group_size": 4,
        "max_completion_length": 6,
        "max_steps": 1,
        "learning_rate": 0.1,
        "optim": "sgd",
        "seed": 3,
        **settings,
    }
    return AudioGRPOTrainer(
        lalm,
        clips or samples(),
        PROMPT,
        reward,
        grpo_config(folder, **values),
        callbacks=[*([history] if history else []), *callbacks],
        **(trainer_options or {}),
    )


def weights(lalm: LALM) -> dict[str, Tensor]:
    """A copy of the trainable weights (never the reference adapter)."""
    return {n: p.detach().clone() for n, p in lalm.model.named_parameters() if p.requires_grad and ".ref." not in n}


def plain_logprobs(
    lalm: LALM, batch: PromptBatch, rows: list[int], completions: list[list[int]]
) -> tuple[Tensor, Tensor]:
    """(N, C) log-probabilities from one unpacked forward a completion, and their mask: slow and obvious."""
    width = max(map(len, completions))
    out, mask = [], torch.zeros(len(rows), width)
    for i, (row, ids) in enumerate(zip(rows, completions, strict=True)):
        real = batch.mask[row].bool()
        tokens = torch.tensor([ids])
        table = lalm.model.get_input_embeddings()
        prompt = torch.where(batch.media[row][:, None], batch.embeds[row], table(batch.input_ids[row]))[real][None]
        positions = batch.positions[:, row, real][:, None]
        after = positions[..., -1:] + 1 + torch.arange(len(ids))
        positions = torch.cat([positions, after], -1)
        logits = lalm.model(
            inputs_embeds=torch.cat([prompt, table(tokens)], 1),
            use_cache=False,
            attention_mask=torch.ones(1, positions.shape[-1], dtype=torch.long),
            position_ids=positions if positions.shape[0] > 1 else positions[0],
        ).logits
        scores = logits[:, -len(ids) - 1 : -1].float().log_softmax(-1).gather(-1, tokens[..., None])[0, :, 0]
        out.append(torch.nn.functional.pad(scores, (0, width - len(ids))))
        mask[i, : len(ids)] = 1
    return torch.stack(out), mask


def twin(lalm: LALM) -> LALM:
    """The same model with weights of its own."""
    other = copy.copy(lalm)
    other.model = copy.deepcopy(lalm.model)
    return other
