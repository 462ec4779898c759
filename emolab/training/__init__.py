"""Supervised fine-tuning and GRPO on a model of `emolab.lalm`, and what surrounds a run: plans, guards, checkpoints."""

import os

from emolab.extras import require

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when TRL and datasets import huggingface_hub

require("torch", "transformers", "trl", "peft")
