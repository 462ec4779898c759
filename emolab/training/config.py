"""GRPOConfig with defaults that are safe on a CPU and say what they mean in prompts and completions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from trl import GRPOConfig

from emolab.errors import TrainingError


def grpo_config(
    output_dir: str | Path, *, prompts_per_step: int = 12, group_size: int = 8, micro_batches: int = 1, **settings: Any
) -> GRPOConfig:
    """A `trl.GRPOConfig` for steps of `prompts_per_step` × `group_size` completions (per process).

    `micro_batches` splits a step to save memory; it must divide `prompts_per_step`, so that a group never straddles two
    micro-batches and its prompt is shared. Every other keyword is TRL's own. What differs from TRL's defaults, and why:

    - bf16 and gradient checkpointing are off unless asked for: TRL turns both on, also on a CPU, where autocast alone
      moves log-probabilities by 2e-3. `gradient_checkpointing` and `activation_checkpointing` are the same setting;
    - NaN losses are not filtered from the log: our guards stop on them;
    - CISPO's `epsilon_high` is 5 unless given: it caps the ratio itself, and TRL's 0.2 would shrink every token's
      weight;
    - no reports to trackers, no progress bar of its own, a log line each step, checkpoints only when `save_steps` is
      given.

    Raises TrainingError for sizes that do not divide.
    """
    if prompts_per_step < 1 or group_size < 2:
        raise TrainingError(f"a step needs at least 1 prompt of 2 completions, not {prompts_per_step} of {group_size}")
    if prompts_per_step % micro_batches:
        raise TrainingError(f"micro_batches={micro_batches} must divide prompts_per_step={prompts_per_step}")
    if "gradient_checkpointing" in settings:  # TRL's documented name; transformers calls it activation_checkpointing
        settings.setdefault("activation_checkpointing", settings.pop("gradient_checkpointing"))
    cuda = torch.cuda.is_available()
    values: dict[str, Any] = {
        "per_device_train_batch_size": prompts_per_step * group_size // micro_batches,
        "gradient_accumulation_steps": micro_batches,
        "num_generations": group_size,
        "use_cpu": not cuda,
        "bf16": False,
        "activation_checkpointing": False,
        "report_to": [],
        "disable_tqdm": True,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "dataloader_pin_memory": cuda,
        "remove_unused_columns": False,
        "save_strategy": "steps" if "save_steps" in settings else "no",
        "beta": 0.0,
        "loss_type": "grpo",
        "max_grad_norm": 1.0,
        "lr_scheduler_type": "constant_with_warmup",
    }
    values.update(settings)
    if values["loss_type"] == "cispo":
        values.setdefault("epsilon_high", 5.0)
    return GRPOConfig(output_dir=str(output_dir), **values)
