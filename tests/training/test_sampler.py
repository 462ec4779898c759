"""The order of a run."""

from __future__ import annotations

import pytest
from training_helpers import make_trainer, samples, small_lalm

from emolab.errors import TrainingError
from emolab.training.grpo import grpo_config
from emolab.training.sft import run_order


def test_every_row_comes_up_equally_often_and_none_is_dropped() -> None:
    order = run_order(5, 20, seed=0)
    assert [sorted(order[i : i + 5]) for i in range(0, 20, 5)] == [[*range(5)]] * 4
    assert run_order(5, 7, seed=0) == order[:7] and run_order(3, 7, 0, shuffle=False) == [0, 1, 2, 0, 1, 2, 0]


def test_the_order_depends_on_the_seed_only() -> None:
    assert run_order(9, 18, 1) == run_order(9, 18, 1) != run_order(9, 18, 2)


def test_trl_reads_the_order_in_whole_groups(tmp_path) -> None:
    trainer = make_trainer(
        tmp_path, small_lalm(), clips=samples(5), prompts_per_step=2, group_size=3, num_iterations=2, max_steps=20
    )
    seen = [trainer.train_dataset[i]["row"] for i in trainer._get_train_sampler()]
    want = run_order(5, 20, seed=3)
    for batch in range(10):
        once = [row for row in want[2 * batch : 2 * batch + 2] for _ in range(3)]
        assert seen[12 * batch : 12 * batch + 12] == once * 2


def test_config_speaks_of_prompts(tmp_path) -> None:
    args = grpo_config(tmp_path, prompts_per_step=6, group_size=4, micro_batches=3, loss_type="cispo", max_steps=1)
    assert args.per_device_train_batch_size == 8 and args.gradient_accumulation_steps == 3 and args.epsilon_high == 5.0
    assert (
        not args.bf16 and not args.activation_checkpointing and not args.gradient_checkpointing and args.report_to == []
    )
    for wrong in ({"group_size": 1}, {"micro_batches": 4}):
        with pytest.raises(TrainingError):
            grpo_config(tmp_path, **{"prompts_per_step": 6, "group_size": 4, **wrong})
