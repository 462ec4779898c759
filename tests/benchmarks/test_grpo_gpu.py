"""TRL's own trainer on a published model's decoder as a text model, in small: what `make gpu` runs at full size."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from trl import GRPOTrainer

from benchmarks import grpo_gpu
from emolab.cli.bench import load_benchmark
from emolab.errors import TrainingError

PLAIN, STOCK = (load_benchmark(grpo_gpu.HERE / name) for name in ("grpo.py", "_grpo_stock.py"))


@pytest.fixture
def bench():
    torch.manual_seed(0)
    lalm = grpo_gpu.random_4bit(grpo_gpu.MODELS["3b"], small=True, checkpointing=False)
    return PLAIN.Bench(lalm, PLAIN.Sizes(60, 8, 2, 0.5))


def trained(model):
    """(4-bit layers, numbers that train)."""
    layers = sum(isinstance(part, Linear4bit) for part in model.modules())
    return layers, sum(p.numel() for p in model.parameters() if p.requires_grad)


def test_trl_trains_as_large_a_model_as_long_and_in_the_same_bits(bench, tmp_path, monkeypatch):
    ours, seen, real = trained(bench.lalm.model), [], STOCK.step_seconds
    monkeypatch.setattr(STOCK, "step_seconds", lambda trainer, *clock: (seen.append(trainer), real(trainer, *clock))[1])
    found = STOCK.stock_of_decoder(bench, 1, tmp_path, False, grpo_gpu.RANK)
    audio, stock = seen
    assert type(stock) is GRPOTrainer and trained(stock.model) == ours and ours[0] == 3 * 7
    assert {row["completions/mean_length"] for row in stock.state.log_history[:-1]} == {found["completion"]} == {8}
    assert {row["completions/mean_length"] for row in audio.state.log_history[:-1]} == {8}
    words = stock.train_dataset[0]["prompt"]
    assert 0 <= found["prompt"] - len(bench.lalm.tokenizer(words)["input_ids"]) < 2, "a word is two tokens here"
    assert found["ratio"] == pytest.approx(found["plain"] / found["ours"], rel=0.01)
    assert (found["text"], found["sampled_by"], found["group"]) == ("4 bits", "generate", 2)
    assert bench.lalm.model is None, "ours is not held beside TRL's"


def test_with_vllm_the_text_model_is_in_16_bits_and_sampled_in_this_process(bench, tmp_path, monkeypatch):
    """vLLM itself runs on a card; this is what TRL is told."""
    given = {}

    def trainer(bench, text, steps, peft_config, **options):
        given.update(options, text=text, settings=STOCK.settings_of(bench, steps, str(tmp_path), **options))
        return SimpleNamespace(add_callback=lambda clock: clock.times.extend([9.0, 2.0]), train=lambda: None)

    monkeypatch.setattr(STOCK, "stock_trainer", trainer)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=5e9))
    found = STOCK.stock_of_decoder(bench, 1, tmp_path / "text", True, grpo_gpu.RANK)
    assert found["plain"] == 2.0 and (found["text"], found["sampled_by"]) == ("float32", "vllm")
    assert trained(given["text"])[0] == 0 and (tmp_path / "text" / "tokenizer_config.json").is_file()
    settings = given["settings"]
    assert settings.use_vllm and settings.vllm_mode == "colocate" and settings.vllm_gpu_memory_utilization == 0.8
    assert settings.vllm_max_model_length >= found["prompt"] + 8
    assert settings.generation_kwargs == {"min_tokens": 8, "ignore_eos": True}


def test_a_card_without_room_for_trl_is_a_row_that_says_so(bench, tmp_path, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(STOCK, "read_text", full)
    found = STOCK.stock_of_decoder(bench, 1, tmp_path, False, grpo_gpu.RANK)
    assert found["ours"] > 0 and found["plain"] is None and found["ratio"] is None
    assert found["note"] == "TRL's trainer does not fit the card"


@pytest.mark.parametrize(
    ("size", "against", "prompts", "said"),
    [
        ("9b", "plain", 1, "--size 9b: expected 7b or 3b or 2b"),
        ("3b", "trl", 1, "--against trl: expected plain, stock or stock-vllm"),
        ("3b", "stock", 3, "one prompt a step"),
        ("3b", "stock-vllm", 1, "--against stock-vllm: "),
    ],
)
def test_what_cannot_be_measured_is_refused(size, against, prompts, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match=said):
        grpo_gpu.require(size, True, against, prompts)
