"""The order of a run."""

from __future__ import annotations

import pytest

from emolab.errors import TrainingError
from emolab.training.config import grpo_config
from emolab.training.sampler import GroupSampler


def test_groups_stay_together_and_every_row_comes_up_equally_often() -> None:
    order = list(sampler := GroupSampler(5, groups=2, group_size=3, repeats=2, generations=10, seed=0))
    assert len(order) == len(sampler) == 10 * 2 * 2 * 3
    for g in range(10):
        one, again = order[g * 12 : g * 12 + 6], order[g * 12 + 6 : g * 12 + 12]
        assert one == again and one[:3] == [one[0]] * 3 and one[3:] == [one[3]] * 3
    firsts = [order[g * 12 + k] for g in range(10) for k in (0, 3)]
    assert sorted(firsts) == sorted([*range(5)] * 4)


def test_the_stream_depends_on_the_seed_only() -> None:
    make = lambda seed: list(GroupSampler(9, groups=3, group_size=2, repeats=1, generations=6, seed=seed))  # noqa: E731
    assert make(1) == make(1) != make(2)


def test_config_speaks_of_prompts(tmp_path) -> None:
    args = grpo_config(tmp_path, prompts_per_step=6, group_size=4, micro_batches=3, loss_type="cispo", max_steps=1)
    assert args.per_device_train_batch_size == 8 and args.gradient_accumulation_steps == 3 and args.epsilon_high == 5.0
    assert (
        not args.bf16 and not args.activation_checkpointing and not args.gradient_checkpointing and args.report_to == []
    )
    for wrong in ({"group_size": 1}, {"micro_batches": 4}):
        with pytest.raises(TrainingError):
            grpo_config(tmp_path, **{"prompts_per_step": 6, "group_size": 4, **wrong})
