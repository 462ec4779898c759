"""A whole step of stock TRL's own trainer on a text model, beside ours with audio; and where our time goes.

The text model has the size of our random model's decoder, its prompts have as many tokens as ours with audio, and its
completions are as long: what TRL users have on text is the bar. Both train every weight of the language model with
AdamW, on random rewards, so that every group has an advantage.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

from transformers import TrainerCallback


def stock(bench: Any, text: Any, runs: int, clock: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """Median seconds of a step of both trainers, one after the other; the first step of each is left out."""
    sizes = bench.sizes
    times: dict[str, list[float]] = {"ours": [], "plain": []}
    trainers = {"ours": our_trainer(bench, runs + 1), "plain": stock_trainer(bench, text, runs + 1)}
    for name, trainer in trainers.items():
        trainer.add_callback(Clock(clock, times[name]))
    for trainer in trainers.values():
        trainer.train()
    ours, plain = (median(times[name][1:]) for name in ("ours", "plain"))
    shape = {"prompt": bench.batch.input_ids.shape[1], "completion": sizes.completion, "group": sizes.group}
    return {
        **shape,
        "limit": None,
        "ratio": round(plain / ours, 3),
        "ours": round(ours, 4),
        "plain": round(plain, 4),
    } | {
        "unit": "s",
        "runs": runs,
    }


def text_model(lalm: Any) -> Any:
    """A random text model of the size of a decoder and its head, trainable in full."""
    from emolab.training.engine import text_model as kind_of

    kind = kind_of(lalm)
    config = lalm.decoder.config
    known = {k: v for k, v in config.to_dict().items() if k in kind.config_class().to_dict() and k != "model_type"}
    rope = {k: v for k, v in (known.get("rope_parameters") or {}).items() if k != "mrope_section"}
    return kind(kind.config_class(**known | ({"rope_parameters": rope} if rope else {})))


def settings_of(bench: Any, steps: int, folder: str) -> Any:
    """One prompt and its group a step, every completion as long as it may be."""
    from emolab.training.grpo import grpo_config

    sizes = bench.sizes
    return grpo_config(
        folder,
        prompts_per_step=1,
        group_size=sizes.group,
        max_steps=steps,
        max_completion_length=sizes.completion,
        generation_kwargs={"min_new_tokens": sizes.completion},
        learning_rate=1e-6,
    )


def random_reward(completions: Any, **_: Any) -> list[float]:
    """Rewards that differ within a group."""
    return [float(i % 4) for i in range(len(completions))]


def our_trainer(bench: Any, steps: int) -> Any:
    """Ours, on one clip with audio, whose embeddings are cached after the first step."""
    from emolab.training.grpo import AudioGRPOTrainer

    args = settings_of(bench, steps, tempfile.mkdtemp())
    return AudioGRPOTrainer(bench.lalm, bench.samples, bench.prompt, random_reward, args, check_hearing=False)


def stock_trainer(bench: Any, text: Any, steps: int) -> Any:
    """TRL's own trainer, untouched, on a text prompt of as many tokens."""
    from datasets import Dataset
    from trl import GRPOTrainer

    tokenizer, wanted = bench.lalm.tokenizer, bench.batch.input_ids.shape[1]
    words = " x" * wanted
    while len(tokenizer(words)["input_ids"]) > wanted:
        words = words[:-2]
    data = Dataset.from_dict({"prompt": [words] * 4})
    args = settings_of(bench, steps, tempfile.mkdtemp())
    return GRPOTrainer(text, random_reward, args, train_dataset=data, processing_class=tokenizer)


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
    import torch

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
