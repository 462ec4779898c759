"""`emolab train`: run a recipe of one of the four systems, or only its cold start."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit

if TYPE_CHECKING:
    from emolab.recipes.emo_rl import EmoRLSettings
    from emolab.samples import Corpus

CorpusOption = Annotated[
    Path | None, typer.Option("--corpus", help="Corpus folder; the embedded corpus where none is given.")
]
OutOption = Annotated[Path, typer.Option(help="Folder for checkpoints, metrics, results; run again to continue.")]
SeedOption = Annotated[int, typer.Option(help="Seed of the data order, the adapters and the sampling.")]
ModelOption = Annotated[str | None, typer.Option(help="Model name or folder; the profile's where none is given.")]
ReasoningOption = Annotated[
    str | None, typer.Option(help="structured (ESR), free (EUR) or direct (IR); the profile's by default.")
]
TestOption = Annotated[int | None, typer.Option(help="Test clips of each label; all of them by default.")]
LaunchOption = Annotated[str | None, typer.Option(help="Several processes: ddp, zero2, zero3, fsdp2, ddp-cpu.")]
ProcessesOption = Annotated[int | None, typer.Option(min=1, help="Processes to launch.")]
StepsOption = Annotated[int | None, typer.Option(help="GRPO steps; the profile's by default.")]


def register(app: typer.Typer) -> None:
    """Add the recipes to the group `train`."""
    app.command("emo-rl")(emo_rl)
    app.command("cold-start")(cold_start)


@command
def emo_rl(
    corpus: CorpusOption = None,
    out: OutOption = Path("build/emo-rl"),
    seed: SeedOption = 0,
    steps: StepsOption = None,
    reasoning: ReasoningOption = None,
    model: ModelOption = None,
    test_per_label: TestOption = None,
    baseline: Annotated[bool, typer.Option(help="Also fine-tune on the same labels as GRPO.")] = True,
    controls: Annotated[bool, typer.Option(help="Also score with silent and with swapped voices.")] = True,
    launch: LaunchOption = None,
    processes: ProcessesOption = None,
    as_json: JsonOption = False,
) -> None:
    """EMO-RL: cold start, then GRPO in 4 bits with the emotion-similarity reward; measured before and after."""
    if launch is not None:
        from emolab.training.launch import relaunch

        raise typer.Exit(relaunch(launch, processes, sys.argv[1:]))
    from emolab.recipes import emo_rl as recipe
    from emolab.training.launch import is_main

    settings = _settings(model, steps, seed=seed, test_per_label=test_per_label, **_given(reasoning))
    result = recipe.run(settings, _corpus(corpus), out, baseline=baseline, controls=controls, say=_say)
    if is_main():
        emit(result, as_json, render)


@command
def cold_start(
    corpus: CorpusOption = None,
    out: OutOption = Path("build/cold-start"),
    seed: SeedOption = 0,
    reasoning: ReasoningOption = None,
    model: ModelOption = None,
    test_per_label: TestOption = None,
    as_json: JsonOption = False,
) -> None:
    """The cold start alone: a few clips with written rationales, then measured on held-out talkers and sentences."""
    from emolab.recipes import emo_rl as recipe

    settings = _settings(model, None, seed=seed, test_per_label=test_per_label, **_given(reasoning))
    emit(recipe.cold_start_only(settings, _corpus(corpus), out, say=_say), as_json, render)


def _corpus(folder: Path | None) -> Corpus:
    """The audio core of an embedded corpus; all of any other corpus."""
    from emolab.evaluate.inputs import read_corpus
    from emolab.synth.corpus import audio_core

    corpus = read_corpus(folder)
    return audio_core(corpus, domain=None) if all("condition" in s.extra for s in corpus) else corpus


def _settings(model: str | None, steps: int | None, **changes: Any) -> EmoRLSettings:
    from emolab.profiles import profile
    from emolab.recipes.emo_rl import EmoRLSettings

    chosen = profile()
    if steps is not None:
        changes["steps"] = steps
    if chosen.name == "cpu":
        return EmoRLSettings.cpu(**changes, **({"model": model} if model else {}))
    values = {
        "model": model or chosen.model,
        "quantise": chosen.quantise,
        "group_size": chosen.group_size,
        "prompts_per_step": chosen.prompts_per_step,
        "steps": chosen.steps,
        "learning_rate": chosen.learning_rate,
        "max_new_tokens": chosen.max_new_tokens,
    }
    return EmoRLSettings(**{**values, **changes})


def _given(reasoning: str | None) -> dict[str, str]:
    return {"reasoning": reasoning} if reasoning else {}


def _say(text: str) -> None:
    typer.echo(f"emolab: {text} …", err=True)


def render(result: dict[str, Any]) -> None:
    """Print the stages of a recipe as a table."""
    from emolab.cli.tables import score_table

    rows = {"zero-shot": result["zero_shot"], "after the cold start": result["before"]}
    if result.get("sft"):
        rows["fine-tuned on GRPO's labels"] = result["sft"]
    if result["recipe"] != "cold-start":
        rows["after GRPO"] = result["after"]
        rows |= {f"after GRPO, {name} voices": part for name, part in result["controls"].items()}
    score_table(rows, f"{result['recipe']}, seed {result['seed']}, in {result['out']}")
