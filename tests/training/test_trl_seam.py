"""Every name of TRL and transformers that the trainer overrides or reads: fails clearly on a version not tested
here."""

from __future__ import annotations

import inspect
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import trl
from packaging.requirements import Requirement
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer
from trl.trainer import utils

from emolab.training.grpo import AudioGRPOTrainer

ADVICE = (
    "emolab.training.grpo was tested on TRL 1.12 to 1.16; on this TRL ({}) {} — compare with its source before training"
)

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
    "_prepare_inputs": ["generation_batch"],
    "_save_checkpoint": ["model", "trial"],
    "create_model_card": ["model_name"],
}


def test_version() -> None:
    """The range of pyproject.toml is the one that `tests/compat` passes on."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(text) for text in project["optional-dependencies"]["train"]]
    supported = next(requirement.specifier for requirement in wanted if requirement.name == "trl")
    assert trl.__version__ in supported, ADVICE.format(trl.__version__, "everything may differ")


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_signature(name: str) -> None:
    method = getattr(GRPOTrainer, name, None)
    assert method is not None, ADVICE.format(trl.__version__, f"GRPOTrainer.{name} is gone")
    found = list(inspect.signature(inspect.unwrap(method)).parameters)[1:]
    if found[:2] == ["model", "args"]:  # TRL 1.14 passes the rest on
        return
    assert found[: len(SIGNATURES[name])] == SIGNATURES[name], ADVICE.format(trl.__version__, f"{name} takes {found}")


def test_these_are_all_the_overrides() -> None:
    own = {n for n in vars(AudioGRPOTrainer) if hasattr(GRPOTrainer, n) and not n.startswith("__")}
    assert own == set(SIGNATURES), "write the new override down in the docstring of emolab.training.grpo"


@pytest.mark.parametrize(
    "text",
    [
        "self.rollout_func(prompts, self)",
        'inputs.get("old_per_token_logps")',
        "self._entropy_bonus_enabled",
        "self._generate_and_score_completions(generation_batch)",
        'self._logs["rewards"][name].extend(rewards_per_func[:, i].tolist())',
        "self._step % self.args.steps_per_generation",
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
    for name in ("on_train_begin", "on_step_begin", "on_pre_optimizer_step", "on_step_end"):
        assert hasattr(TrainerCallback, name), ADVICE.format(trl.__version__, f"TrainerCallback.{name} is gone")
    assert list(inspect.signature(utils.split_tensor_dict).parameters) == ["tensor_dict", "num_chunks"]
    for name in (
        "generation_batch_size",
        "steps_per_generation",
        "num_iterations",
        "max_completion_length",
        "shuffle_dataset",
    ):
        assert name in GRPOConfig.__dataclass_fields__, ADVICE.format(trl.__version__, f"GRPOConfig.{name} is gone")


def test_the_served_versions_of_vllm_are_those_of_the_newest_trl() -> None:
    """TRL states its range in `trl/import_utils.py`, and warns of any other version."""
    stated = inspect.getsource(import_module("trl.import_utils").is_vllm_available)
    low, high = re.findall(r'Version\("([\d.]+)"\)', stated)[:2]
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if not trl.__version__.startswith("1.16."):
        pytest.skip(f"trl {trl.__version__} supports older versions of vLLM than the newest, 1.16")
    (served,) = project["optional-dependencies"]["serve"]
    assert {str(part) for part in Requirement(served).specifier} == {f">={low}", f"<={high}"}
