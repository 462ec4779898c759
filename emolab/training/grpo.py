"""GRPO that hears: TRL's trainer, with the two places where the model runs replaced.

TRL 1.16 keeps rewards, advantages, losses, KL, logging, callbacks, accelerate and checkpoints. Ours are the rollout
(`rollout.py`, through `rollout_func`: prompts encoded once, one prefill, the cache shared) and the scoring (an
override of `_get_per_token_logps_and_entropies`: the shared-prefix packed forward of `emolab.lalm.packing`). TRL is
given the tokenizer only, so it never looks for audio; a row's prompt is found through an integer column that travels
in the batch, and its embeddings stay in a side store, never copied G times. `tests/training/test_trl_seam.py`
asserts every signature used here.
"""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer
from trl.trainer.utils import split_tensor_dict

from emolab.errors import TrainingError
from emolab.lalm import LALM, PromptBatch
from emolab.lalm.notes import without_notes
from emolab.parsing import parse
from emolab.prompts import Prompt
from emolab.rewards.base import Reward
from emolab.samples import EmotionSample
from emolab.training.checkpoints import AtomicCheckpoints
from emolab.training.guards import GuardedReward, require_finite, text_of
from emolab.training.sampler import GroupSampler
from emolab.training.scoring import Scoring


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


class HearingGRPOTrainer(AtomicCheckpoints, Scoring, GRPOTrainer):
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
        self._rows, self._texts = list[int](), list[str]()
        self._live: Tensor | None = None
        self._equal_groups: Tensor | None = None
        self._store: tuple[list[int], PromptBatch] | None = None
        self._heard: set[int] = set()
        self._clock: defaultdict[str, float] = defaultdict(float)
        rewards = [reward_funcs] if callable(reward_funcs) else list(reward_funcs)
        data = reward_rows(self.samples, prompt, columns)
        self._set_length(args, len(data))
        beta, args.beta = args.beta, args.beta if hasattr(lalm.model, "peft_config") else 0.0
        reference = None
        if beta and not hasattr(lalm.model, "peft_config"):
            # TRL would load the reference anew from a hub name. Copied before TRL patches the forward: the patch
            # is bound to the original's head.
            reference = copy.deepcopy(lalm.model).requires_grad_(False).eval()
        kept = {name: p.detach().clone() for name, p in lalm.model.named_parameters() if p.requires_grad}
        with without_notes("You are using 'rollout_func'"):
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
        if reference is not None:
            self.ref_model = reference
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
        # TRL's own fraction misses groups whose standard deviation is not exactly 0 after rounding.
        self._metrics[mode]["zero_variance"].append(equal.float().mean().item())
        here = slice(self.accelerator.process_index * len(prompts), (self.accelerator.process_index + 1) * len(prompts))
        self._equal_groups = equal[here] if self.multi_objective_aggregation == "sum_then_normalize" else None
        self._clock["reward"] += time.perf_counter() - start
        return parts

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

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """As TRL's, without the deprecation notes that transformers gives TRL."""
        with without_notes():
            return super().train(*args, **kwargs)

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
