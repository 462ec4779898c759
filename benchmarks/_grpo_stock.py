"""A whole step of stock TRL's own trainer on a text model, beside ours with audio; and where our time goes.

The text model has the size of our model's decoder, its prompts have as many tokens as ours with audio, and its
completions are as long: what TRL users have on text is the bar. Both train on random rewards, so that every group has
an advantage: random models of a benchmark's size with every weight (`stock`), and the decoder of a published model
with adapters, in 4 bits or, where vLLM samples, in 16 (`stock_of_decoder`).
"""

from __future__ import annotations

import copy
import gc
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from transformers import TrainerCallback

NO_ROOM = "TRL's trainer does not fit the card"


def stock(bench: Any, text: Any, runs: int, clock: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """Median seconds of a step of both trainers, one after the other; the first step of each is left out."""
    ours = our_seconds(bench, runs, clock)
    return told(bench, runs, ours, step_seconds(stock_trainer(bench, text, runs + 1), clock))


def stock_of_decoder(bench: Any, runs: int, folder: Path, vllm: bool, rank: int) -> dict[str, Any]:
    """The same for the decoder of `bench.lalm`, whose weights are in 4 bits and have adapters of this rank.

    The decoder is written as a text model into `folder` and read again: in 4 bits, or in the model's own dtype where
    vLLM samples, because TRL merges the adapters for it, and vLLM takes no merged 4-bit weights. Our model is freed
    before TRL's is loaded. Where the card has no room for TRL's, its seconds are None.
    """
    from emolab.training.engine import write_decoder

    lalm = bench.lalm
    write_decoder(lalm, folder)
    device, dtype = lalm.device, lalm.dtype
    ours, plain = our_seconds(bench, runs), None
    lalm.model = None
    del lalm
    free()
    try:
        text = read_text(folder, device, dtype, four_bit=not vllm)
        options = engine_settings(bench, folder, device) if vllm else {}
        trainer = stock_trainer(bench, text, runs + 1, adapters(rank), **options)
        plain = step_seconds(trainer)
    except torch.OutOfMemoryError:
        free()
    kind = {
        "text": str(dtype).removeprefix("torch.") if vllm else "4 bits",
        "sampled_by": "vllm" if vllm else "generate",
    }
    return told(bench, runs, ours, plain) | kind | ({"note": NO_ROOM} if plain is None else {})


def told(bench: Any, runs: int, ours: float, plain: float | None) -> dict[str, Any]:
    """A row of both trainers' seconds."""
    shape = {"prompt": bench.batch.input_ids.shape[1], "completion": bench.sizes.completion}
    return {
        **shape,
        "group": bench.sizes.group,
        "limit": None,
        "ratio": None if plain is None else round(plain / ours, 3),
        "ours": round(ours, 4),
        "plain": None if plain is None else round(plain, 4),
        "unit": "s",
        "runs": runs,
    }


def our_seconds(bench: Any, runs: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Median seconds of our trainer's steps; the bench's answers never end before their length."""
    return step_seconds(our_trainer(bench, runs + 1), clock)


def step_seconds(trainer: Any, clock: Callable[[], float] = time.perf_counter) -> float:
    """Median seconds of a trainer's steps, without the first."""
    times: list[float] = []
    trainer.add_callback(Clock(clock, times))
    trainer.train()
    return median(times[1:])


def free() -> None:
    """Give back what nothing holds any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def read_text(folder: Path, device: torch.device, dtype: torch.dtype, four_bit: bool) -> Any:
    """A text model's folder, in 4 bits as our decoder is, or in `dtype`."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    from emolab.lalm.quantise import keep_trainable

    options: dict[str, Any] = {"dtype": dtype, "device_map": {"": device}}
    if four_bit:
        kind = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
        options["quantization_config"] = BitsAndBytesConfig(load_in_4bit=True, **kind)
    model = AutoModelForCausalLM.from_pretrained(folder, **options)
    keep_trainable(model)
    return model


def adapters(rank: int) -> Any:
    """Adapters on all linear maps of the layers, as ours."""
    from peft import LoraConfig

    from emolab.lalm.quantise import TARGETS

    names = list(TARGETS["all-linear"])
    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names, task_type="CAUSAL_LM")


def engine_settings(bench: Any, folder: Path, device: torch.device) -> dict[str, Any]:
    """TRL's settings for vLLM in this process: room for the weights and 4 GB, and at least TRL's own share."""
    weights = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    share = (weights + 4e9) / torch.cuda.get_device_properties(device).total_memory
    sizes = bench.sizes
    return {
        "use_vllm": True,
        "vllm_mode": "colocate",
        "vllm_gpu_memory_utilization": max(0.3, round(share, 2)),
        "vllm_max_model_length": bench.batch.input_ids.shape[1] + sizes.completion + 8,
        "generation_kwargs": {"min_tokens": sizes.completion, "ignore_eos": True},
    }


def text_model(lalm: Any) -> Any:
    """A random text model of the size of a decoder and its head, trainable in full."""
    from emolab.training.engine import text_model as kind_of

    kind = kind_of(lalm)
    config = lalm.decoder.config
    known = {k: v for k, v in config.to_dict().items() if k in kind.config_class().to_dict() and k != "model_type"}
    rope = {k: v for k, v in (known.get("rope_parameters") or {}).items() if k != "mrope_section"}
    return kind(kind.config_class(**known | ({"rope_parameters": rope} if rope else {})))


def settings_of(bench: Any, steps: int, folder: str, **options: Any) -> Any:
    """One prompt and its group a step."""
    from emolab.training.grpo import grpo_config

    sizes = bench.sizes
    return grpo_config(
        folder,
        prompts_per_step=1,
        group_size=sizes.group,
        max_steps=steps,
        max_completion_length=sizes.completion,
        learning_rate=1e-6,
        **options,
    )


def random_reward(completions: Any, **_: Any) -> list[float]:
    """Rewards that differ within a group."""
    return [float(i % 4) for i in range(len(completions))]


def our_trainer(bench: Any, steps: int) -> Any:
    """Ours, on one clip with audio, whose embeddings are cached after the first step."""
    from emolab.training.grpo import AudioGRPOTrainer

    args = settings_of(bench, steps, tempfile.mkdtemp())
    return AudioGRPOTrainer(bench.lalm, bench.samples, bench.prompt, random_reward, args, check_hearing=False)


def stock_trainer(bench: Any, text: Any, steps: int, peft_config: Any = None, **options: Any) -> Any:
    """TRL's own trainer, untouched, on a text prompt of as many tokens; every completion is as long as it may be."""
    from datasets import Dataset
    from trl import GRPOTrainer

    tokenizer, wanted = copy.deepcopy(bench.lalm.tokenizer), bench.batch.input_ids.shape[1]
    tokenizer.eos_token = bench.eos_token  # TRL's trainer needs one
    data = Dataset.from_dict({"prompt": [words_of(tokenizer, wanted)] * 4})
    full = {"generation_kwargs": {"min_new_tokens": bench.sizes.completion}}
    args = settings_of(bench, steps, tempfile.mkdtemp(), **full | options)
    given = {"train_dataset": data, "processing_class": tokenizer, "peft_config": peft_config}
    return GRPOTrainer(text, random_reward, args, **given)


def words_of(tokenizer: Any, tokens: int) -> str:
    """The longest text of one word again and again that has at most so many tokens."""

    def length(count: int) -> int:
        return len(tokenizer(" x" * count)["input_ids"])

    count = max(1, round(tokens**2 / length(tokens)))
    while length(count) > tokens:
        count -= 1
    while length(count + 1) <= tokens:
        count += 1
    return " x" * count


class Clock(TrainerCallback):  # type: ignore[misc]
    """Adds the seconds of each step to `times`."""

    def __init__(self, clock: Callable[[], float], times: list[float]):
        self.clock, self.times, self.began = clock, times, 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.began = self.clock()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.times.append(self.clock() - self.began)


PARTS = {
    "matrix products": ("addmm", "mm", "bmm", "linear", "matmul", "addbmm"),
    "attention": ("flash", "attention", "softmax"),
    "optimiser": ("adam", "Optimizer"),
    "copies and indices": ("copy", "index", "cat", "gather", "scatter", "clone", "contiguous", "fill", "zero"),
}


def profile(action: Callable[[], Any], runs: int = 2) -> dict[str, float]:
    """The kinds of operation that an action's time goes to, as shares of its seconds; "python" is what lies between."""
    action()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
        start = time.perf_counter()
        for _ in range(runs):
            action()
        total = time.perf_counter() - start
    spent: defaultdict[str, float] = defaultdict(float)
    for event in found.key_averages():
        name = event.key.lower()
        part = next(
            (part for part, marks in PARTS.items() if any(mark.lower() in name for mark in marks)), "elementwise"
        )
        spent[part] += event.self_cpu_time_total / 1e6
    shares = {part: round(seconds / total, 3) for part, seconds in sorted(spent.items(), key=lambda p: -p[1])}
    return shares | {"python": round(max(0.0, 1 - sum(shares.values())), 3)}
