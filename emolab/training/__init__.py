"""Supervised fine-tuning and GRPO on a model of `emolab.lalm`, and what surrounds a run: plans, guards, checkpoints."""

from emolab.extras import require

require("torch", "transformers", "trl", "peft")
