"""Supervised fine-tuning and GRPO on a model of `emolab.lalm`, and what surrounds a run: plans, guards, checkpoints."""

from emolab.extras import require, tell_nobody

tell_nobody()
require("torch", "transformers", "trl", "peft")
