"""Sampling for GRPO: every prompt of a step encoded once, prefilled once, and sampled in one generation."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from emolab.errors import TrainingError
from emolab.lalm import LALM, PromptBatch
from emolab.prompts import Prompt
from emolab.samples import EmotionSample


class Rollout:
    """Mix-in for a `trl.GRPOTrainer`: the side store of encoded prompts, and TRL's `rollout_func`."""

    lalm: LALM
    prompt: Prompt
    samples: list[EmotionSample]
    args: Any
    state: Any
    model: Any
    accelerator: Any
    temperature: float
    top_p: float
    top_k: int | None
    min_p: float | None
    num_generations: int
    num_generations_eval: int
    num_iterations: int
    max_completion_length: int
    _step: int
    _rows: list[int]
    _heard: set[int]
    _store: tuple[list[int], PromptBatch] | None
    _clock: defaultdict[str, float]

    def _prompts_of(self, rows: Sequence[int]) -> PromptBatch:
        """The encoded prompts of these rows, from the side store or encoded now (after a resume inside a batch)."""
        if self._store is None or not set(rows) <= set(self._store[0]):
            unique = list(dict.fromkeys(rows))
            self._hear([r for r in unique if r not in self._heard])
            self._store = unique, self.lalm.encode([self.samples[r] for r in unique], self.prompt)
        known, batch = self._store
        return batch if list(rows) == known else batch.select([known.index(r) for r in rows])

    def _hear(self, rows: Sequence[int]) -> None:
        """Pass clips through the tower one by one on a CPU: in a batch, neighbours change the last bits of the
        embeddings, and a resumed run has other neighbours."""
        if self.accelerator.device.type == "cpu":
            for row in rows:
                self.lalm.encode([self.samples[row]], self.prompt)
        self._heard.update(rows)

    @property
    def generation_index(self) -> int:
        """How many batches of completions were sampled before this one; with the seed it fixes the sampling noise."""
        return self._step // (self.args.steps_per_generation * self.num_iterations)

    def _rollout(self, prompts: list[Any], trainer: Any) -> dict[str, Any]:
        """TRL's rollout_func: every unique prompt of the step in one generation with one prefill."""
        start = time.perf_counter()
        groups = list(self._groups(self._rows))
        rows, size = [row for row, _ in groups], max(len(at) for _, at in groups)
        batch, args = self._prompts_of(rows), self.args
        seed = args.seed * 1_000_003 + self.generation_index * args.world_size + args.process_index
        self._require_finite_weights()
        done = self.lalm.generate(
            batch,
            n=size,
            max_new_tokens=self.max_completion_length,
            temperature=self.temperature,
            seed=seed,
            top_p=self.top_p,
            top_k=self.top_k or 0,
            min_p=self.min_p or 0.0,
        )
        ids, lengths = done.ids.tolist(), done.mask.sum(-1).tolist()
        prompt_ids = [row[mask.bool()].tolist() for row, mask in zip(batch.input_ids, batch.mask, strict=True)]
        out: dict[str, Any] = {"prompt_ids": [], "completion_ids": [], "logprobs": None}
        for b, (_, at) in enumerate(groups):
            for g in range(len(at)):
                out["prompt_ids"].append(prompt_ids[b])
                out["completion_ids"].append(ids[b][g][: max(1, lengths[b][g])])
        self._clock["rollout"] += time.perf_counter() - start
        return out

    def _require_finite_weights(self) -> None:
        trained = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        if bool(torch.isfinite(torch.stack([p.detach().float().sum() for p in trained.values()])).all()):
            return
        name = next(name for name, p in trained.items() if not bool(torch.isfinite(p).all()))
        raise TrainingError(
            f"weights of {name} are not finite before step {self.state.global_step + 1}: resume from an earlier "
            "checkpoint with a lower learning rate"
        )

    def _groups(self, rows: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """Runs of equal rows, at most a group long, each with its positions in the batch."""
        size = self.num_generations if self.model.training else self.num_generations_eval
        start = 0
        for i in range(1, len(rows) + 1):
            if i == len(rows) or rows[i] != rows[start] or i - start == size:
                yield rows[start], list(range(start, i))
                start = i
