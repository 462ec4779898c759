"""Supervised fine-tuning on (prompt, target text) pairs: the cold start before GRPO, and its baseline on the same
labels."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from emolab.errors import MediaError, TrainingError
from emolab.lalm import LALM, Completions, PromptBatch, accel
from emolab.prompts import Prompt
from emolab.samples import EmotionSample
from emolab.training.guards import Unreadable, naming_the_knobs, require_finite
from emolab.training.launch import share, wait_for_all

log = logging.getLogger("emolab.training")


@dataclass(frozen=True)
class SFTSettings:
    """How to fine-tune. `epochs` passes over the pairs in batches of `batch_size`; cosine decay after `warmup` of
    the steps.

    To save memory, `micro_batches` splits a batch into so many forwards, whose gradients add up to the whole batch's,
    and `gradient_checkpointing` computes each layer again in the backward.
    """

    epochs: float = 3.0
    batch_size: int = 16
    learning_rate: float = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    seed: int = 0
    micro_batches: int = 1
    gradient_checkpointing: bool = False


def supervised_loss(
    lalm: LALM, batch: PromptBatch, completions: Completions, model: Any = None, tokens: int | None = None
) -> Tensor:
    """Mean negative log-likelihood of the target tokens, end of turn included; the prompt carries no loss.

    `completions` holds G targets for each of the B prompts; a prompt is computed once for all of its targets. The mean
    is over `tokens` tokens where these are a part of a batch of so many.
    """
    flat = completions.flat()
    logprobs = accel.logprobs(lalm, batch, flat, model)
    return -(logprobs * flat.mask).sum() / (flat.mask.sum() if tokens is None else tokens)


def run_order(rows: int, prompts: int, seed: int, shuffle: bool = True) -> list[int]:
    """The rows whose prompts a run of `prompts` prompts draws, in order: successive permutations of all rows.

    Permutation k depends on (seed, k) alone, so that a resumed run reads on where it stopped. No row is dropped at the
    end of a pass.
    """
    order: list[int] = []
    while len(order) < prompts:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + len(order) // rows)
        order += torch.randperm(rows, generator=generator).tolist() if shuffle else range(rows)
    return order[:prompts]


def learning_rate_at(step: int, total: int, settings: SFTSettings) -> float:
    """Linear warm-up, then a cosine to zero."""
    warm = max(1, round(total * settings.warmup))
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def fine_tune(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    targets: Sequence[str],
    prompt: Prompt,
    settings: SFTSettings | None = None,
    progress: bool = True,
) -> list[dict[str, float]]:
    """Fine-tune the trainable weights of `lalm` (its adapters, or everything) to answer `prompt` with the targets.

    Returns one dict a step: step, loss, learning_rate, grad_norm. The order depends on the seed alone.
    Raises TrainingError when there is nothing to train on, a target is empty, or the loss is not a number.
    """
    settings = settings or SFTSettings()
    if len(samples) != len(targets) or not samples:
        raise TrainingError(f"need one target for each sample, got {len(samples)} samples and {len(targets)} targets")
    for sample, target in zip(samples, targets, strict=True):
        if not target.strip():
            raise TrainingError(f"{sample.id}: the target text is empty")
    parameters = [p for p in lalm.model.parameters() if p.requires_grad]
    if not parameters:
        raise TrainingError("the model has no trainable weights: attach LoRA first (emolab.lalm.quantise.add_lora)")
    optimizer = torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, betas=(0.9, 0.98)
    )
    scaler = torch.amp.GradScaler(lalm.device.type, enabled=lalm.dtype == torch.float16)
    size = min(settings.batch_size, len(samples))
    steps = math.ceil(len(samples) * settings.epochs / size)
    order = run_order(len(samples), steps * size, settings.seed)
    batches = [order[i : i + size] for i in range(0, len(order), size)]
    pairs = _Pairs(lalm, samples, targets, prompt, scaler, Unreadable(lalm, samples, prompt))
    wait_for_all()
    rows: list[dict[str, float]] = []
    bar = tqdm(batches, desc="fine-tune", unit="step", disable=not progress, mininterval=0.5)
    with checkpointing(lalm) if settings.gradient_checkpointing else nullcontext():
        lalm.model.train()
        for step, indices in enumerate(bar):
            if share()[1] == 1 and not pairs.mine(indices):
                continue  # every clip of it was left out before
            rate = learning_rate_at(step, len(batches), settings)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss, settings = pairs.in_memory(batches[step : step + 2], settings)
            loss = _summed(parameters, loss) if share()[1] > 1 else loss
            require_finite(loss, "the fine-tuning loss", step + 1, indices, [targets[indices[0]]])
            scaler.unscale_(optimizer)
            norm = float(torch.nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm))
            scaler.step(optimizer)
            scaler.update()
            rows.append({"step": step + 1, "loss": loss, "learning_rate": rate, "grad_norm": norm})
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
    lalm.model.eval()
    return rows


@dataclass(frozen=True)
class _Pairs:
    """What a model is fine-tuned on: samples, the target of each, and the prompt between them."""

    lalm: LALM
    samples: Sequence[EmotionSample]
    targets: Sequence[str]
    prompt: Prompt
    scaler: Any
    unreadable: Unreadable

    def in_memory(self, batches: Sequence[Sequence[int]], settings: SFTSettings) -> tuple[float, SFTSettings]:
        """`backward`, with twice the micro-batches as often as the card runs out of memory, and that said; also the
        settings to go on with. A clip that turns out to be unreadable is left out. Raises TrainingError where a single
        clip does not fit."""
        while True:
            self.lalm.model.zero_grad(set_to_none=True)
            with naming_the_knobs("fine-tuning, clip by clip"):
                try:
                    return self.backward(batches, settings.micro_batches), settings
                except MediaError:
                    mine = self.mine(batches[0])
                    if not 0 < len([i for i in mine if self.unreadable.reads(i)]) < len(mine):
                        raise
                    continue
                except torch.OutOfMemoryError:
                    if settings.micro_batches >= len(batches[0]):
                        raise
            micro = min(len(batches[0]), 2 * max(1, settings.micro_batches))
            settings = replace(settings, micro_batches=micro)
            torch.cuda.empty_cache()
            log.warning("the card ran out of memory: each batch is split into %d parts from now on", micro)

    def backward(self, batches: Sequence[Sequence[int]], micro_batches: int) -> float:
        """Add the gradient of this process's part of the first of `batches`, a micro-batch at a time; returns its part
        of the loss, a mean over all tokens of the batch.

        Prompts and targets are encoded here, a micro-batch at a time, so that nothing that grows with the corpus is
        held; the media of what comes next, the second of `batches` at last, are read meanwhile.
        """
        mine, after = self.mine(batches[0]), [i for batch in batches[1:] for i in self.mine(batch)]
        size = max(1, -(-len(mine) // max(1, micro_batches)))
        parts = [mine[i : i + size] for i in range(0, len(mine), size)]
        prompts = self.lalm.encoded(([self.samples[i] for i in part] for part in [*parts, after[:size]]), self.prompt)
        counted = mine if share()[1] == 1 else batches[0]  # no process knows what another one left out
        tokens, total = int(self.answers(counted, "cpu").mask.sum()), 0.0
        for part, batch in zip(parts, prompts, strict=False):  # what comes next is only read
            loss = supervised_loss(self.lalm, batch, self.answers(part, self.lalm.device), tokens=tokens)
            self.scaler.scale(loss).backward()
            total += float(loss.detach())
        return total

    def mine(self, batch: Sequence[int]) -> list[int]:
        """This process's part of a batch."""
        rank, world = share()
        return [i for i in batch[rank::world] if i not in self.unreadable.found]

    def answers(self, part: Sequence[int], device: torch.device | str) -> Completions:
        """The targets of some samples as completions, one each."""
        texts = [[self.targets[i]] for i in part]
        return Completions.from_texts(self.lalm.tokenizer, texts, self.lalm.end_id, device)


def _summed(parameters: Sequence[Tensor], loss: float) -> float:
    """Sum the gradients over all processes, in place; returns the sum of their losses."""
    total = torch.tensor(loss, device=parameters[0].device)
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        torch.distributed.all_reduce(parameter.grad)
    torch.distributed.all_reduce(total)
    return float(total)


@contextmanager
def checkpointing(lalm: LALM) -> Iterator[None]:
    """Compute the decoder's layers again in the backward for as long as this lasts."""
    lalm.base.activation_checkpointing_enable()
    hook = lalm.table.register_forward_hook(lambda module, given, out: out.requires_grad_())
    try:
        yield
    finally:
        hook.remove()
        lalm.base.activation_checkpointing_disable()
