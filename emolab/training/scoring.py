"""Scoring for GRPO: the packed shared-prefix forward in the place where TRL runs one row for each completion."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from emolab.lalm.packing import packed_logprobs
from emolab.training.guards import require_hearing
from emolab.training.rollout import Rollout

MEDIA = {"audio": "waveform", "video": "frames"}


class Scoring(Rollout):
    """Mix-in for a `trl.GRPOTrainer`: log-probabilities of completions, without those that teach nothing."""

    beta: float
    skip_zero_variance: bool
    aux_loss_enabled: bool
    top_entropy_quantile: float
    _entropy_bonus_enabled: bool
    _live: Tensor | None
    _metrics: Any

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        compute_aux_loss: bool = False,
        **_: Any,
    ) -> tuple[Tensor, Tensor | None, None]:
        """Log-probabilities (N, C) and entropies of the completions, one packed row a prompt, through `model`'s own
        forward.

        Groups that are not live are left out; their log-probabilities are 0, their entropies the mean of the others.
        """
        start = time.perf_counter()
        ids, mask = input_ids[:, -logits_to_keep:], attention_mask[:, -logits_to_keep:]
        live = self._live if torch.is_grad_enabled() else None
        chosen = torch.arange(len(ids), device=ids.device) if live is None else live.nonzero()[:, 0]
        chosen = chosen if len(chosen) else chosen.new_tensor([0])  # one forward keeps the graph, and DDP, alive
        logps = torch.zeros(ids.shape, dtype=torch.float32, device=ids.device)
        entropies = torch.zeros_like(logps) if compute_entropy else None
        for at in chosen.split(batch_size or len(ids)):
            scores, spread = self._score(model, at, ids, mask, compute_entropy)
            logps = logps.index_put((at,), scores)
            if entropies is not None and spread is not None:
                entropies = entropies.index_put((at,), spread)
        if entropies is not None and live is not None:
            entropies = self._fill_entropies(entropies, mask, live)
        self._clock["update" if torch.is_grad_enabled() else "scoring"] += time.perf_counter() - start
        return logps, entropies, None

    def _score(self, model: Any, at: Tensor, ids: Tensor, mask: Tensor, entropy: bool) -> tuple[Tensor, Tensor | None]:
        """Score the completions at positions `at` of the batch in one packed forward: (n, C) log-probabilities,
        entropies."""
        rows = [self._rows[i] for i in at.tolist()]
        unique = list(dict.fromkeys(rows))
        owner = torch.tensor([unique.index(row) for row in rows], device=ids.device)
        with self.accelerator.autocast():
            out = packed_logprobs(
                self.lalm,
                self._prompts_of(unique),
                ids[at],
                mask[at],
                owner,
                model=model,
                entropy=entropy,
                temperature=self.temperature,
            )
        return out if entropy else (out, None)

    @staticmethod
    def _fill_entropies(entropies: Tensor, mask: Tensor, live: Tensor) -> Tensor:
        seen = mask.bool() & live[:, None]
        return torch.where(
            live[:, None], entropies, entropies[seen].mean() if seen.any() else entropies.new_tensor(float("nan"))
        )

    def _find_live(self, advantages: Tensor) -> Tensor | None:
        """Which completions need a forward: those of groups with any advantage. None: all of them."""
        policy_only = self.beta == 0.0 and not self._entropy_bonus_enabled and self.top_entropy_quantile >= 1.0
        if not (self.skip_zero_variance and policy_only and self.model.training) or self.aux_loss_enabled:
            return None
        live, skipped = torch.ones(len(advantages), dtype=torch.bool, device=advantages.device), 0
        for _, at in self._groups(self._rows):
            if not advantages[at].any():
                live[at] = False
                skipped += 1
        self._metrics["train"]["skipped_groups"].append(float(skipped))
        return live if skipped else None

    def _check_hearing(self, model: Any, inputs: dict[str, Any]) -> None:
        """Exchange the media of up to four prompts for silence or blank frames and see whether the loss forward
        notices."""
        groups = list(self._groups(self._rows))[:4]
        rows = [row for row, _ in groups]
        ids, mask = inputs["completion_ids"], inputs["completion_mask"]
        at = torch.tensor([i for _, positions in groups for i in positions[:1]], device=ids.device)
        with torch.no_grad():
            real = self._score(model, at, ids, mask, False)[0]
            for modality in set(self.prompt.modalities) & set(self.lalm.modalities) & set(MEDIA):
                samples = [self.samples[r] for r in rows]
                if not any(getattr(s, modality) or MEDIA[modality] in s.extra for s in samples):
                    continue
                kept, self._store = self._store, (rows, self.lalm.encode(samples, self.prompt, absent=(modality,)))
                moved = float((self._score(model, at, ids, mask, False)[0] - real).abs().max())
                self._store = kept
                require_hearing(moved, modality, rows[0])
