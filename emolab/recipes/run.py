"""The loop that every recipe runs, in reading order: zero-shot, supervised, cold start, GRPO, each measured; a report.

A recipe is a frozen dataclass, and its page (`emo_rl.py`, …) says what a system is: its settings with their sources,
what it asks (`prompt`), what the cold start teaches (`target`), what GRPO pays (`rewards`) and by which figure it is
judged (`metric`). Everything else is here. `emolab.training.runs` keeps the folder: a stage that is finished is read,
so a run that was killed continues where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

import torch
from pydantic import TypeAdapter, ValidationError

from emolab.emotions import EMOLAB_7, LabelSet
from emolab.errors import CorpusError, TrainingError
from emolab.evaluate import evaluation_of
from emolab.evaluate.controls import possible_controls
from emolab.files import read_toml
from emolab.lalm import LALM
from emolab.lalm.checkpoint import is_checkpoint
from emolab.lalm.quantise import add_lora
from emolab.media.usable import POLICIES
from emolab.profiles import Profile, profile
from emolab.prompts import Prompt, get_prompt
from emolab.recipes import data
from emolab.recipes.data import Source, Splits, take_per_label
from emolab.recipes.stages import Stages, run_folds
from emolab.rewards.base import Reward
from emolab.rewards.rubric import Part, Rubric
from emolab.rewards.source import reward_identity
from emolab.samples import Corpus, EmotionSample
from emolab.training.callbacks import read_metrics
from emolab.training.checkpoints import last_checkpoint
from emolab.training.guards import naming_the_knobs
from emolab.training.launch import is_main, own_part, share
from emolab.training.planner import fit
from emolab.training.runs import METRICS, STAGES, Run, corpus_identity, model_identity, resolved
from emolab.training.sft import SFTSettings, fine_tune

Rewards = Rubric | Reward | Sequence[Reward | tuple[Reward, float] | Part]
CPU: dict[str, dict[str, Any]] = read_toml(__file__, "cpu.toml")
CONTROLS = ("silent", "shuffled", "swapped")
SAME_IN_TRL = ("group_size", "learning_rate", "beta", "loss_type", "seed", "temperature")
"""Settings that `grpo_config` takes by the same name."""
NOT_DECIDING = ("save_steps", "micro_batches", "gradient_checkpointing", "engine_url", "report_to")
"""Settings that leave a run's result as it is."""


@dataclass(frozen=True)
class Recipe:
    """One of the published systems, with its settings as fields; a page adds its own and states the sources.

    `name` is what `emolab train` calls it, `metric` the figure that GRPO must raise, `controls` what is taken away from
    the evidence when the end of a run is measured, `corpus_size` the embedded corpus that it uses by default.

    Example: `EmoRL.cpu().run(embedded_corpus("course"), "build/emo-rl")`.
    """

    name: ClassVar[str]
    metric: ClassVar[str]
    controls: ClassVar[tuple[str, ...]] = CONTROLS
    corpus_size: ClassVar[str] = "course"

    model: str = "Qwen/Qwen2-Audio-7B-Instruct"
    quantise: str | None = "nf4"
    modalities: tuple[str, ...] = ("audio", "text")
    lora_rank: int = 16
    lora_alpha: int = 32
    cold_per_label: int = 40
    cold_epochs: float = 3.0  # 0: no cold start
    cold_learning_rate: float = 1e-4
    cold_batch: int = 16
    group_size: int = 8
    learning_rate: float = 1e-6
    beta: float = 0.04
    loss_type: str = "grpo"
    temperature: float = 1.0
    prompts_per_step: int = 8
    steps: int = 500
    max_new_tokens: int = 256
    sft_epochs: float = 3.0
    sft_learning_rate: float = 1e-4
    test_per_label: int | None = None
    domain: str | None = "a"
    seed: int = 0
    save_steps: int = 50  # GRPO steps between checkpoints; 0: none
    micro_batches: int = 0  # parts that a step is split into to save memory; 0: as many as the planner says
    rollout: Literal["local", "vllm"] = "local"  # where completions are sampled: here, or by a server
    engine_url: str = "http://localhost:8000"  # where the vLLM server answers (emolab.training.engine)
    gradient_checkpointing: bool | None = None  # layers are computed again in the backward; None: as the planner says
    report_to: tuple[str, ...] = ()  # trackers: "trackio", "wandb"; both stay on this machine unless told otherwise

    def __post_init__(self) -> None:
        """Raises TrainingError for a value of another type than its setting's, or a negative number."""
        for field in fields(self):
            _typed(type(self), field.name, getattr(self, field.name), strict=True)

    @classmethod
    def cpu(cls, **changes: Any) -> Self:
        """The values of `cpu.toml` for the embedded tiny model on two CPU cores; `changes` override them."""
        table = next((CPU[name] for kind in cls.__mro__ if (name := getattr(kind, "name", "")) in CPU), {})
        values = {name: value for name, value in table.items() if name != "if"}
        for setting, cases in table.get("if", {}).items():
            values |= cases.get(str(changes.get(setting)).lower(), {})
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**{**values, **lists, **changes})

    @classmethod
    def for_profile(cls, chosen: Profile, **changes: Any) -> Self:
        """The values of a profile: `cpu()`, or on a GPU the recipe's own with the profile's model and batch."""
        if chosen.name == "cpu":
            return cls.cpu(**changes)
        batch = ("group_size", "prompts_per_step", "max_new_tokens")
        names = ("model", "quantise", "steps", "learning_rate", "beta", *batch)
        return cls(**{**{name: getattr(chosen, name) for name in names}, **changes})

    @classmethod
    def read_setting(cls, name: str, text: str) -> Any:
        """The value of a setting that somebody types: `steps` "20" is 20, `modalities` "audio,text" a tuple, "null"
        None. Raises TrainingError for an unknown setting or a text that is no such value."""
        if name not in (known := [f.name for f in fields(cls)]):
            raise TrainingError(f"{cls.name} has no setting {name!r}; it has {', '.join(known)}")
        hint = get_type_hints(cls)[name]
        if get_origin(hint) is tuple:
            return tuple(part.strip(" \"'[]") for part in text.split(","))
        if NoneType in get_args(hint) and text.lower() in ("null", "none"):
            return None
        return _typed(cls, name, text, strict=False)

    def settings_dict(self) -> dict[str, Any]:
        """The settings that decide a run's result, as plain JSON data; a local `rollout` is not stated."""
        settings: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        left = NOT_DECIDING + (("rollout",) if self.rollout == "local" else ())
        return {name: value for name, value in settings.items() if name not in left}

    # What a system is: a page overrides these

    def prompt(self, labels: LabelSet = EMOLAB_7) -> Prompt:
        """What the model is asked in the cold start, in GRPO and in evaluation."""
        return self._asked("direct", labels)

    def target(self, sample: EmotionSample) -> str:
        """The completion that the cold start teaches for a sample, written from its table row alone."""
        return self.direct_target(sample)

    def rewards(self, labels: LabelSet = EMOLAB_7, train: Corpus | None = None) -> Rubric:
        """What GRPO pays for answers among `labels`; `train` are its samples, for a reward that counts on them."""
        raise NotImplementedError(f"{type(self).__name__} pays nothing: write `rewards`")

    def direct_prompt(self, labels: LabelSet = EMOLAB_7) -> Prompt:
        """What the supervised baseline is asked: the question, answered at once."""
        return self._asked("direct", labels)

    def direct_target(self, sample: EmotionSample) -> str:
        """The completion that the supervised baseline is taught, from what GRPO is rewarded for: the label."""
        return f"<answer>{sample.emotion}</answer>"

    def select(self, corpus: Corpus) -> Corpus:
        """The samples that this recipe can learn from; those with a label unless a page says otherwise.

        Raises CorpusError that says what is missing where there are none.
        """
        return data.kept_of(
            self.name, self.modalities, corpus, lambda sample: sample.emotion is not None, "a label (column 'emotion')"
        )

    def measuring(self) -> dict[str, Any]:
        """Further options of the evaluation that the prompt's style asks for."""
        return {}

    def findings(self, rows: Sequence[Mapping[str, Any]], corpus: Corpus, prompt: Prompt) -> dict[str, Any]:
        """Further figures of a measurement, from the `rows` of answers to `prompt` on the samples of `corpus`."""
        return {}

    def _asked(self, name: str, labels: LabelSet) -> Prompt:
        return get_prompt(name, labels).using(*self.modalities)

    @property
    def gives_reasons(self) -> bool:
        """Whether the prompt asks to think, so that `target` needs a description of each sample."""
        return "<think>" in self.prompt().template

    # The loop

    def run(
        self,
        corpus: Source = None,
        out: str | Path | None = None,
        *,
        rewards: Rewards | Built | None = None,
        labels: Any = None,
        protocol: str | None = None,
        fold: str | int | None = None,
        test: Source = None,
        long_clips: str = "window",
        only_listening: bool = False,
        split: str = "test",
        baseline: bool = True,
        controls: bool | str = True,
        elsewhere: bool = True,
        zero_shot: bool = True,
        grpo: bool = True,
        start: str | Path | None = None,
        progress: bool = True,
        say: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """All stages, each measured; checkpoints, raw outputs and results under `out`.

        Args:
            corpus: a corpus, or what `load_corpus` reads one from ("iemocap:/data/IEMOCAP", "mine.csv"); None: the
                embedded one.
            out: the run's folder; None: `default_folder`. Run again with the same one, it continues.
            rewards: what GRPO pays instead of the recipe's own: a rubric, or a list of rewards, of (reward, weight).
            labels, protocol, fold: as `load_corpus` takes them. `fold` "all" runs every fold, each in a folder of its
                own, and returns their mean (`emolab.recipes.stages`).
            test: another corpus to measure on. Its labels are mapped to those of `corpus`, and what has no place there
                is left out and counted.
            long_clips: what becomes of clips that are too long for the model: "window" (cut, and answers pooled) or
                "skip" (left out and counted).
            only_listening: without the training clips that `emolab corpus listen-filter --mark` found answered unheard.
            split: the split that is measured; "val" is for choosing settings.
            controls: whether the end of the run is measured under each control; "every": the supervised model and the
                cold start, too.
            baseline, elsewhere, zero_shot, grpo: what else is done: the supervised baseline, the test samples of the
                other domain, the untrained model, GRPO.
            start: the checkpoint of a cold start that several runs share.
            say: is told each stage as it begins, and what was left out.

        Returns `zero_shot`, `sft`, `cold_start`, `grpo` (None where left out), each with the metrics, their intervals,
        n, parse_rate, seed, seconds; `metric`; `labels` and `chance`; `controls` of the last stage; `elsewhere`;
        `seconds` by stage; `settings`.
        """
        say = say if say is not None and is_main() else (lambda text: None)
        data_options = {"split": split, "long_clips": long_clips, "only_listening": only_listening}
        options: dict[str, Any] = data_options | {"rewards": rewards, "baseline": baseline}
        options |= {"controls": controls, "elsewhere": elsewhere, "zero_shot": zero_shot, "grpo": grpo, "start": start}
        if fold == "all":
            found = data.folds_of(corpus, self.corpus_size, labels, protocol)
            return run_folds(self.name, self.run, found, out, test=test, progress=progress, say=say, **options)

        # 0. What is trained and measured on. All faults of the data are told before the model is loaded.
        if long_clips not in POLICIES:
            raise TrainingError(f"long_clips {long_clips!r}: expected one of {', '.join(POLICIES)}")
        if start and not is_checkpoint(start):
            raise TrainingError(f"{start}: no checkpoint to start from; give a folder such as OUT/cold_start")
        whole = data.corpus_of(corpus, self.corpus_size, labels, protocol, fold)
        chosen, folder = whole.labels, Path(out) if out is not None else data.default_folder(self.name, whole)
        for note in whole.report.notes if whole.report else ():
            say(note)
        measured = None if test is None else self.readable(data.corpus_of(test, labels=chosen), split, say)
        inside = self.readable(whole, split, say)
        inside = data.to_listen_to(inside, split, say) if only_listening else inside
        parts = self.splits(inside, split, measured)
        other = self.other_domain(inside, split) if elsewhere else None
        rubric = self.rewards(chosen, parts.train) if rewards is None else rubric_of(rewards, chosen, parts.train)
        checks = possible_controls(list(parts.test), self.controls if controls else (), self.seed, say)
        early = checks if controls == "every" else ()
        ids = self.identity(parts, rubric, long_clips)

        with Run(folder, ids, say) as run:
            lalm = run.timed("load", self.load)
            recipe = self.for_model(lalm, say)
            ask, ask_at_once = recipe.prompt(chosen), recipe.direct_prompt(chosen)
            fitted = (lalm, ask, self.max_new_tokens, long_clips, say)
            cold, train = (data.fitting(part, *fitted) for part in (parts.cold, parts.train))
            stages = Stages(recipe, run, parts.test, other, lalm, long_clips, progress, train)
            result: dict[str, Any] = {"recipe": self.name, "metric": self.metric} | dict.fromkeys(STAGES)
            # 1. The model as it comes.
            if zero_shot:
                result["zero_shot"] = stages.scored("zero_shot", ask_at_once, lalm)
            del lalm, fitted
            # 2. The baseline: supervised on what GRPO is rewarded for, without rationales.
            if baseline:
                model = stages.trained("sft", ask_at_once, lambda m: recipe.sft(m, train, progress))
                result["sft"] = stages.scored("sft", ask_at_once, model, early)
                del model
            # 3. The cold start: a few samples with written rationales.
            began = Path(start) if start else run.out / "cold_start"
            if start:
                model = stages.model_of(began)
            else:
                model = stages.trained("cold_start", ask, lambda m: recipe.cold_start(m, cold, progress))
            result["cold_start"] = stages.scored("cold_start", ask, model, early if grpo else checks, began)
            # 4. GRPO from there, on rewards alone.
            if grpo:
                del model
                place = run.out / "grpo"
                model = stages.trained(
                    "grpo", ask, lambda m: recipe.grpo(m, train, place, rubric, progress=progress), began
                )
                result["grpo"] = stages.scored("grpo", ask, model, checks)
            # 5. What belongs to the whole run.
            last = result["grpo"] or result["cold_start"]
            away = {name: result[name].pop("elsewhere", None) for name in STAGES if result[name]}
            steps = read_metrics(run.out / "grpo" / METRICS)
            result |= {
                "controls": last.get("controls", {}),
                "elsewhere": {name: part for name, part in away.items() if part},
                "labels": list(chosen),
                "chance": chosen.chance if len(chosen) else None,
                "prompt": ask.id,
                "corpus": {"name": whole.name, "protocol": whole.protocol, "fold": whole.fold}
                | {"only_listening": only_listening},
                "rewards": [part.name for part in rubric.parts],
                "seed": self.seed,
                "seconds": run.seconds,
                "n": {"cold": len(parts.cold), "train": len(parts.train), "test": len(parts.test)},
                "settings": recipe.settings_dict(),
                "out": str(run.out),
                "last_step": steps[-1] if steps else None,
            }
            stages.finish(result)
            return result

    # The parts of a run

    def readable(self, corpus: Corpus, split: str, say: Callable[[str], None] = lambda text: None) -> Corpus:
        """The samples of a corpus that this recipe can train on or measure on, whose media can be read."""
        wanted = self.select(corpus).where(lambda s: s.split in ("train", split, None))
        return data.readable(wanted, self.modalities, say)

    def splits(self, corpus: Corpus, split: str = "test", test: Corpus | None = None) -> Splits:
        """The cold start's, GRPO's and the measured samples; disjoint.

        The measured part is the corpus's own `split`, or that of another corpus `test` (all of it where it has no
        splits); `test_per_label` takes that many of each label. A label with few clips gives half of them to the cold
        start. Raises CorpusError where a part would be empty.
        """
        inside = data.in_domain(self.select(corpus), self.domain)
        train = inside.where(split="train")
        if test is None:
            held_out = inside.where(split=split)
        else:
            found = self.select(test)
            held_out = found.where(split=split) if any(s.split for s in found) else found
        if not len(train) or not len(held_out):
            raise CorpusError(
                f"{corpus.name or corpus.root}: {self.name} trains on the split 'train' and measures on {split!r}; "
                f"there are {dict(inside.counts('split'))}"
            )
        cold = data.cold_part(train, self.cold_per_label, self.seed)
        if self.gives_reasons and len(cold):
            cold = data.with_voice_clauses(cold, train).where(self._can_teach)
            if not len(cold):
                raise CorpusError(
                    f"{corpus.name or corpus.root}: {self.name} teaches reasons, which it writes from a description, a "
                    "caption or a voice that can be measured, and no sample has any; choose answers without reasons "
                    "(--set reasoning=direct, or thinking=false)"
                )
        used = {s.id for s in cold}
        rest = train.where(lambda s: s.id not in used and s.emotion is not None)
        if not len(rest) or (self.cold_per_label and not len(cold)):
            raise CorpusError(
                f"{corpus.name or corpus.root}: {len(train)} training samples are too few: the cold start needs one, "
                "and the rewards need another"
            )
        if self.test_per_label:
            held_out = take_per_label(held_out, self.test_per_label, 0)
        return Splits(cold, rest, held_out)

    def _can_teach(self, sample: EmotionSample) -> bool:
        try:
            return bool(self.target(sample))
        except TrainingError:
            return False

    def other_domain(self, corpus: Corpus, split: str = "test") -> Corpus | None:
        """The measured samples of domains that this run is not trained on; None where there are none."""
        away = self.select(corpus).where(
            lambda s: s.split == split and s.extra.get("domain") not in (None, self.domain) and bool(s.emotion)
        )
        if not self.domain or not len(away):
            return None
        return take_per_label(away, self.test_per_label, 0) if self.test_per_label else away

    def identity(self, parts: Splits, rubric: Rubric, long_clips: str = "window") -> dict[str, Any]:
        """What a run's result depends on, beside the code: a folder holds runs of one identity."""
        labels, root = parts.train.labels, parts.train.root
        return {
            "recipe": self.name,
            "model": model_identity(self.model),
            "settings": self.settings_dict(),
            "rewards": reward_identity(rubric),
            "prompt": self.prompt(labels).id,
            "labels": list(labels),
            "corpus": corpus_identity([*parts.cold, *parts.train], root, parts.train.name) | {"fold": parts.train.fold},
            "long_clips": long_clips,
        }

    def load(self) -> LALM:
        """The model, in 4 bits where `quantise` is "nf4", with fresh LoRA adapters drawn from the seed."""
        lalm = profile().load(self.model, quantise=self.quantise or "none")
        torch.manual_seed(self.seed)
        add_lora(lalm, rank=self.lora_rank, alpha=self.lora_alpha)
        return lalm

    def for_model(self, lalm: LALM, say: Callable[[str], None] = lambda text: None) -> Self:
        """The recipe with those modalities alone that the model takes. `say` is told what is left out."""
        takes = tuple(m for m in self.modalities if m in lalm.modalities)
        if takes == self.modalities:
            return self
        say(f"{self.model} takes no {', '.join(sorted(set(self.modalities) - set(takes)))}: trained without it")
        return replace(self, modalities=takes)

    def cold_start(self, lalm: LALM, corpus: Corpus, progress: bool = True) -> list[dict[str, float]]:
        """Fine-tune on `target` of the samples of `corpus`, unless `cold_epochs` is 0. Returns every step."""
        asked, rate = self.prompt(corpus.labels), self.cold_learning_rate
        return self._fine_tune(lalm, corpus, self.target, asked, self.cold_epochs, rate, progress)

    def sft(self, lalm: LALM, corpus: Corpus, progress: bool = True) -> list[dict[str, float]]:
        """Fine-tune on `direct_target` of the samples of `corpus`. Returns every step."""
        asked, rate = self.direct_prompt(corpus.labels), self.sft_learning_rate
        return self._fine_tune(lalm, corpus, self.direct_target, asked, self.sft_epochs, rate, progress)

    def _fine_tune(
        self, lalm: LALM, corpus: Corpus, target: Any, prompt: Prompt, epochs: float, rate: float, progress: bool
    ) -> list[dict[str, float]]:
        if epochs == 0:
            return []
        samples, targets = resolved(corpus), [target(sample) for sample in corpus]
        micro, again = self._split(lalm, samples, prompt, -(-self.cold_batch // share()[1]), 1)
        options = SFTSettings(
            epochs, self.cold_batch, rate, seed=self.seed, micro_batches=micro, gradient_checkpointing=again
        )
        return fine_tune(lalm, samples, targets, prompt, options, progress)

    def _split(
        self, lalm: LALM, samples: Sequence[EmotionSample], prompt: Prompt, prompts: int, group: int
    ) -> tuple[int, bool]:
        """Micro-batches of a step and whether layers are computed again: as set, else as the planner says."""
        if self.micro_batches and self.gradient_checkpointing is not None:
            return self.micro_batches, self.gradient_checkpointing
        step = {"prompts": prompts, "group": group, "completion_tokens": self.max_new_tokens}
        given: dict[str, Any] = {"micro": self.micro_batches, "again": self.gradient_checkpointing}
        found = fit(lalm, samples, prompt, **step, reference=group > 1 and self.beta > 0, **given)
        return found.micro_batches, found.gradient_checkpointing

    def grpo(
        self,
        lalm: LALM,
        corpus: Corpus,
        out: str | Path,
        rewards: Rubric | None = None,
        progress: bool = True,
        resume: bool = True,
        callbacks: Sequence[Any] = (),
    ) -> list[dict[str, Any]]:
        """GRPO of `rewards` (the recipe's own by default) on the samples of `corpus`; checkpoints and metrics under
        `out`, from whose last whole checkpoint it resumes unless told otherwise; `callbacks` are further ones of the
        trainer. Returns the metrics of every step.

        Ctrl-C and SIGTERM end it after the running step, with a checkpoint: TrainingError says how to go on.
        """
        from emolab.training.callbacks import Clips, History, Progress, SaveAtSignal, tracking
        from emolab.training.engine import Engine
        from emolab.training.grpo import AudioGRPOTrainer, grpo_config

        out, samples = Path(out), resolved(corpus)
        rubric = self.rewards(corpus.labels, corpus) if rewards is None else rewards
        asked = self.prompt(corpus.labels)
        mine = own_part(self.prompts_per_step, "prompts_per_step")
        micro, again = self._split(lalm, samples, asked, mine, self.group_size)
        saving: dict[str, Any] = {"save_steps": self.save_steps, "save_total_limit": 2} if self.save_steps else {}
        args = grpo_config(
            out,
            prompts_per_step=mine,
            max_steps=self.steps,
            max_completion_length=self.max_new_tokens,
            warmup_steps=min(5, self.steps // 2),
            micro_batches=micro,
            gradient_checkpointing=again,
            fp16=str(lalm.dtype) == "torch.float16",
            use_cpu=lalm.device.type == "cpu",
            **{name: getattr(self, name) for name in SAME_IN_TRL},
            **saving,
            **tracking(self.report_to, out),
        )
        history, signals = History(out / METRICS), SaveAtSignal()
        clips = Clips(self.report_to)
        shown = [history, *([Progress()] if progress else []), signals, clips, *callbacks]
        engine = Engine(lalm, out / "engine", self.engine_url) if self.rollout == "vllm" else None
        more: dict[str, Any] = {"columns": data.reward_columns(samples), "callbacks": shown, "engine": engine}
        clips.trainer = trainer = AudioGRPOTrainer(lalm, samples, asked, rubric, args, **more)
        last = last_checkpoint(out) if resume else None
        with signals, naming_the_knobs("a step of GRPO"):
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        if signals.stopped is not None:
            raise TrainingError(
                f"stopped at step {signals.stopped} of {self.steps}, with a checkpoint in {out}; give the same command "
                "again to go on"
            )
        return history.rows

    def measure(
        self,
        lalm: LALM,
        corpus: Corpus,
        prompt: Prompt,
        controls: Sequence[str] = (),
        progress: bool = True,
        long_clips: str = "window",
    ) -> dict[str, Any]:
        """Greedy answers on `corpus`, and the same under each control: `{metric, …, rows, controls: {name: …}}`."""
        options = {"seed": self.seed, "max_new_tokens": self.max_new_tokens, "batch_size": 64, **self.measuring()}
        options |= {"progress": progress, "long_clips": long_clips}

        def under(control: str | None) -> dict[str, Any]:
            found = evaluation_of(prompt)(lalm, corpus, prompt, control=control, **options)
            return found | self.findings(found["rows"], corpus, prompt)

        return under(None) | ({"controls": {name: under(name) for name in controls}} if controls else {})

    def note(self, prompt: Prompt) -> dict[str, Any]:
        """What a checkpoint says of itself: enough to load it, to ask it what it was taught, and to train it again."""
        own = {name: getattr(self, name) for name in ("model", "quantise", "max_new_tokens")}
        return own | {
            "recipe": self.name,
            "prompt": prompt.name,
            "labels": prompt.labels.to_json() if prompt.labels is not None else None,
            "modalities": list(prompt.modalities),
            "settings": self.settings_dict(),
        }


@dataclass(frozen=True)
class Built:
    """Rewards that are made once the labels and the training samples are known."""

    build: Callable[[LabelSet, Corpus], Rubric]


def rubric_of(rewards: Rewards | Built, labels: LabelSet, train: Corpus) -> Rubric:
    """A rubric from a rubric, a reward, or a list of rewards, of (reward, weight) or of parts."""
    if isinstance(rewards, Built):
        return rewards.build(labels, train)
    if isinstance(rewards, Rubric):
        return rewards
    return Rubric.of([rewards] if callable(rewards) else list(rewards), "own")


@cache
def _adapters(recipe: Any) -> dict[str, Any]:
    """What checks and reads the value of each setting."""
    hints = get_type_hints(recipe)
    return {field.name: TypeAdapter(hints[field.name]) for field in fields(recipe)}


def _typed(recipe: Any, name: str, value: Any, strict: bool) -> Any:
    """`value` as the setting's type has it. Raises TrainingError where it is of another, or a negative number."""
    try:
        found = _adapters(recipe)[name].validate_python(value, strict=strict)
    except ValidationError as error:
        expected = error.errors()[0]["msg"].removeprefix("Input should be ")
        raise TrainingError(f"{name} {value!r}: expected {expected}") from error
    if isinstance(found, int | float) and found < 0:
        raise TrainingError(f"{name} {found!r}: expected 0 or more")
    return found
