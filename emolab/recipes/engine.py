"""What every recipe is: settings, a prompt, targets and a reward; and the stages that all of them go through.

zero-shot → supervised baseline on GRPO's labels → cold start → GRPO. Each is measured on held-out talkers and
sentences, under controls, and in the other domain. A stage that was finished is read from the run's folder, so a run
that was killed continues where it stopped.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, Unpack

from emolab.errors import TrainingError
from emolab.recipes import common
from emolab.recipes.values import check_values
from emolab.rewards.rubric import Rubric
from emolab.training.launch import is_main, wait_for_all

if TYPE_CHECKING:
    from emolab.lalm import LALM
    from emolab.media import FeatureCache
    from emolab.profiles import Profile
    from emolab.prompts import Prompt
    from emolab.samples import Corpus, EmotionSample


@dataclass(frozen=True)
class RecipeSettings:
    """What a run of any recipe depends on; a recipe's own class adds to it and states the source of each value."""

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

    def __post_init__(self) -> None:
        """Raises TrainingError for a value of another type than its setting's, or a negative number."""
        check_values(self)

    @classmethod
    def cpu(cls, **changes: Any) -> Self:
        """Values for the embedded tiny model on two CPU cores; `changes` override them."""
        raise NotImplementedError(f"{cls.__name__} has no values for the cpu profile")

    @classmethod
    def for_profile(cls, chosen: Profile, **changes: Any) -> Self:
        """The values of a profile: `cpu()`, or on a GPU the recipe's own with the profile's model and batch."""
        if chosen.name == "cpu":
            return cls.cpu(**changes)
        names = ("model", "quantise", "group_size", "prompts_per_step", "steps", "learning_rate", "max_new_tokens")
        return cls(**{**{name: getattr(chosen, name) for name in names}, **changes})


S = TypeVar("S", bound=RecipeSettings)


class Recipe(ABC, Generic[S]):
    """One of the published systems. `name` is what `emolab train` calls it, `metric` the figure that GRPO must raise.

    Example: `EmoRL(EmoRLSettings.cpu()).run(embedded_corpus("course"), "build/emo-rl")`.
    """

    name: ClassVar[str]
    metric: ClassVar[str]
    controls: ClassVar[tuple[str, ...]] = common.CONTROLS
    corpus_size: ClassVar[str] = "course"  # of the embedded corpus
    Settings: ClassVar[type[RecipeSettings]]

    def __init__(self, settings: S):
        self.settings = settings

    @abstractmethod
    def prompt(self) -> Prompt:
        """What the model is asked in the cold start, in GRPO and in evaluation."""

    @abstractmethod
    def target(self, sample: EmotionSample) -> str:
        """The completion that the cold start teaches for a sample, written from its table row alone."""

    @abstractmethod
    def rubric(self) -> Rubric:
        """The reward of GRPO."""

    def baseline_prompt(self) -> Prompt:
        """What the supervised baseline is asked."""
        return self.prompt()

    def baseline_target(self, sample: EmotionSample) -> str:
        """The completion that the supervised baseline is taught, from the labels that GRPO is rewarded with."""
        return self.target(sample)

    def select(self, corpus: Corpus) -> Corpus:
        """The samples of a corpus that this recipe is about; all of them unless a recipe says otherwise."""
        return corpus

    def parts(self, corpus: Corpus, split: str = "test", test: Corpus | None = None) -> common.Splits:
        """The cold start's, GRPO's and the measured samples; disjoint."""
        chosen = self.settings
        return common.split(
            self.select(corpus),
            chosen.cold_per_label,
            chosen.seed,
            chosen.domain,
            chosen.test_per_label,
            split,
            self.select(test) if test is not None else None,
        )

    def measure(
        self,
        lalm: LALM,
        corpus: Corpus,
        prompt: Prompt,
        controls: Sequence[str] = (),
        progress: bool = True,
    ) -> dict[str, Any]:
        """Greedy answers on `corpus`, and the same under each control: `{metric, …, rows, controls: {name: …}}`."""
        result = common.measure(
            lalm,
            corpus,
            prompt,
            seed=self.settings.seed,
            max_new_tokens=self.settings.max_new_tokens,
            controls=controls,
            progress=progress,
            **self.measuring(),
        )
        for part in (result, *result.get("controls", {}).values()):
            part |= self.findings(part["rows"], corpus, prompt)
        return result

    def measuring(self) -> dict[str, Any]:
        """Further options of the evaluation that the prompt's style asks for."""
        return {}

    def findings(self, rows: Sequence[Mapping[str, Any]], corpus: Corpus, prompt: Prompt) -> dict[str, Any]:
        """Further figures of a measurement, from the `rows` of answers to `prompt` on the samples of `corpus`."""
        return {}

    def load(self) -> LALM:
        """The model with fresh adapters."""
        chosen = self.settings
        return common.prepare_model(chosen.model, chosen.quantise, chosen.lora_rank, chosen.lora_alpha, chosen.seed)

    def cold_start(self, lalm: LALM, corpus: Corpus, progress: bool = True) -> list[dict[str, float]]:
        """Fine-tune on `target` of the samples of `corpus`; with `cold_epochs` 0 nothing happens."""
        chosen = self.settings
        if chosen.cold_epochs == 0:
            return []
        options = (chosen.cold_epochs, chosen.cold_batch, chosen.cold_learning_rate)
        return common.fine_tune(lalm, corpus, self.target, self.prompt(), *options, chosen.seed, progress)

    def sft(self, lalm: LALM, corpus: Corpus, progress: bool = True) -> list[dict[str, float]]:
        """The baseline: supervised fine-tuning on what GRPO is rewarded for, without rationales."""
        chosen = self.settings
        options = (chosen.sft_epochs, chosen.cold_batch, chosen.sft_learning_rate)
        return common.fine_tune(
            lalm, corpus, self.baseline_target, self.baseline_prompt(), *options, chosen.seed, progress
        )

    def grpo(
        self, lalm: LALM, corpus: Corpus, out: Path, **options: Unpack[common.ReinforceOptions]
    ) -> list[dict[str, Any]]:
        """GRPO with the recipe's rubric. Returns the metrics of every step; resumes from the last whole checkpoint
        under `out`."""
        return common.reinforce(lalm, corpus, self.prompt(), self.rubric(), self.settings, out, **options)

    def note(self, prompt: Prompt) -> dict[str, Any]:
        """What a checkpoint says of itself: enough to load it, to ask it what it was taught, and to train it again."""
        chosen = self.settings
        return {
            "recipe": self.name,
            "model": chosen.model,
            "quantise": chosen.quantise,
            "prompt": prompt.name,
            "modalities": list(prompt.modalities),
            "max_new_tokens": chosen.max_new_tokens,
            "settings": common.settings_dict(chosen),
        }

    def run(
        self,
        corpus: Corpus,
        out: str | Path,
        *,
        baseline: bool = True,
        controls: bool | str = True,
        elsewhere: bool = True,
        zero_shot: bool = True,
        grpo: bool = True,
        start: str | Path | None = None,
        split: str = "test",
        test: Corpus | None = None,
        progress: bool = True,
        say: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """All stages, each measured; checkpoints, raw outputs and results under `out`.

        `controls` measures the end of the run under each control, "every" the baseline and the cold start too;
        `elsewhere` also measures on the test samples of the other domain; `start` is a cold start's checkpoint that
        several runs share; `split` "val" is for choosing settings; `test` another corpus to measure on. Returns
        `zero_shot`, `before` (the cold start), `after`, `sft` (None where left out), each with the metrics, their
        intervals, n, parse_rate, seed, seconds; `metric`; `controls` of `after`; `elsewhere`; `seconds` by stage;
        `settings`. Run again with the same `out`, it continues.
        """
        job = _Job(self, corpus, Path(out), controls, elsewhere, split, test, progress, say)
        result: dict[str, Any] = {"recipe": self.name, "metric": self.metric}
        result["zero_shot"] = job.zero_shot() if zero_shot else None
        result["sft"] = job.stage("sft", self.sft, job.parts.train, self.baseline_prompt()) if baseline else None
        result["before"] = job.stage("before", self.cold_start, job.parts.cold, self.prompt(), start)
        result["after"] = job.after(Path(start) if start else job.out / "before") if grpo else result["before"]
        return job.finish(result)


class _Job:
    """One run in one folder: what is there is read, what is not is made."""

    def __init__(
        self,
        recipe: Recipe[Any],
        corpus: Corpus,
        out: Path,
        controls: bool | str,
        elsewhere: bool,
        split: str,
        test: Corpus | None,
        progress: bool,
        say: Callable[[str], None] | None,
    ):
        self.recipe, self.out, self.progress = recipe, out, progress
        self.stages = common.Stages(out, recipe.settings, say)
        self.lalm: LALM | None = self.stages.run("load", recipe.load)
        self.cache: FeatureCache | None = None
        _only_what_it_takes(recipe, self.lalm, self.stages.say)
        self.parts = recipe.parts(corpus, split, test)
        self.other = common.other_domain(recipe.select(corpus), recipe.settings, split) if elsewhere else None
        self.checks = recipe.controls if controls else ()
        self.early_checks = self.checks if controls == "every" else ()

    def zero_shot(self) -> dict[str, Any]:
        """The model as it comes, asked for the baseline's answers."""
        return self.scored("zero_shot", self.recipe.baseline_prompt(), self.model(None), ())

    def stage(
        self,
        name: str,
        train: Callable[[LALM, Corpus, bool], Any],
        corpus: Corpus,
        prompt: Prompt,
        start: str | Path | None = None,
    ) -> dict[str, Any]:
        """Train from fresh adapters, or read the checkpoint, and measure."""
        folder = Path(start) if start else self.out / name
        there, lalm = (folder / common.INFO).is_file(), self.model(folder)
        wait_for_all()  # every process has looked before one writes
        if not there:
            if start:
                raise TrainingError(f"{start}: no checkpoint to start from; give a folder such as OUT/before")
            self.stages.run(name, lambda: train(lalm, corpus, self.progress))
            self.save(name, lalm, prompt)
        return self.scored(name, prompt, lalm, self.early_checks, folder)

    def after(self, start: Path) -> dict[str, Any]:
        """GRPO from the cold start."""
        there, lalm = (self.out / "after" / common.INFO).is_file(), self.model(self.out / "after", start)
        wait_for_all()
        prompt = self.recipe.prompt()
        if not there:
            run = self.out / "grpo"
            self.stages.run("grpo", lambda: self.recipe.grpo(lalm, self.parts.train, run, progress=self.progress))
            self.save("after", lalm, prompt)
        return self.scored("after", prompt, lalm, self.checks)

    def model(self, *folders: Path | None) -> LALM:
        """The model of the first folder that holds a checkpoint, else with fresh adapters; what its frozen towers
        computed in an earlier stage is kept."""
        kept, self.lalm = self.lalm, None
        for folder in folders:
            if folder is not None and (folder / common.INFO).is_file():
                kept = common.load_checkpoint(folder)[0]
                break
        lalm = kept or self.recipe.load()
        if lalm.frozen:
            self.cache = lalm.cache if self.cache is None else self.cache
            lalm.cache = self.cache
        return lalm

    def save(self, name: str, lalm: LALM, prompt: Prompt) -> None:
        """Write adapters and what is needed to use them."""
        common.save_checkpoint(self.out / name, lalm, self.recipe.note(prompt))
        wait_for_all()

    def scored(
        self, name: str, prompt: Prompt, lalm: LALM, checks: Sequence[str], read: Path | None = None
    ) -> dict[str, Any]:
        """Measure, or read what was measured of the same samples; the other domain's scores go under `elsewhere`."""
        key = common.scores_key(prompt, self.parts.test, self.other, checks)
        if (kept := common.read_scores(read or self.out / name, key)) is not None:
            return kept
        measured = self.stages.run(
            f"{name} evaluation",
            lambda: self.recipe.measure(lalm, self.parts.test, prompt, checks, self.progress),
        )
        result = common.slim(measured)
        if self.other is not None:
            away = self.other
            found = self.stages.run(
                f"{name} elsewhere", lambda: self.recipe.measure(lalm, away, prompt, (), self.progress)
            )
            measured["rows"] += [row | {"elsewhere": True} for row in found["rows"]]
            result["elsewhere"] = common.slim(found)
        common.write_scores(self.out / name, key, result, measured["rows"])
        return result

    def finish(self, result: dict[str, Any]) -> dict[str, Any]:
        """Add what belongs to the whole run, and write it."""
        from emolab.training.checkpoints import write_json

        away = {k: part.pop("elsewhere", None) for k, part in result.items() if isinstance(part, dict)}
        steps = common.read_metrics(self.out / "grpo")
        result |= {
            "controls": result["after"].get("controls", {}),
            "elsewhere": {name: part for name, part in away.items() if part},
            "seed": self.recipe.settings.seed,
            "seconds": self.stages.seconds,
            "n": {name: len(part) for name, part in vars(self.parts).items()},
            "settings": common.settings_dict(self.recipe.settings),
            "out": str(self.out),
            "last_step": steps[-1] if steps else None,
        }
        if is_main():
            write_json(self.out / "result.json", result)
        return result


def _only_what_it_takes(recipe: Recipe[Any], lalm: LALM | None, say: Callable[[str], None]) -> None:
    """Ask only for modalities that the model has, and say so: an audio model is shown no faces."""
    asked = recipe.settings.modalities
    takes = tuple(m for m in asked if lalm is None or m in lalm.modalities)
    if takes != asked:
        say(f"{recipe.settings.model} takes no {', '.join(sorted(set(asked) - set(takes)))}: trained without it")
        recipe.settings = replace(recipe.settings, modalities=takes)
