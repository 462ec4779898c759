"""`emolab train`: run one of the four systems' recipes, or only its cold start."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit, real_stdout
from emolab.errors import TrainingError

if TYPE_CHECKING:
    from emolab.recipes.run import Recipe

CorpusOption = Annotated[
    Path | None, typer.Option("--corpus", help="Corpus folder; the embedded corpus where none is given.")
]
TestCorpusOption = Annotated[
    Path | None, typer.Option("--test-corpus", help="Measure on the test split of this corpus instead.")
]
OutOption = Annotated[
    Path | None,
    typer.Option(help="Folder for checkpoints and results, build/RECIPE by default; run again to continue."),
]
SeedOption = Annotated[int, typer.Option(help="Seed of the data order, the adapters and the sampling.")]
ModelOption = Annotated[str | None, typer.Option(help="Model name or folder; the profile's where none is given.")]
TestOption = Annotated[int | None, typer.Option(help="Measured clips of each label; all of them by default.")]
DomainOption = Annotated[str | None, typer.Option(help="Train on this domain of the corpus: a or b.")]
SplitOption = Annotated[str, typer.Option(help="Measure on this split; val is for choosing settings.")]
LaunchOption = Annotated[str | None, typer.Option(help="Several processes: ddp, zero2, zero3, fsdp2, ddp-cpu.")]
ProcessesOption = Annotated[int | None, typer.Option(min=1, help="Processes to launch.")]
StepsOption = Annotated[int | None, typer.Option(help="GRPO steps; the profile's by default.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="KEY=VALUE of the recipe's settings, as alpha=1; may be repeated.")
]
BaselineOption = Annotated[bool, typer.Option(help="Also fine-tune on the same labels as GRPO.")]
ControlsOption = Annotated[bool, typer.Option(help="Also score with evidence taken away: silent voices, and more.")]
ReasoningOption = Annotated[
    str | None, typer.Option(help="structured (ESR), free (EUR) or direct (IR); the profile's by default.")
]

HELP = {
    "emo-rl": "EMO-RL: speech emotion, with the emotion-similarity reward and structured reasoning.",
    "affectgpt-rl": "AffectGPT-RL: open-vocabulary emotion, with emotion-wheel metrics as the reward.",
    "mecap-r1": "MECap-R1: captions of emotional speech, with Emo-GRPO.",
    "r1-omni": "R1-Omni: audio-visual emotion, with a verifiable reward.",
}


def register(app: typer.Typer) -> None:
    """Add the recipes to the group `train`."""
    from emolab.recipes import RECIPES

    for name in RECIPES:
        text = f"{HELP[name]} Cold start, then GRPO; measured before and after."
        app.command(name, help=text)(_command(name))
    app.command("cold-start")(cold_start)


def _command(name: str) -> Callable[..., None]:
    @command
    def train(
        corpus: CorpusOption = None,
        test_corpus: TestCorpusOption = None,
        out: OutOption = None,
        seed: SeedOption = 0,
        steps: StepsOption = None,
        reasoning: ReasoningOption = None,
        model: ModelOption = None,
        domain: DomainOption = None,
        split: SplitOption = "test",
        test_per_label: TestOption = None,
        changes: SetOption = None,
        baseline: BaselineOption = True,
        controls: ControlsOption = True,
        launch: LaunchOption = None,
        processes: ProcessesOption = None,
        as_json: JsonOption = False,
    ) -> None:
        if launch is not None:
            from emolab.training.launch import relaunch

            raise typer.Exit(relaunch(launch, processes, sys.argv[1:], real_stdout()))
        from emolab.evaluate.inputs import read_corpus
        from emolab.training.launch import is_main

        given = {"model": model, "steps": steps, "reasoning": reasoning, "domain": domain}
        recipe = make(name, changes, seed=seed, test_per_label=test_per_label, **_given(given))
        folder = out or Path("build") / name
        result = recipe.run(
            read_corpus(corpus, recipe.corpus_size),
            folder,
            baseline=baseline,
            controls=controls,
            split=split,
            test=read_corpus(test_corpus) if test_corpus else None,
            say=_say,
        )
        if is_main():
            emit(result | {"report": str(_report(folder))}, as_json, render)

    train.__name__ = name.replace("-", "_")
    return train


@command
def cold_start(
    recipe: Annotated[str, typer.Option(help="The recipe whose cold start it is.")] = "emo-rl",
    corpus: CorpusOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    reasoning: ReasoningOption = None,
    model: ModelOption = None,
    test_per_label: TestOption = None,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """The cold start alone: a few clips with written rationales, then measured on held-out talkers and sentences."""
    from emolab.evaluate.inputs import read_corpus

    given = {"model": model, "reasoning": reasoning}
    chosen = make(recipe, changes, seed=seed, test_per_label=test_per_label, **_given(given))
    table = read_corpus(corpus, chosen.corpus_size)
    folder = out or Path("build") / "cold-start"
    options: dict[str, Any] = {"baseline": False, "controls": False, "elsewhere": False, "grpo": False}
    result = chosen.run(table, folder, say=_say, **options)
    emit(result | {"report": str(_report(folder))}, as_json, render)


def _report(folder: Path) -> Path:
    from emolab.files import write_text
    from emolab.plots.report import run_report

    path = folder / "report.html"
    return write_text(path, run_report(folder))


def make(name: str, changes: list[str] | None = None, **values: Any) -> Recipe:
    """The recipe `name` with the settings of the machine's profile, `values` and KEY=VALUE `changes`.

    Raises TrainingError for a setting that the recipe does not have, or a value of another type.
    """
    from emolab import recipes

    if wrong := [change for change in changes or () if "=" not in change]:
        raise TrainingError(f"--set {wrong[0]!r}: expected KEY=VALUE")
    typed = dict(change.split("=", 1) for change in changes or ())
    chosen = recipes.get_recipe(name)
    return recipes.recipe(name, **values | {key: chosen.read_setting(key, text) for key, text in typed.items()})


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _say(text: str) -> None:
    typer.echo(f"emolab: {text} …", err=True)


def render(result: dict[str, Any]) -> None:
    """Print the stages of a recipe as a table."""
    from emolab.cli.tables import score_table
    from emolab.training.runs import STAGES

    told = [name for name in STAGES if result.get(name)]
    rows = {STAGES[name]: result[name] for name in told}
    rows |= {f"{STAGES[told[-1]]}, {name}": part for name, part in result["controls"].items()}
    rows |= {f"{STAGES[name]}, other domain": result["elsewhere"][name] for name in told if name in result["elsewhere"]}
    score_table(rows, f"{result['recipe']}, seed {result['seed']}, in {result['out']}")
    typer.echo(f"with plots and answers: {result['report']}")
