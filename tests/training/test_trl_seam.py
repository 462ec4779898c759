"""Every name of TRL and transformers that the trainer overrides or reads: fails clearly on a version not tested
here."""

from __future__ import annotations

import inspect

import pytest
import trl
from transformers import Trainer
from trl import GRPOConfig, GRPOTrainer
from trl.trainer import utils

ADVICE = "emolab.training.grpo was tested on TRL 1.16; on this TRL ({}) {} — compare with its source before training"

SIGNATURES = {
    "_get_per_token_logps_and_entropies": [
        "model",
        "input_ids",
        "attention_mask",
        "logits_to_keep",
        "batch_size",
        "compute_entropy",
        "compute_aux_loss",
    ],
    "_generate_and_score_completions": ["inputs"],
    "_calculate_rewards": ["inputs", "prompts", "completions", "completion_ids_list"],
    "_prepare_inputs": ["generation_batch"],
    "_get_train_sampler": ["dataset"],
    "_compute_loss": ["model", "inputs"],
    "training_step": ["model", "inputs", "num_items_in_batch"],
    "_save_checkpoint": ["model", "trial"],
    "_load_optimizer_and_scheduler": ["checkpoint"],
    "log": ["logs", "start_time"],
}


def test_version() -> None:
    assert trl.__version__.startswith("1.16."), ADVICE.format(trl.__version__, "everything may differ")


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_signature(name: str) -> None:
    method = getattr(GRPOTrainer, name, None)
    assert method is not None, ADVICE.format(trl.__version__, f"GRPOTrainer.{name} is gone")
    found = list(inspect.signature(inspect.unwrap(method)).parameters)[1:]
    assert found[: len(SIGNATURES[name])] == SIGNATURES[name], ADVICE.format(trl.__version__, f"{name} takes {found}")


@pytest.mark.parametrize(
    "text",
    [
        "self.rollout_func(prompts, self)",
        'inputs.get("old_per_token_logps")',
        "self._entropy_bonus_enabled",
        "self.multi_objective_aggregation",
        "self._buffered_inputs",
        "self.top_entropy_quantile",
        "self.aux_loss_enabled",
        "self._metrics[mode]",
        "self.num_generations_eval",
        'model.add_adapter("ref"',
        "self.reward_weights",
    ],
)
def test_attributes_that_we_read(text: str) -> None:
    assert text in inspect.getsource(GRPOTrainer), ADVICE.format(trl.__version__, f"{text!r} is gone")


def test_transformers_and_helpers() -> None:
    assert list(inspect.signature(Trainer._get_grad_norm).parameters)[:2] == ["self", "model"]
    assert list(inspect.signature(Trainer._get_output_dir).parameters) == ["self", "trial"]
    assert list(inspect.signature(utils.split_tensor_dict).parameters) == ["tensor_dict", "num_chunks"]
    for name in (
        "generation_batch_size",
        "steps_per_generation",
        "num_iterations",
        "max_completion_length",
        "shuffle_dataset",
    ):
        assert name in GRPOConfig.__dataclass_fields__, ADVICE.format(trl.__version__, f"GRPOConfig.{name} is gone")
