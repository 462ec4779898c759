"""`emolab train`: run one of the recipes on a corpus, or only its cold start."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emolab import recipes
from emolab.cli import options as ask
from emolab.cli.output import JsonOption, command, emit, print_scores, real_stdout
from emolab.emotions import LabelSet
from emolab.errors import TrainingError
from emolab.files import check_place, write_text
from emolab.recipes import RECIPES
from emolab.rewards.rubric import Rubric
from emolab.rewards.source import weighted
from emolab.samples import Corpus

if TYPE_CHECKING:
    from emolab.recipes.run import Built, Recipe

FoldOption = Annotated[
    str | None, typer.Option(help="Fold of the protocol, by name or number; with all, each fold and the mean.")
]
TestCorpusOption = Annotated[
    str | None, typer.Option("--test-corpus", metavar="SPEC", help="Measure on the test split of this corpus instead.")
]
RewardOption = Annotated[
    list[str] | None,
    typer.Option(
        "--reward", metavar="FILE:NAME", help="Pay this reward, too: my_rewards.py:loudness. May be repeated."
    ),
]
OwnOption = Annotated[bool, typer.Option("--own-rewards/--no-own-rewards", help="Pay the recipe's own rewards.")]
OutOption = Annotated[
    Path | None,
    typer.Option(help="Folder for checkpoints and results, build/RECIPE-CORPUS by default; run again to continue."),
]
SeedOption = Annotated[int, typer.Option(help="Seed of the data order, the adapters and the sampling.")]
TestOption = Annotated[int | None, typer.Option(help="Measure on so many clips of each label; on all by default.")]
DomainOption = Annotated[str | None, typer.Option(help="Train on this domain of the embedded corpus: a or b.")]
ListeningOption = Annotated[
    bool, typer.Option(help="Train only on clips that `emolab corpus listen-filter --mark` found to need listening.")
]
SplitOption = Annotated[str, typer.Option(help="Measure on this split; val is for choosing settings.")]
LaunchOption = Annotated[str | None, typer.Option(help="Train in several processes: ddp, zero2 or ddp-cpu.")]
ProcessesOption = Annotated[int | None, typer.Option(min=1, help="How many processes to launch.")]
RolloutOption = Annotated[str | None, typer.Option(help="Who samples completions: local, or vllm (a server).")]
StepsOption = Annotated[int | None, typer.Option(help="GRPO steps; the profile's by default.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Change a setting: KEY=VALUE, such as alpha=1. May be repeated.")
]
BaselineOption = Annotated[bool, typer.Option(help="Also fine-tune on the same labels as GRPO.")]
ControlsOption = Annotated[bool, typer.Option(help="Also score with evidence taken away: silent voices, and more.")]
ReasoningOption = Annotated[str | None, typer.Option(help="How the model reasons; the same as --set reasoning=…")]


@dataclass(frozen=True)
class RunOptions:
    """What a run is made on, with which settings of the recipe, and where it is kept."""

    corpus: ask.CorpusOption = None
    labels: ask.LabelsOption = None
    protocol: ask.ProtocolOption = None
    fold: FoldOption = None
    test_corpus: TestCorpusOption = None
    long_clips: ask.LongClipsOption = "window"
    out: OutOption = None
    seed: SeedOption = 0
    reasoning: ReasoningOption = None
    model: ask.ModelOption = None
    domain: DomainOption = None
    split: SplitOption = "test"
    test_per_label: TestOption = None
    changes: SetOption = None

    def recipe(self, name: str, **more: Any) -> Recipe:
        """The recipe called `name` with these settings, and `more` where they are given."""
        given = {"model": self.model, "reasoning": self.reasoning, "domain": self.domain, **more}
        stated = {key: value for key, value in given.items() if value is not None}
        return recipe_with(name, self.changes, seed=self.seed, test_per_label=self.test_per_label, **stated)


HELP = {
    "emo-rl": "EMO-RL: speech emotion, with the emotion-similarity reward and structured reasoning.",
    "affectgpt-rl": "AffectGPT-RL: open-vocabulary emotion, with emotion-wheel metrics as the reward.",
    "mecap-r1": "MECap-R1: captions of emotional speech, with Emo-GRPO.",
    "r1-omni": "R1-Omni: audio-visual emotion, with a verifiable reward.",
}


def register(app: typer.Typer) -> None:
    """Add the recipes to the group `train`."""
    for name in RECIPES:
        told = HELP.get(name, f"The recipe {name}.")
        app.command(name, help=f"{told} It runs a cold start, then GRPO, and measures every stage.")(_command(name))
    app.command("cold-start")(cold_start)


def _command(name: str) -> Callable[..., None]:
    @command
    @ask.grouped
    def train(
        told: RunOptions,
        only_listening: ListeningOption = False,
        reward: RewardOption = None,
        reward_weight: ask.WeightOption = None,
        own_rewards: OwnOption = True,
        steps: StepsOption = None,
        baseline: BaselineOption = True,
        controls: ControlsOption = True,
        rollout: RolloutOption = None,
        launch: LaunchOption = None,
        processes: ProcessesOption = None,
        as_json: JsonOption = False,
    ) -> None:
        if launch is not None:
            from emolab.training.launch import relaunch

            raise typer.Exit(relaunch(launch, processes, sys.argv[1:], real_stdout()))
        recipe = told.recipe(name, steps=steps, rollout=rollout)
        options: dict[str, Any] = {"baseline": baseline, "controls": controls, "only_listening": only_listening}
        if reward:
            options["rewards"] = paying(recipe, reward, reward_weight or (), own_rewards)
        elif reward_weight or not own_rewards:
            raise TrainingError("--reward-weight and --no-own-rewards need a --reward FILE:NAME")
        _run(recipe, told, told.out, as_json, **options)

    train.__name__ = name.replace("-", "_")
    return train


@command
@ask.grouped
def cold_start(
    told: RunOptions,
    recipe: Annotated[str, typer.Option(help="The recipe whose cold start it is.")] = "emo-rl",
    as_json: JsonOption = False,
) -> None:
    """Do the cold start alone: learn a few clips with rationales, and measure on unheard speakers and sentences."""
    options: dict[str, Any] = {"baseline": False, "controls": False, "elsewhere": False, "grpo": False}
    _run(told.recipe(recipe), told, told.out or Path("build") / "cold-start", as_json, **options)


def _run(recipe: Recipe, told: RunOptions, out: Path | None, as_json: bool, **options: Any) -> None:
    from emolab.training.launch import is_main

    if out is not None:
        check_place(out, folder=True)
    options |= {name: getattr(told, name) for name in ("labels", "protocol", "fold", "split", "long_clips")}
    result = recipe.run(told.corpus, out, test=told.test_corpus, say=_say, **options)
    if is_main():
        for part in result.get("folds", {}).values():
            _report(Path(part["out"]))
        found = {} if "folds" in result else {"report": str(_report(Path(result["out"])))}
        emit(result | found, as_json, render)


def _report(folder: Path) -> Path:
    from emolab.plots.report import run_report

    path = folder / "report.html"
    return write_text(path, run_report(folder))


def paying(recipe: Recipe, rewards: list[str], weights: Any, own: bool) -> Built:
    """What GRPO pays: the rewards named FILE:NAME with their weights, beside the recipe's own or instead of them.

    Raises RewardError for more weights than rewards, or for a reward that cannot be read.
    """
    from emolab.recipes.run import Built

    weighted(rewards, weights)  # a fault is told before anything is read

    def build(labels: LabelSet, train: Corpus) -> Rubric:
        named, base = weighted(rewards, weights, labels), recipe.rewards(labels, train)
        return Rubric(f"{base.name} and own", (*base.parts, *named)) if own else Rubric("own", named)

    return Built(build)


def recipe_with(name: str, changes: list[str] | None = None, **values: Any) -> Recipe:
    """The recipe `name` with the settings of the machine's profile, `values` and KEY=VALUE `changes`.

    Raises TrainingError for a setting that the recipe does not have, or a value of another type.
    """
    if wrong := [change for change in changes or () if "=" not in change]:
        raise TrainingError(f"--set {wrong[0]!r}: expected KEY=VALUE")
    typed = dict(change.split("=", 1) for change in changes or ())
    chosen = recipes.get_recipe(name)
    return recipes.recipe(name, **values | {key: chosen.read_setting(key, text) for key, text in typed.items()})


def _say(text: str) -> None:
    typer.echo(f"emolab: {text} …", err=True)


def render(result: dict[str, Any]) -> None:
    """Print the stages of a recipe as a table; of several folds, their mean and then each fold."""
    from emolab.training.runs import STAGES

    told = [name for name in STAGES if result.get(name)]
    rows = {STAGES[name]: result[name] for name in told}
    rows |= {f"{STAGES[told[-1]]}, {name}": part for name, part in result["controls"].items()}
    rows |= {f"{STAGES[name]}, other domain": result["elsewhere"][name] for name in told if name in result["elsewhere"]}
    folds = result.get("folds", {})
    rows |= {f"{STAGES[told[-1]]}, {name}": fold[told[-1]] for name, fold in folds.items()}
    of = f"mean of {len(folds)} folds, " if folds else ""
    chance = f", chance {result['chance']:.1%}" if result["metric"] == "ua" and result.get("chance") else ""
    print_scores(rows, f"{result['recipe']}, {of}seed {result['seed']}{chance}, in {result['out']}")
    if "report" in result:
        typer.echo(f"with plots and answers: {result['report']}")
    for name, fold in folds.items():
        typer.echo(f"{name}: {Path(fold['out']) / 'report.html'}")
