"""GRPO that hears: TRL's trainer, with the two places where the model runs replaced.

TRL 1.16 keeps rewards, advantages, losses, KL, logging, callbacks, accelerate and checkpoints. Ours are the rollout
(through `rollout_func`: prompts encoded once, one prefill, the cache repeated) and the scoring (an override of
`_get_per_token_logps_and_entropies`: the shared-prefix packed forward of `emolab.lalm.packing`). TRL is given the
tokenizer only, so it never looks for audio; a row's prompt is found through an integer column that travels in the
batch, and its embeddings stay in a side store, never copied G times. `tests/training/test_trl_seam.py` asserts every
signature used here.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer
from trl.trainer.utils import split_tensor_dict

from emolab.errors import TrainingError
from emolab.lalm import LALM, PromptBatch
from emolab.lalm.packing import packed_logprobs
from emolab.parsing import parse
from emolab.prompts import Prompt
from emolab.samples import EmotionSample
from emolab.training.checkpoints import AtomicCheckpoints
from emolab.training.guards import GuardedReward, Reward, require_finite, require_hearing, text_of
from emolab.training.sampler import GroupSampler


def reward_rows(
    samples: Sequence[EmotionSample], prompt: Prompt, columns: Mapping[str, Sequence[Any]] | None = None
) -> list[dict[str, Any]]:
    """The dataset that TRL iterates over: the prompt's text, the row number, and what rewards may read of each sample.

    Reward columns are `solution` (the label), `words`, `caption`, `text`, `id`, plus `columns`, each one value a
    sample.
    """
    for name, values in (columns or {}).items():
        if len(values) != len(samples):
            raise TrainingError(f"column {name!r} has {len(values)} values for {len(samples)} samples")
    return [
        {
            "prompt": prompt.text(sample),
            "row": i,
            "solution": sample.emotion,
            "words": list(sample.words),
            "caption": sample.caption,
            "text": sample.text,
            "id": sample.id,
            **{name: values[i] for name, values in (columns or {}).items()},
        }
        for i, sample in enumerate(samples)
    ]


def parses(text: str) -> bool:
    """Whether a completion has an answer that the one parser finds: what the logged parse rate counts."""
    return parse(text).answer is not None


class HearingGRPOTrainer(AtomicCheckpoints, GRPOTrainer):
    """`trl.GRPOTrainer` over a `LALM` and samples.

    Attach LoRA to the model first (`emolab.lalm.quantise`); its adapters stay in the dtype they have, fp32 in 4 bits
    too. `reward_funcs` are TRL callables. Zero-variance groups are not run through the model unless
    `skip_zero_variance=False` or something else than the policy loss needs them (KL, an entropy bonus). On the first
    batch the trainer exchanges the media of the loss forward and raises TrainingError when that changes nothing.
    """

    def __init__(
        self,
        lalm: LALM,
        samples: Sequence[EmotionSample],
        prompt: Prompt,
        reward_funcs: Reward | Sequence[Reward],
        args: GRPOConfig,
        *,
        columns: Mapping[str, Sequence[Any]] | None = None,
        callbacks: Sequence[TrainerCallback] = (),
        parses: Callable[[str], bool] = parses,
        check_hearing: bool = True,
        skip_zero_variance: bool = True,
    ):
        self.lalm, self.samples, self.prompt, self.parses = lalm, list(samples), prompt, parses
        self.skip_zero_variance, self._hearing_unchecked = skip_zero_variance, check_hearing
        self._rows: list[int] = []
        self._texts: list[str] = []
        self._live: Tensor | None = None
        self._equal_groups: Tensor | None = None
        self._store: tuple[list[int], PromptBatch] | None = None
        self._clock: defaultdict[str, float] = defaultdict(float)
        rewards = [reward_funcs] if callable(reward_funcs) else list(reward_funcs)
        data = reward_rows(self.samples, prompt, columns)
        self._set_length(args, len(data))
        beta, args.beta = args.beta, args.beta if hasattr(lalm.model, "peft_config") else 0.0
        kept = {name: p.detach().clone() for name, p in lalm.model.named_parameters() if p.requires_grad}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="You are using 'rollout_func'")
            super().__init__(
                model=lalm.model,
                reward_funcs=[GuardedReward(r) for r in rewards],
                args=args,
                train_dataset=Dataset.from_dict({"prompt": [row["prompt"] for row in data]}),
                processing_class=lalm.tokenizer,
                callbacks=list(callbacks),
                rollout_func=self._rollout,
            )
        self._undo_casts(kept)
        self.beta = args.beta = beta
        if beta and not hasattr(lalm.model, "peft_config"):
            # TRL would load the reference anew from a hub name; a copy is what was asked for.
            self.ref_model = copy.deepcopy(lalm.model).requires_grad_(False).eval()
        self.train_dataset = data  # plain dicts: TRL reads every row G times a step, and Arrow decodes it each time
        self.remove_callback(PrinterCallback)

    @staticmethod
    def _set_length(args: GRPOConfig, n_rows: int) -> None:
        """Turn epochs into steps, so that one sampler stream covers the run."""
        if args.max_steps <= 0:
            prompts = args.generation_batch_size // args.num_generations
            updates = args.steps_per_generation * args.num_iterations / args.gradient_accumulation_steps
            args.max_steps = max(1, int(-(-args.num_train_epochs * n_rows // prompts) * updates))

    def _undo_casts(self, kept: Mapping[str, Tensor]) -> None:
        """TRL casts the adapters of a 4-bit model to bf16, where an update at lr 1e-6 rounds away."""
        for name, parameter in self.model.named_parameters():
            source = kept.get(name, kept.get(name.replace(".ref.", ".default.")) if ".ref." in name else None)
            if source is not None:
                parameter.data = (
                    source.clone() if parameter.dtype != source.dtype or ".ref." in name else parameter.data
                )

    # Data order

    def _get_train_sampler(self, dataset: Any = None) -> GroupSampler:
        args = self.args
        repeats = args.steps_per_generation * args.num_iterations
        generations = -(-args.max_steps * args.gradient_accumulation_steps // repeats)
        return GroupSampler(
            len(self.train_dataset),
            groups=args.generation_batch_size // args.num_generations,
            group_size=args.num_generations,
            repeats=repeats,
            generations=generations,
            seed=args.seed,
            shuffle=bool(self.shuffle_dataset),
        )

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        """As TRL's, without its shuffle, which would tear the groups of a step apart: prompts come shuffled anyway."""
        if not self.model.training:
            return self._generate_and_score_completions(generation_batch)
        if self._step % (self.args.steps_per_generation * self.num_iterations) == 0 or self._buffered_inputs is None:
            batch = self._generate_and_score_completions(generation_batch)
            self._buffered_inputs = split_tensor_dict(batch, self.args.steps_per_generation)
        return self._buffered_inputs[self._step % self.args.steps_per_generation]

    def _prompts_of(self, rows: Sequence[int]) -> PromptBatch:
        """The encoded prompts of these rows, from the side store or encoded now (after a resume inside a batch)."""
        if self._store is None or not set(rows) <= set(self._store[0]):
            unique = list(dict.fromkeys(rows))
            self._store = unique, self.lalm.encode([self.samples[r] for r in unique], self.prompt)
        known, batch = self._store
        return batch if list(rows) == known else batch.select([known.index(r) for r in rows])

    # Rollout

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
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad and not bool(torch.isfinite(parameter.sum())):
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

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        self._rows = [x["row"] for x in inputs]
        self._live = None
        out = super()._generate_and_score_completions(inputs)
        out["row"] = torch.tensor(self._rows, device=out["completion_ids"].device)
        if self._equal_groups is not None:
            # Rounding leaves advantages of up to 1e-4 in a group of equal rewards; they are zero.
            out["advantages"] = out["advantages"].masked_fill(self._equal_groups, 0.0)
        return out

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Tensor:
        start, mode = time.perf_counter(), "train" if self.model.training else "eval"
        self._texts = [text_of(c) for c in completions]
        parts = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        rate = torch.tensor([float(self.parses(t)) for t in self._texts], device=parts.device)
        self._metrics[mode]["parse_rate"].append(self.accelerator.gather(rate).mean().item())
        total = (parts * self.reward_weights.to(parts.device)).nansum(1)
        size = self.num_generations if mode == "train" else self.num_generations_eval
        groups = total.view(-1, size)
        equal = (groups.amax(1) - groups.amin(1) <= 1e-7 * groups.abs().amax(1)).repeat_interleave(size)
        here = slice(self.accelerator.process_index * len(prompts), (self.accelerator.process_index + 1) * len(prompts))
        self._equal_groups = equal[here] if self.multi_objective_aggregation == "sum_then_normalize" else None
        self._clock["reward"] += time.perf_counter() - start
        return parts

    # Scoring

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

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        self._rows = inputs["row"].tolist()
        if self._hearing_unchecked:
            self._check_hearing(model, inputs)
            self._hearing_unchecked = False
        self._live = self._find_live(inputs["advantages"])
        old = inputs.get("old_per_token_logps")
        loss = super()._compute_loss(
            model,
            inputs
            if old is None or self._live is None
            else {**inputs, "old_per_token_logps": old.masked_fill(~self._live[:, None], 0.0)},
        )
        self._live = None
        texts = self.processing_class.batch_decode(inputs["completion_ids"][:1]) if not torch.isfinite(loss) else ()
        require_finite(float(loss.detach()), "the loss", self.state.global_step + 1, self._rows, texts)
        return loss

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

    # Guards and clocks

    def _check_hearing(self, model: Any, inputs: dict[str, Any]) -> None:
        """Exchange the media of up to four prompts for silence or blank frames and see whether the loss forward
        notices."""
        groups = list(self._groups(self._rows))[:4]
        rows = [row for row, _ in groups]
        ids, mask = inputs["completion_ids"], inputs["completion_mask"]
        at = torch.tensor([i for _, positions in groups for i in positions[:1]], device=ids.device)
        media = {"audio": "waveform", "video": "frames"}
        with torch.no_grad():
            real = self._score(model, at, ids, mask, False)[0]
            for modality in set(self.prompt.modalities) & set(self.lalm.modalities) & set(media):
                samples = [self.samples[r] for r in rows]
                if not any(getattr(s, modality) or media[modality] in s.extra for s in samples):
                    continue
                kept, self._store = self._store, (rows, self.lalm.encode(samples, self.prompt, absent=(modality,)))
                moved = float((self._score(model, at, ids, mask, False)[0] - real).abs().max())
                self._store = kept
                require_hearing(moved, modality, rows[0])

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any) -> Tensor:
        if self._step % self.args.gradient_accumulation_steps == 0:
            self._clock.clear()
            self._clock["started"] = time.perf_counter()
        return super().training_step(model, inputs, num_items_in_batch)

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """Called before the optimiser moves: the place to stop on a gradient that is not a number."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        if norm is not None:
            require_finite(float(norm), "the gradient norm", self.state.global_step + 1, self._rows, self._texts)
        return norm

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if started := self._clock.pop("started", 0.0):
            total = time.perf_counter() - started
            parts = {name: self._clock[name] for name in ("rollout", "reward", "scoring")}
            logs = {
                **logs,
                **{f"seconds/{k}": v for k, v in parts.items()},
                "seconds/update": total - sum(parts.values()),
                "seconds/step": total,
            }
        super().log(logs, start_time)
