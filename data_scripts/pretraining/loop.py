"""A resumable training loop: batches are drawn from (seed, step), so a killed run continues as if nothing had happened.

A stage has either one cycle of the learning rate over a known number of steps, or a constant rate for as long as there
is time (`schedule="constant"`), followed by another stage that lets it fall (`schedule="fall"`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from tqdm.auto import tqdm

from data_scripts.pretraining import shards


def one_cycle(step: int, steps: int, peak: float, warm: float = 0.1) -> float:
    """Learning rate: linear warm-up over the first `warm` of the run, then a cosine to 1% of the peak."""
    import math

    done = step / steps
    if done < warm:
        return peak * max(done / warm, 0.01)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm))))


def rate_at(schedule: str, step: int, steps: int, peak: float) -> float:
    """Learning rate of a step under a schedule: "cycle", "constant" (after 30 steps of warm-up) or "fall" (linear)."""
    if schedule == "cycle":
        return one_cycle(step, steps, peak)
    if schedule == "constant":
        return peak * min(1.0, (step + 1) / 30)
    return peak * max(0.02, 1 - step / steps)


def _resume(path: Path, modules: nn.ModuleDict, optimiser: torch.optim.Optimizer) -> int:
    """Load a checkpoint, where there is one. Returns the step to go on from."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    modules.load_state_dict(state["modules"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def train(
    name: str,
    modules: nn.ModuleDict,
    loss_of: Callable[[torch.Generator], dict[str, torch.Tensor]],
    folder: Path,
    *,
    steps: int,
    lr: float,
    seed: int = 0,
    weight_decay: float = 0.05,
    every: int = 250,
    evaluate: Callable[[], dict[str, float]] | None = None,
    schedule: str = "cycle",
    minutes: float | None = None,
) -> Path:
    """Minimise the sum of the losses that `loss_of(generator)` returns; log to `folder/name.jsonl`, checkpoint, resume.

    `minutes` ends the stage after that time, with a checkpoint from which the same call goes on.
    Returns the path of the last checkpoint, which holds the state of `modules`, of the optimiser, and the step.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, log = folder / f"{name}.pt", folder / f"{name}.jsonl"
    params = [p for p in modules.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(params, lr=lr, weight_decay=weight_decay, betas=(0.9, 0.98))
    start = _resume(path, modules, optimiser)
    began, seen = time.perf_counter(), {}
    for step in tqdm(range(start, steps), initial=start, total=steps, desc=name, mininterval=5):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(schedule, step, steps, lr)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        modules.train()
        with torch.autocast("cpu", torch.bfloat16):
            losses = loss_of(generator)
        total = torch.stack(list(losses.values())).sum()
        optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimiser.step()
        for key, value in losses.items():
            seen.setdefault(key, []).append(float(value.detach()))
        late = minutes is not None and time.perf_counter() - began > 60 * minutes
        if (step + 1) % every == 0 or step + 1 == steps or late:
            modules.eval()
            means = {k: round(sum(v) / len(v), 4) for k, v in seen.items()}
            row = {"step": step + 1, "seconds": round(time.perf_counter() - began, 1), **means}
            row |= evaluate() if evaluate else {}
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            seen = {}
            shards.save({"modules": modules.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1}, path)
        if late:
            break
    modules.eval()
    return path
