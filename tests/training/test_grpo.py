"""The trainer against GRPO from scratch, and what it must refuse."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from emolab_course.scratch import LOSS_TYPES, Settings, group_advantages, update
from training_helpers import PROMPT, Recorder, letters, make_trainer, plain_logprobs, samples, small_lalm, twin, weights
from transformers import TrainerCallback

from benchmarks.tiny_models import tiny_random
from emolab.errors import RewardError, TrainingError
from emolab.lalm import accel
from emolab.lalm.quantise import add_lora
from emolab.training.callbacks import History
from emolab.training.guards import Alarms


def from_scratch(
    lalm: Any, recorder: Recorder, trainer: Any, scale: str = "group", beta: float = 0.0
) -> dict[str, Any]:
    """The same update on the recorded completions by `scratch.py` and plain forwards."""
    (call,) = recorder.calls
    lalm.model.train()
    order = list(dict.fromkeys(call["rows"]))
    batch = lalm.encode([trainer.samples[r] for r in order], PROMPT)
    rows = [order.index(r) for r in call["rows"]]
    policy = lambda: plain_logprobs(lalm, batch, rows, call["ids"])[0]  # noqa: E731
    mask = plain_logprobs(lalm, batch, rows, call["ids"])[1]
    args = trainer.args
    settings = Settings(
        args.loss_type, args.epsilon, args.epsilon_high, beta, args.max_completion_length, args.num_iterations
    )
    optimizer = torch.optim.SGD([p for p in lalm.model.parameters() if p.requires_grad], args.learning_rate)
    advantages = group_advantages(torch.tensor(call["rewards"]), args.num_generations, scale)  # type: ignore[arg-type]
    reference = policy().detach() if beta else None
    update(policy, optimizer, advantages, mask, settings, reference)
    return weights(lalm)


def assert_same(ours: dict[str, Any], theirs: dict[str, Any], before: dict[str, Any], tolerance: float = 1e-5) -> None:
    assert ours.keys() == theirs.keys()
    moved = max((theirs[k] - before[k]).abs().max().item() for k in ours)
    assert moved > 50 * tolerance, f"the update is too small to compare ({moved})"
    worst = max((ours[k] - theirs[k]).abs().max().item() for k in ours)
    assert worst <= tolerance, f"weights differ by {worst}, the update moved them by {moved}"


@pytest.mark.parametrize("loss_type", LOSS_TYPES)
def test_two_updates_on_a_batch_equal_scratch(loss_type: str, tmp_path: Path) -> None:
    lalm = small_lalm()
    other, before, recorder = twin(lalm), weights(lalm), Recorder()
    trainer = make_trainer(
        tmp_path, lalm, recorder, loss_type=loss_type, num_iterations=2, max_steps=2, beta=0.2, learning_rate=0.3
    )
    trainer.train()
    assert_same(weights(lalm), from_scratch(other, recorder, trainer, beta=0.2), before)


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_scaled_rewards_equal_scratch(scale: str, tmp_path: Path) -> None:
    lalm = small_lalm(seed=1)
    other, before, recorder = twin(lalm), weights(lalm), Recorder()
    trainer = make_trainer(tmp_path, lalm, recorder, scale_rewards=scale, learning_rate=1.0)
    trainer.train()
    assert_same(weights(lalm), from_scratch(other, recorder, trainer, scale), before)


def test_qwen2_audio_and_micro_batches_equal_scratch(tmp_path: Path) -> None:
    lalm = small_lalm("qwen2_audio")
    other, before, recorder = twin(lalm), weights(lalm), Recorder()
    trainer = make_trainer(tmp_path, lalm, recorder, micro_batches=2, loss_type="dapo", learning_rate=1.0)
    trainer.train()
    assert_same(weights(lalm), from_scratch(other, recorder, trainer), before)


def test_full_fine_tuning_with_a_reference_equals_scratch(tmp_path: Path) -> None:
    lalm = small_lalm(lora=False)
    other, before, recorder = twin(lalm), weights(lalm), Recorder()
    trainer = make_trainer(tmp_path, lalm, recorder, num_iterations=2, max_steps=2, beta=0.2, learning_rate=0.05)
    trainer.train()
    assert_same(weights(lalm), from_scratch(other, recorder, trainer, beta=0.2), before)


@pytest.mark.parametrize(("bits", "checkpointing"), [(4, False), (4, True), (32, True)])
def test_4_bits_and_checkpointing_equal_scratch(bits: int, checkpointing: bool, tmp_path: Path) -> None:
    lalm = small_lalm(quantise=bits == 4)
    other, before, recorder = twin(lalm), weights(lalm), Recorder()
    trainer = make_trainer(
        tmp_path, lalm, recorder, beta=0.1, learning_rate=1.0, activation_checkpointing=checkpointing
    )
    trainer.train()
    assert lalm.decoder.layers[0].gradient_checkpointing is checkpointing
    assert_same(weights(lalm), from_scratch(other, recorder, trainer, beta=0.1), before)


@pytest.mark.parametrize("name", ["gradient_checkpointing", "activation_checkpointing"])
@pytest.mark.parametrize("iterations", [1, 2])
def test_micro_batches_with_checkpointing_take_three_steps(name: str, iterations: int, tmp_path: Path) -> None:
    results = []
    for changes in ({}, {"micro_batches": 2, name: True}):
        lalm = small_lalm("qwen2_audio")
        trainer = make_trainer(
            tmp_path, lalm, learning_rate=0.3, max_steps=3, num_iterations=iterations, beta=0.05, **changes
        )
        trainer.train()
        assert lalm.decoder.layers[0].gradient_checkpointing is bool(changes)
        results.append(weights(lalm))
    assert max((results[0][k] - v).abs().max().item() for k, v in results[1].items()) < 2e-4


def test_rewards_see_what_the_prompt_has_opened(tmp_path: Path) -> None:
    lalm, recorder = small_lalm("qwen2_audio"), Recorder()
    lalm.opening = "<think>"
    make_trainer(tmp_path, lalm, recorder).train()
    assert all(text.startswith("<think>") for text in recorder.calls[0]["texts"])


def one_flat_group(prompts: Any, completions: Any, row: Any = (), **columns: Any) -> list[float]:
    """Row by row: the first row of the batch gets the same reward for every completion."""
    return [0.1 if r == row[0] else x for r, x in zip(row, letters(prompts, completions), strict=True)]


@pytest.mark.parametrize("num_iterations", [1, 2])
def test_skipping_flat_groups_changes_no_weight(num_iterations: int, tmp_path: Path) -> None:
    results, histories = [], []
    for skip in (True, False):
        lalm, history = small_lalm(), History()
        make_trainer(
            tmp_path,
            lalm,
            one_flat_group,
            history=history,
            learning_rate=1.0,
            num_iterations=num_iterations,
            max_steps=2,
            trainer_options={"skip_zero_variance": skip},
        ).train()
        results.append(weights(lalm))
        histories.append(history.rows)
    assert max((results[0][k] - results[1][k]).abs().max().item() for k in results[0]) < 1e-6
    assert [r["skipped_groups"] for r in histories[0]] == [1.0, 1.0] and "skipped_groups" not in histories[1][0]
    assert histories[0][0]["entropy"] == pytest.approx(histories[1][0]["entropy"], rel=0.2)


def test_a_batch_without_any_variance_changes_nothing(tmp_path: Path) -> None:
    lalm = small_lalm()
    before = weights(lalm)
    make_trainer(tmp_path, lalm, lambda prompts, completions, **k: [0.3] * len(completions), max_steps=2).train()
    assert all(torch.equal(before[k], v) for k, v in weights(lalm).items())


def test_adapters_of_a_4bit_model_stay_fp32_and_learn(tmp_path: Path) -> None:
    from benchmarks.tiny_models import quantise_model, tiny_random
    from emolab.lalm.quantise import add_lora

    lalm = tiny_random(seed=0)
    quantise_model(lalm)
    add_lora(lalm, rank=4, alpha=8)
    before = weights(lalm)
    make_trainer(tmp_path, lalm, beta=0.05, optim="adamw_torch", learning_rate=1e-3, max_steps=2).train()
    after = weights(lalm)
    assert {p.dtype for p in after.values()} == {torch.float32}
    assert any(not torch.equal(before[k], after[k]) for k in after)


def test_a_deaf_loss_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = accel.logprobs

    def deaf(lalm: Any, batch: Any, *args: Any, **kwargs: Any) -> Any:
        return real(lalm, replace(batch, embeds=torch.zeros_like(batch.embeds)), *args, **kwargs)

    monkeypatch.setattr(accel, "logprobs", deaf)
    with pytest.raises(TrainingError, match="deaf"):
        make_trainer(tmp_path, small_lalm()).train()
    make_trainer(tmp_path, small_lalm(), trainer_options={"check_hearing": False}).train()
    noisy = tiny_random()
    add_lora(noisy, rank=4, dropout=0.5)
    with torch.no_grad():
        for name, parameter in noisy.model.named_parameters():
            parameter.copy_(torch.randn_like(parameter) if "lora_B" in name else parameter)
    with pytest.raises(TrainingError, match="deaf"):
        make_trainer(tmp_path, noisy).train()


def test_completions_that_were_cut_off_may_teach_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL masks them; where all are, nothing moves, and the plain path takes the same step."""
    moved = []
    for accelerated in "10":
        monkeypatch.setenv(accel.VARIABLE, accelerated)
        for length in (1, 6):
            lalm = small_lalm()
            ends = lalm.eos_ids
            lalm.base.generation_config.eos_token_id = [*ends, *range(0, lalm.table.weight.shape[0], 4)]
            before = weights(lalm)
            settings = {"max_completion_length": length, "mask_truncated_completions": True, "learning_rate": 1.0}
            trainer = make_trainer(tmp_path, lalm, **settings)
            trainer.train()
            moved.append({name: weight - before[name] for name, weight in weights(lalm).items()})
    most = [max(float(x.abs().max()) for x in one.values()) for one in moved]
    assert most[1] > 1e-3 and most[3] > 1e-3, "some completions ended, and taught"
    assert max(float((moved[1][name] - moved[3][name]).abs().max()) for name in moved[1]) < 1e-5
    lalm = small_lalm()
    lalm.base.generation_config.eos_token_id = lalm.tokenizer.eos_token = lalm.template_end = None
    before = weights(lalm)
    make_trainer(tmp_path, lalm, mask_truncated_completions=True).train()
    assert all(torch.equal(before[name], weight) for name, weight in weights(lalm).items()), "none ended"


def test_settings_that_rollouts_do_not_take_are_refused(tmp_path: Path) -> None:
    for given in ({"repetition_penalty": 1.2}, {"generation_kwargs": {"min_new_tokens": 3}}):
        with pytest.raises(TrainingError, match="take no repetition_penalty"):
            make_trainer(tmp_path, small_lalm(), **given)


def test_model_and_configuration_are_on_one_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else transformers would move the model to the card behind the profile's back."""
    lalm, cuda, made = small_lalm(), torch.device("cuda", 0), transformers.TrainingArguments.device.fget
    monkeypatch.setattr(transformers.TrainingArguments, "device", property(lambda self: (made(self), cuda)[1]))
    with pytest.raises(TrainingError, match="on cpu, the run on cuda:0: give `grpo_config` use_cpu=True"):
        make_trainer(tmp_path, lalm)


def test_an_answer_ends_for_trl_where_it_ends_for_the_model(tmp_path: Path) -> None:
    """Else it would count as cut off."""
    lalm = small_lalm()
    assert make_trainer(tmp_path, lalm).eos_token_ids == lalm.eos_ids


def test_rewards_that_fail_name_themselves(tmp_path: Path) -> None:
    def nan(prompts: Any, completions: Any, **columns: Any) -> list[float]:
        return [math.nan] * len(completions)

    def buggy(prompts: Any, completions: Any, **columns: Any) -> list[float]:
        return [float(columns["missing"][i]) for i in range(len(completions))]

    lalm = small_lalm()
    with pytest.raises(RewardError, match=r"'nan' is nan at step 1, row \d, completion"):
        make_trainer(tmp_path, lalm, nan).train()
    with pytest.raises(RewardError, match=r"'buggy' raised KeyError: 'missing' at step 1, row \d"):
        make_trainer(tmp_path, lalm, buggy).train()


def test_numbers_that_are_none_stop_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = accel.logprobs

    def broken(*args: Any, **kwargs: Any) -> Any:
        scores, spread = real(*args, **kwargs)
        return scores * math.nan, spread

    monkeypatch.setattr(accel, "logprobs", broken)
    with pytest.raises(TrainingError, match=r"log-probability of the loss is nan at step 1, rows .*completion"):
        make_trainer(tmp_path, small_lalm(), trainer_options={"check_hearing": False}).train()
    monkeypatch.undo()
    lalm = small_lalm()
    with torch.no_grad():
        next(p for n, p in lalm.model.named_parameters() if "lora_B" in n).fill_(math.nan)
    with pytest.raises(TrainingError, match=r"lora_B.* not finite"):
        make_trainer(tmp_path, lalm).train()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_no_number_stops_the_run(bad: float, tmp_path: Path) -> None:
    lalm = small_lalm()
    before = weights(lalm)
    next(p for n, p in lalm.model.named_parameters() if "lora_B" in n).register_hook(lambda grad: grad * bad)
    with pytest.raises(TrainingError, match=r"the gradient is (nan|inf) at step 1, rows \[.*completion '"):
        make_trainer(tmp_path, lalm).train()
    assert all(torch.equal(before[k], v) for k, v in weights(lalm).items()), "the optimiser did not move"


def test_a_scaler_of_float16_skips_a_step_that_overflows(tmp_path: Path) -> None:
    """The guard leaves it to the scaler, which halves its scale and lets the run go on."""
    lalm = small_lalm()
    before, scales = weights(lalm), []
    first = next(p for n, p in lalm.model.named_parameters() if "lora_B" in n)
    first.register_hook(lambda grad: grad * (math.inf if len(scales) < 1 else 1.0))
    trainer = make_trainer(tmp_path, lalm, max_steps=2)
    scaler = trainer.accelerator.scaler = torch.amp.GradScaler("cpu")
    inner = trainer.create_optimizer()
    inner.scaler = scaler

    class Scales(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            scales.append((scaler.get_scale(), all(torch.equal(before[k], v) for k, v in weights(lalm).items())))

    trainer.add_callback(Scales())
    trainer.train()
    assert scales[0] == (32768.0, True) and scales[1] == (32768.0, False)


def test_history_says_what_happened(tmp_path: Path) -> None:
    history = History(tmp_path / "metrics.jsonl", Alarms(parse_rate_below=0.99))
    make_trainer(tmp_path, small_lalm(), history=history, max_steps=2, beta=0.05, num_iterations=2).train()
    assert [r["step"] for r in history.rows] == [1, 2]
    wanted = {
        "reward",
        "reward/letters",
        "parse_rate",
        "kl",
        "clipped",
        "entropy",
        "length",
        "zero_variance",
        "grad_norm",
        "seconds_rollout",
        "seconds_scoring",
        "seconds_update",
    }
    assert wanted <= set(history.rows[0]), wanted - set(history.rows[0])
    assert history.rows[0]["alarms"] and (tmp_path / "metrics.jsonl").read_text().count("\n") == 2


def test_columns_reach_the_reward_and_the_rollout_seed_decides(tmp_path: Path) -> None:
    first, again, other = Recorder(), Recorder(), Recorder()
    for recorder, seed in ((first, 3), (again, 3), (other, 4)):
        make_trainer(
            tmp_path, small_lalm(), recorder, seed=seed, trainer_options={"columns": {"hint": list("abcd")}}
        ).train()
    call = first.calls[0]
    assert call["columns"]["solution"] == [samples()[r].emotion for r in call["rows"]]
    assert call["columns"]["hint"] == ["abcd"[r] for r in call["rows"]]
    assert call["ids"] == again.calls[0]["ids"] != other.calls[0]["ids"]
    with pytest.raises(TrainingError, match="column 'hint'"):
        make_trainer(tmp_path, small_lalm(), trainer_options={"columns": {"hint": ["a"]}})


def test_the_media_of_the_next_batch_are_read_ahead(tmp_path: Path) -> None:
    lalm, read, used = small_lalm(), [], []
    trainer = make_trainer(tmp_path, lalm, clips=samples(8), prompts_per_step=2, group_size=2, max_steps=3)
    ahead, encode = lalm.read_ahead, trainer._encode
    lalm.read_ahead = lambda found, prompt: read.append([s.id for s in found]) or ahead(found, prompt)  # type: ignore
    trainer._encode = lambda rows: used.append([trainer.samples[r].id for r in rows]) or encode(rows)  # type: ignore
    trainer.train()
    assert len(used) == 3 and read == used[1:]
