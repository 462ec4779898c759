"""GRPO that hears: `trl.GRPOTrainer` with the two places where the model runs replaced, in one class.

TRL keeps rewards, advantages, loss types, KL, logging, callbacks, accelerate and the optimiser loop. This file adds:

- **the rollout**, through TRL's public `rollout_func`: each prompt is encoded once and prefilled once, and its
  completions share the cache;
- **the scoring**, in place of TRL's forward: with the audio, one packed row for each prompt
  (`emolab.lalm.accel`).

TRL sees no audio. It gets the tokenizer, and a "prompt" of one token, the row's number. Each row's embeddings stay in
`self.generation`, and the scoring finds them by that number. The one bit of the prompt's mask says whether the row has
an advantage: a row without one is not run.

**What is overridden, and what would let it go** (`tests/training/test_trl_seam.py` asserts each signature):

1. `__init__`: gives TRL rows and a tokenizer instead of a processor. Goes when TRL's constructor takes audio models.
2. `_prepare_inputs`: keeps a group in one micro-batch, and marks rows without an advantage. Goes when TRL's shuffle of
   completions can be switched off.
3. `_get_per_token_logps_and_entropies`: the packed forward. Goes when TRL's forward takes audio and shares prompts.
4. `_save_checkpoint`: lists the files of a whole checkpoint, and keeps half-used completions. Goes when transformers
   writes checkpoints atomically.
5. `create_model_card`: writes none. Goes when TRL has a switch for its hub card.

What resuming gives: on a CPU with one thread, a run resumed from a checkpoint has the same metrics and weights, to the
last bit, as one that was not interrupted. The order of prompts and the sampling noise depend on the seed and the step
alone, so that a checkpoint holds nothing of TRL's state, except the completions of a batch that is not used up
(`num_iterations` or `steps_per_generation` above 1). Given up: with `logging_steps` above 1, averages of metrics that
were not yet logged start anew.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer
from trl.trainer.utils import split_tensor_dict

from emolab.errors import MediaError, TrainingError
from emolab.lalm import LALM, PromptBatch, accel
from emolab.lalm.batch import FlatCompletions
from emolab.lalm.quantise import without_notes
from emolab.lalm.sampling import evaluating
from emolab.parsing import parse
from emolab.prompts import Prompt
from emolab.rewards.base import Reward
from emolab.rewards.groups import flat_groups
from emolab.rewards.guard import Guarded
from emolab.samples import EmotionSample
from emolab.training.checkpoints import STATE, WHOLE, finish_checkpoint, without_base_name
from emolab.training.engine import Engine
from emolab.training.guards import (
    Unreadable,
    require_finite,
    require_finite_gradients,
    require_finite_weights,
    require_hearing,
)
from emolab.training.sft import run_order

# transformers tells TRL on every step that an attribute is deprecated; a user can do nothing about it.
warnings.filterwarnings("ignore", message="`(is_)?gradient_checkpointing", category=FutureWarning)


def grpo_config(
    output_dir: str | Path, *, prompts_per_step: int = 12, group_size: int = 8, micro_batches: int = 1, **settings: Any
) -> GRPOConfig:
    """A `trl.GRPOConfig` for steps of `prompts_per_step` × `group_size` completions (per process).

    `micro_batches` splits a step to save memory; it must divide `prompts_per_step`, so that a group never straddles two
    micro-batches and its prompt is shared. Every other keyword is TRL's own. What differs from TRL's defaults, and why:

    - bf16 and gradient checkpointing are off unless asked for: TRL turns both on, also on a CPU, where autocast alone
      moves log-probabilities by 2e-3. `gradient_checkpointing` and `activation_checkpointing` are the same setting;
    - NaN losses are not filtered from the log: our guards stop on them;
    - CISPO's `epsilon_high` is 5 unless given: it caps the ratio itself, and TRL's 0.2 would shrink every token's
      weight;
    - no reports to trackers, no progress bar of its own, a log line each step, checkpoints only when `save_steps` is
      given.

    Raises TrainingError for sizes that do not divide.
    """
    if prompts_per_step < 1 or group_size < 2:
        raise TrainingError(f"a step needs at least 1 prompt of 2 completions, not {prompts_per_step} of {group_size}")
    if prompts_per_step % micro_batches:
        raise TrainingError(f"micro_batches={micro_batches} must divide prompts_per_step={prompts_per_step}")
    if "gradient_checkpointing" in settings:  # TRL's documented name; transformers calls it activation_checkpointing
        settings.setdefault("activation_checkpointing", settings.pop("gradient_checkpointing"))
    cuda = torch.cuda.is_available()
    values: dict[str, Any] = {
        "per_device_train_batch_size": prompts_per_step * group_size // micro_batches,
        "gradient_accumulation_steps": micro_batches,
        "num_generations": group_size,
        "use_cpu": not cuda,
        "bf16": False,
        "activation_checkpointing": False,
        "report_to": [],
        "disable_tqdm": True,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "dataloader_pin_memory": cuda,
        "remove_unused_columns": False,
        "save_strategy": "steps" if "save_steps" in settings else "no",
        "beta": 0.0,
        "loss_type": "grpo",
        "max_grad_norm": 1.0,
        "lr_scheduler_type": "constant_with_warmup",
    }
    values.update(settings)
    if values["loss_type"] == "cispo":
        values.setdefault("epsilon_high", 5.0)
    return GRPOConfig(output_dir=str(output_dir), **values)


def reward_rows(
    samples: Sequence[EmotionSample], prompt: Prompt, columns: Mapping[str, Sequence[Any]] | None = None
) -> list[dict[str, Any]]:
    """The rows that TRL iterates over: the prompt's text, the row's number, and the columns that rewards may read.

    Reward columns are `solution` (the label), `words`, `caption`, `text`, `votes` (annotators'), `id`, and `columns`,
    which hold one value for each sample. Raises TrainingError for a column of another length.
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
            "votes": sample.extra.get("votes"),
            "id": sample.id,
            **{name: values[i] for name, values in (columns or {}).items()},
        }
        for i, sample in enumerate(samples)
    ]


@dataclass
class Generation:
    """What was sampled last: the row of each group, the groups' prompts as embeddings, and the completions' texts."""

    rows: list[int]
    prompts: PromptBatch
    texts: list[str]


class AudioGRPOTrainer(GRPOTrainer):
    """`trl.GRPOTrainer` over a `LALM` and samples.

    Attach LoRA to the model first (`emolab.lalm.quantise.add_lora`). Adapters keep the dtype that they have: float32,
    in 4 bits too. `reward_funcs` are TRL's: `f(prompts, completions, **columns) -> list[float | None]`. Completions
    without an advantage are not run through the model, unless `skip_zero_variance=False`, or unless something else than
    the policy loss needs them (KL, an entropy bonus). On its first batch, the trainer exchanges the media of the loss
    forward; it raises TrainingError when that changes nothing, because such a loss is deaf. With an `engine`, a vLLM
    server samples, and TRL pushes weights to it and corrects the loss for its rounding (`emolab.training.engine`).
    """

    _buffered_inputs: list[dict[str, Any]] | None

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
        check_hearing: bool = True,
        skip_zero_variance: bool = True,
        engine: Engine | None = None,
    ):
        self.lalm, self.samples, self.prompt = lalm, list(samples), prompt
        self.check_hearing, self.skip_zero_variance, self.engine = check_hearing, skip_zero_variance, engine
        self.generation: Generation | None = None
        self.unreadable = Unreadable(lalm, self.samples, prompt)
        self.seconds: defaultdict[str, float] = defaultdict(float)
        rewards = [reward_funcs] if callable(reward_funcs) else list(reward_funcs)
        data = reward_rows(self.samples, prompt, columns)
        order = run_order(len(data), _count_prompts(args, len(data)), args.seed, bool(args.shuffle_dataset))
        if args.per_device_train_batch_size * args.steps_per_generation % args.num_generations:
            raise TrainingError(
                f"a process's {args.per_device_train_batch_size} × {args.steps_per_generation} completions are not "
                f"whole groups of {args.num_generations}; make the configuration with `grpo_config`"
            )
        if args.repetition_penalty != 1.0 or args.generation_kwargs:
            raise TrainingError("rollouts take no repetition_penalty and no generation_kwargs; leave them out")
        if args.device.type != lalm.device.type:
            fitting = f"use_cpu={lalm.device.type == 'cpu'}"
            raise TrainingError(
                f"the model is on {lalm.device}, the run on {args.device}: give `grpo_config` {fitting}"
            )
        self.keep_checkpoints, args.save_total_limit = args.save_total_limit, None  # see _save_checkpoint
        beta, reference = args.beta, None
        if not hasattr(lalm.model, "peft_config"):
            args.beta = 0.0  # else TRL loads the reference anew, from a hub name
            # Copied before TRL patches the forward, because the patch is bound to the original's head.
            reference = copy.deepcopy(lalm.model).requires_grad_(False).eval() if beta else None
        kept = {name: p.detach().clone() for name, p in lalm.model.named_parameters() if p.requires_grad}
        if lalm.tokenizer.pad_token_id is None:
            lalm.tokenizer.pad_token_id = lalm.pad_id  # TRL pads with the tokenizer's own token
        with without_notes("You are using 'rollout_func'"):
            super().__init__(
                model=lalm.model,
                reward_funcs=[Guarded(_opened(r, lalm.opening)) for r in rewards],
                args=args,
                train_dataset=Dataset.from_dict({"prompt": [row["prompt"] for row in data]}),
                processing_class=lalm.tokenizer,
                callbacks=[*callbacks, RunGuard(self)],
                rollout_func=self._rollout,
            )
        for name, parameter in self.model.named_parameters():
            # TRL casts the adapters of a 4-bit model to bf16, where an update at learning rate 1e-6 rounds away.
            source = kept.get(name.replace(".ref.", ".default."))
            if source is not None and (parameter.dtype != source.dtype or ".ref." in name):
                parameter.data = source.clone()
        self.beta = args.beta = beta
        self.eos_token_ids = lalm.eos_ids
        self.aux_loss_enabled = False  # TRL's load-balancing loss of mixtures of experts: routers are frozen here
        if engine is not None:  # set here, because TRL's constructor would make a client that pushes whole weights
            self.use_vllm, self.vllm_generation, self._last_loaded_step = True, engine, -1
        if reference is not None:
            self.ref_model = reference
        # Plain dicts, because Arrow would decode each row G times a step. They stand in the order of the run.
        self.train_dataset, self.shuffle_dataset = [data[i] for i in order], False
        self.remove_callback(PrinterCallback)

    @property
    def updates_per_generation(self) -> int:
        """How many micro-batches are taken from one batch of completions."""
        return int(self.args.steps_per_generation * self.num_iterations)

    @property
    def skips(self) -> bool:
        """Whether rows without an advantage are left out, because nothing but the policy loss needs them."""
        others = self.beta or self._entropy_bonus_enabled or self.top_entropy_quantile < 1.0 or self.aux_loss_enabled
        return bool(self.skip_zero_variance and not others)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Add the seconds that this lasts to `part` of the step's log."""
        start = time.perf_counter()
        yield
        self.seconds[part] += time.perf_counter() - start

    # Rollout ----------------------------------------------------------------------------------------------------------

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        """Override 2: TRL's, without the shuffle that would tear a group apart over micro-batches."""
        training = self.model.training
        if training and self._step % self.updates_per_generation and self._buffered_inputs is not None:
            return self._buffered_inputs[self._step % self.args.steps_per_generation]
        start, before = time.perf_counter(), self.seconds["rollout"] + self.seconds["scoring"]
        size = self.num_generations if training else self.num_generations_eval
        generation_batch = self._readable(generation_batch, size)
        if training:
            self._read_ahead()
        batch = self._generate_and_score_completions(generation_batch)
        if self.engine is not None:
            ours, theirs = (batch[f"{whose}_per_token_logps"] for whose in ("old", "sampling"))
            self.engine.require_agreement(ours, theirs, batch["completion_mask"], self.state.global_step + 1)
        self._mark(batch, "train" if training else "eval")
        inside = self.seconds["rollout"] + self.seconds["scoring"] - before
        self.seconds["reward"] += time.perf_counter() - start - inside
        if not training:
            return batch
        if self.check_hearing:
            self._require_hearing(batch)
            self.check_hearing = False
        self._buffered_inputs = split_tensor_dict(batch, self.args.steps_per_generation)
        return self._buffered_inputs[0]

    def _readable(self, batch: list[dict[str, Any]], size: int) -> list[dict[str, Any]]:
        """Encode the prompts of a batch. Where a clip turns out to be unreadable, another takes its group's place."""
        groups = [batch[i : i + size] for i in range(0, len(batch), size)]
        try:
            self.generation = self._encode([group[0]["row"] for group in groups])
        except MediaError:
            reads, wanted = self.unreadable.reads, len(groups)
            groups = [group for group in groups if reads(group[0]["row"])]
            others = ([row] * size for row in self.train_dataset if reads(row["row"]))
            groups += islice(others, wanted - len(groups))
            if len(groups) < wanted:
                raise
            self.generation = self._encode([group[0]["row"] for group in groups])
        return [row for group in groups for row in group]

    def _encode(self, rows: list[int]) -> Generation:
        """The prompts of these rows as embeddings."""
        return Generation(rows, self.lalm.encode([self.samples[row] for row in rows], self.prompt), [])

    def _read_ahead(self) -> None:
        """Let a thread read the media of the next batch of prompts while this one is sampled and learnt."""
        count = len(self.generation.rows) if self.generation else 0
        done = self._step // self.updates_per_generation + 1
        at = (done * self.args.world_size + self.args.process_index) * count
        rows = [row["row"] for row in self.train_dataset[at : at + count]]
        if rows:
            self.lalm.read_ahead([self.samples[row] for row in rows], self.prompt)

    def _rollout(self, prompts: list[Any], trainer: Any) -> dict[str, Any]:
        """TRL's `rollout_func`: all completions of the batch in one generation with one prefill for each prompt."""
        now = self.generation
        if now is None:
            raise TrainingError("the rollout was called without rows; train and evaluate through the trainer")
        copies = len(prompts) // len(now.rows)
        require_finite_weights(self.model, self.state.global_step + 1)
        with self.timed("rollout"):
            done = (self.engine or self.lalm).generate(
                now.prompts,
                n=copies,
                max_new_tokens=self.max_completion_length,
                temperature=self.temperature,
                seed=self.args.seed * 1_000_003 + self._step // self.updates_per_generation,
                share=(self.args.process_index, self.args.world_size),
                top_p=self.top_p,
                top_k=self.top_k or 0,
                min_p=self.min_p or 0.0,
            )
        now.texts = [text for texts in done.texts for text in texts]
        rate = torch.tensor(
            [float(parse(text).answer is not None) for text in now.texts], device=self.accelerator.device
        )
        mode = "train" if self.model.training else "eval"
        self._metrics[mode]["parse_rate"].append(self.accelerator.gather(rate).mean().item())
        ids, lengths = done.ids.flatten(0, 1).tolist(), done.mask.sum(-1).flatten().clamp(min=1).tolist()
        return {
            "prompt_ids": [[row] for row in now.rows for _ in range(copies)],
            "completion_ids": [row[:length] for row, length in zip(ids, lengths, strict=True)],
            "logprobs": None if self.engine is None or done.logprobs is None else _rows(done.logprobs, lengths),
        }

    def _mark(self, batch: dict[str, Any], mode: str) -> None:
        """Set the advantages of groups with equal rewards to exactly 0, and mark rows that teach nothing by a 0 in the
        prompt's mask."""
        n, index = len(batch["advantages"]), self.accelerator.process_index
        size = self.num_generations if mode == "train" else self.num_generations_eval
        logged = [list(self._logs["rewards"][name])[-n * self.args.world_size :] for name in self.reward_func_names]
        rewards = torch.tensor(logged, dtype=torch.float32, device=self.accelerator.device).T
        flat = flat_groups((rewards * self.reward_weights.to(rewards.device)).nansum(1), size)
        # TRL's own fraction misses groups whose standard deviation is not exactly 0 after rounding.
        self._metrics[mode]["zero_variance"].append(flat.float().mean().item())
        if self.multi_objective_aggregation == "sum_then_normalize":
            here = flat.view(-1, n)[index]
            batch["advantages"] = batch["advantages"].masked_fill(here, 0.0)
        if not self.skips or mode == "eval":
            return
        live = (batch["advantages"] != 0).view(-1, size).any(1).repeat_interleave(size)
        batch["prompt_mask"][:, -1] = live
        if "old_per_token_logps" in batch:
            batch["old_per_token_logps"] = batch["old_per_token_logps"].masked_fill(~live[:, None], 0.0)

    # Scoring ----------------------------------------------------------------------------------------------------------

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
        """Override 3: log-probabilities (N, C) and entropies of completions, one packed row for each prompt, through
        `model`'s own forward.

        `input_ids` holds a row's number and a completion; the mask's first column is 0 for rows that are left out.
        Their log-probabilities are 0, and their entropies the mean of the others.
        """
        training = torch.is_grad_enabled()
        ids, mask = input_ids[:, -logits_to_keep:], attention_mask[:, -logits_to_keep:]
        rows, live = input_ids[:, -logits_to_keep - 1], attention_mask[:, -logits_to_keep - 1].bool()
        chosen = live.nonzero()[:, 0]
        chosen = chosen if len(chosen) else chosen.new_tensor([0])  # one forward keeps the graph, and DDP, alive
        logps = torch.zeros(ids.shape, dtype=torch.float32, device=ids.device)
        entropies = torch.zeros_like(logps) if compute_entropy else None
        with self.timed("forward" if training else "scoring"):
            for at in chosen.split(batch_size or len(ids)):
                here = rows[at].tolist()
                scores, spread = self._score(model, here, ids[at], mask[at], compute_entropy)
                if training:
                    require_finite(float(scores.detach().sum()), "a log-probability of the loss", *self._where(here))
                logps = logps.index_put((at,), scores)
                entropies = entropies if spread is None or entropies is None else entropies.index_put((at,), spread)
        if training and self.skips:
            self._metrics["train"]["skipped_groups"].append(float((~live).sum()) / self.num_generations)
        if entropies is not None:
            seen = entropies[mask.bool() & live[:, None]]
            entropies = torch.where(live[:, None], entropies, seen.mean() if len(seen) else torch.nan)
        return logps, entropies, None

    def _score(
        self, model: Any, rows: list[int], ids: Tensor, mask: Tensor, entropy: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Log-probabilities and entropies (n, C) of one completion for each of `rows`, in one packed forward."""
        unique = list(dict.fromkeys(rows))
        now = self.generation
        if now is None or not set(unique) <= set(now.rows) or not self.lalm.frozen:
            now = self._encode(unique)  # another batch's, as after an evaluation; or towers that train
        owner = torch.tensor([now.rows.index(row) for row in rows], device=ids.device)
        mask = mask.index_fill(1, owner[:1] * 0, 1)  # TRL masks a truncated completion whole; the loss keeps its graph
        with self.accelerator.autocast():
            flat = FlatCompletions(ids, mask, owner)
            out = accel.logprobs(self.lalm, now.prompts, flat, model, entropy, self.temperature)
        return out if entropy else (out, None)

    def _require_hearing(self, batch: dict[str, Any]) -> None:
        """Exchange the media of up to four prompts for silence or blank frames, and require that the loss forward's
        log-probabilities move."""
        ids = batch["prompt_ids"][:, -1].tolist()
        rows = list(dict.fromkeys(ids))[:4]
        at = torch.tensor([ids.index(row) for row in rows], device=batch["completion_ids"].device)
        completions, mask = batch["completion_ids"][at], batch["completion_mask"][at]
        samples = [self.samples[row] for row in rows]
        with torch.no_grad(), evaluating(self.model):  # dropout would move a deaf model's scores, too
            real = self._score(self.model_wrapped, rows, completions, mask)[0]
            for modality in {"audio", "video"} & {*self.prompt.modalities} & {*self.lalm.modalities}:
                if not any(sample.has(modality) for sample in samples):
                    continue
                kept = self.generation
                self.generation = Generation(rows, self.lalm.encode(samples, self.prompt, absent=(modality,)), [])
                moved = float((self._score(self.model_wrapped, rows, completions, mask)[0] - real).abs().max())
                self.generation = kept
                require_hearing(moved, modality, rows[0])

    def _where(self, rows: Sequence[int] = ()) -> tuple[int, Sequence[int], Sequence[str]]:
        """The step, the rows and the texts that an error names."""
        now = self.generation
        return self.state.global_step + 1, rows or (now.rows if now else ()), now.texts if now else ()

    # Checkpoints ------------------------------------------------------------------------------------------------------

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Override 5: write none, because TRL's card describes a hub model."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Override 4: also keep the completions that are still to be used, and list the files when all are written."""
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        (folder / WHOLE).unlink(missing_ok=True)
        with without_base_name(self.accelerator.unwrap_model(self.model)):
            super()._save_checkpoint(model, trial)
        used = self._step % self.updates_per_generation == 0
        torch.save(
            {"buffer": None if used else self._buffered_inputs}, folder / f"{self.accelerator.process_index}.{STATE}"
        )
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            finish_checkpoint(folder, self.keep_checkpoints)
        self.accelerator.wait_for_everyone()


class RunGuard(TrainerCallback):
    """What the trainer does at the seams of a step, through the callbacks that transformers offers.

    It starts and stops the clock, takes up the position in the run after a resume, and stops before the optimiser moves
    on a gradient that is not finite.
    """

    def __init__(self, trainer: AudioGRPOTrainer):
        self.trainer, self.started = trainer, 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Count micro-batches on from the resumed step, which TRL starts at 0 again, and take up what is half used."""
        trainer = self.trainer
        trainer._step = state.global_step * args.gradient_accumulation_steps
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if not state.global_step or not folder.is_dir():
            return
        found = {path.name: path for path in folder.glob(f"*.{STATE}")}
        if not found:
            raise TrainingError(f"{folder}: no 0.{STATE}; this checkpoint was not written by this trainer")
        path = found.get(f"{trainer.accelerator.process_index}.{STATE}", min(found.values()))
        buffer = torch.load(path, map_location=args.device, weights_only=True)["buffer"]
        if buffer is not None and len(found) != args.world_size:
            raise TrainingError(
                f"{folder}: written by {len(found)} processes in the middle of a batch of completions, which "
                f"{args.world_size} cannot share; use as many as before, or an older checkpoint"
            )
        trainer._buffered_inputs = buffer

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.trainer.seconds.clear()
        self.started = time.perf_counter()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.trainer.accelerator.scaler is None:  # float16: a scaler skips what overflows, and scales less
            require_finite_gradients(self.trainer.model, *self.trainer._where())

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        trainer, metrics = self.trainer, self.trainer._metrics["train"]
        parts = {name: trainer.seconds[name] for name in ("rollout", "reward", "scoring")}
        total = time.perf_counter() - self.started
        for name, seconds in {**parts, "update": total - sum(parts.values()), "step": total}.items():
            metrics[f"seconds/{name}"].append(seconds)


def _rows(values: Tensor, lengths: Sequence[int]) -> list[list[float]]:
    """Values (B, G, C) as one list for each completion, as long as that is."""
    return [row[:length] for row, length in zip(values.flatten(0, 1).tolist(), lengths, strict=True)]


def _opened(reward: Reward, opening: str) -> Reward:
    """The reward of completions with what their prompt has opened, such as "<think>", put before them."""
    if not opening:
        return reward

    def opened(completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return reward(completions=[opening + text for text in completions], **columns)

    opened.__name__ = getattr(reward, "__name__", type(reward).__name__)
    return opened


def _count_prompts(args: GRPOConfig, rows: int) -> int:
    """How many prompts the run draws. Epochs are turned into `args.max_steps`, so that one order covers the run."""
    groups = args.generation_batch_size // args.num_generations
    batches = args.steps_per_generation * args.num_iterations
    if args.max_steps <= 0:
        updates = batches / args.gradient_accumulation_steps
        args.max_steps = max(1, int(-(-args.num_train_epochs * rows // groups) * updates))
    return -(-args.max_steps * args.gradient_accumulation_steps // batches) * groups
