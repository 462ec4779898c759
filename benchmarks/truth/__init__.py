"""Every attribution method against the corpus's known truth, before and after reinforcement learning.

`emolab bench truth` takes the checkpoints of the cold start and of GRPO in a recipe's run, by default of r1-omni, which
sees, hears and reads; where there is no run, it trains one. It scores every method on samples whose carrier is known,
and writes `truth.json`, the table `truth.md` and the picture `truth.svg` into `benchmarks/results`, and the section of
README.md that shows them. `--page-only` writes all of these but the first, from the first.

`suite` runs the checks, `checks` and `deletion` hold the costlier ones, and `table` puts their figures together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit, to_plain
from emolab.paths import CHECKOUT, build_folder

if TYPE_CHECKING:
    from emolab.samples import Corpus

RESULT = CHECKOUT / "benchmarks" / "results" / "truth.json"
RECIPE, SIZE = "r1-omni", "omni"
STAGES = {"before": "cold_start", "after": "grpo"}
"""What a result calls the stages, and their folders in a run."""
PICTURED = ("recovery", "conflict", "hallucination")
SUITE = 3
"""Raised when the suite measures something else, so that nothing older is read back."""


def register(app: typer.Typer) -> None:
    """Add `truth` to the group `bench`."""
    app.command("truth")(truth)


@command
def truth(
    run: Annotated[Path | None, typer.Option(help="The folder of a recipe's run: its cold start and its GRPO.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="A corpus folder; the embedded omni by default.")] = None,
    n: Annotated[int, typer.Option(help="Samples to validate on.")] = 138,
    n_checks: Annotated[int, typer.Option(help="Samples for each costlier check.")] = 12,
    seed: Annotated[int, typer.Option(help="Seed of the choice of samples and of the background.")] = 0,
    split: Annotated[str, typer.Option(help="Samples of this split; test is for reporting only.")] = "test",
    stage: Annotated[str | None, typer.Option(help="Only measure `before` or `after`, for a later run.")] = None,
    write: Annotated[bool, typer.Option(help="Write the result file, its page and README's section.")] = True,
    page_only: Annotated[bool, typer.Option("--page-only", help="Only write the page and README's section.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Every attribution method against the corpus's known truth, before and after GRPO."""
    if page_only:
        result = saved()
        write_page(result)
        emit(result, as_json, lambda r: typer.echo(summary(r)))
        return
    from emolab.evaluate.inputs import read_corpus

    table = read_corpus(corpus, SIZE)
    folder = run or trained(table)
    if stage is not None:
        found = measured(folder / STAGES.get(stage, stage), table, n, n_checks, seed, split)
        emit(found, as_json, lambda r: typer.echo(r["seconds"]))
        return
    result = {"command": f"emolab bench truth --n {n} --n-checks {n_checks} --seed {seed}"}
    for name, place in STAGES.items():
        result[name] = measured(folder / place, table, n, n_checks, seed, split)
    result = to_plain(result)
    if write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        write_page(result)
    emit(result, as_json, lambda r: typer.echo(page(r)))


def saved() -> dict[str, Any]:
    """The committed result. Raises EvaluationError where there is none."""
    from emolab.errors import EvaluationError

    if not RESULT.is_file():
        raise EvaluationError(f"{RESULT}: not there; make it with: emolab bench truth")
    return dict(json.loads(RESULT.read_text(encoding="utf-8")))


def write_page(result: dict[str, Any], readme: Path = CHECKOUT / "README.md", folder: Path = RESULT.parent) -> None:
    """Write `truth.md` and `truth.svg` into a folder, and README's section."""
    from emolab_course.figures import truth_table
    from emolab_course.readme import replace_section

    from emolab.plots.style import save_svg

    picture = truth_table(result["after"]["methods"], result["before"]["methods"], columns=PICTURED)
    save_svg(picture, folder / "truth.svg")
    (folder / "truth.md").write_text(page(result) + "\n", encoding="utf-8")
    replace_section(readme, "attribution", summary(result))


def measured(checkpoint: Path, corpus: Corpus, n: int, n_checks: int, seed: int, split: str) -> dict[str, Any]:
    """The suite on one checkpoint; what was measured of the same weights and samples before is read back."""
    from emolab_course.measure import Settings
    from emolab_synth.corpus import read_truth

    from benchmarks.truth.suite import validate
    from emolab.evaluate.inputs import read_model

    asked = [n, n_checks, seed, split, corpus.name, len(corpus), SUITE]
    weights = (checkpoint / "adapter_model.safetensors").read_bytes()
    digest = hashlib.sha256(json.dumps(asked).encode() + weights).hexdigest()[:16]
    kept = build_folder() / "truth" / f"{digest}.json"
    if kept.is_file():
        typer.echo(f"{checkpoint}: measured before, read from {kept}", err=True)
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    typer.echo(f"{checkpoint}: {n} samples, {n_checks} for each check", err=True)
    lalm, prompt = read_model(None, checkpoint)
    found = validate(lalm, corpus, prompt, read_truth(corpus.root), n, n_checks, Settings(seed=seed), split=split)
    found["recipe"] = recipe_of(checkpoint)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(to_plain(found)), encoding="utf-8")
    return found


def trained(corpus: Corpus) -> Path:
    """The folder of r1-omni's run with seed 0 on this corpus, which is made where it is missing."""
    from emolab.lalm.checkpoint import is_checkpoint
    from emolab.recipes import get_recipe

    folder = build_folder() / RECIPE / "seed-0"
    if not all(is_checkpoint(folder / place) for place in STAGES.values()):
        typer.echo(f"{folder}: no run of {RECIPE} here; training one takes minutes", err=True)
        get_recipe(RECIPE).cpu(seed=0).run(
            corpus, folder, baseline=False, controls=False, elsewhere=False, zero_shot=False,
            say=lambda text: typer.echo(text, err=True),
        )  # fmt: skip
    return folder


def compared(
    models: Sequence[tuple[str | None, Path | None, str | None]],
    corpus: Corpus,
    n: int,
    n_checks: int,
    settings: Any,
    split: str,
) -> dict[str, Any]:
    """The suite on (model, checkpoint, prompt) each, one model in memory at a time. The last is the result, and one
    that comes before it is its "before".
    """
    from emolab_synth.corpus import read_truth

    from benchmarks.truth.suite import validate
    from emolab.errors import CorpusError
    from emolab.evaluate.inputs import read_model

    try:
        known = read_truth(corpus.root)
    except CorpusError as error:
        typer.echo(f"no conflict score: {error}", err=True)
        known = None
    suites = []
    for name, checkpoint, prompt in models:
        lalm, asked = read_model(name, checkpoint, prompt=prompt)
        suites.append(validate(lalm, corpus, asked, known, n, n_checks, settings, split=split))
        del lalm
    *earlier, result = suites
    return result | {"before": earlier[0]} if earlier else result


def render(result: dict[str, Any]) -> None:
    """Print the table of methods, one row each with an interval on every figure; before training above after it."""
    from rich.console import Console
    from rich.table import Table

    from benchmarks.truth.table import cell, cells, shown_columns

    before = result.get("before")
    suites = [s for s in (before, result) if s]
    right = ", then ".join(f"{cell(s, 'answered_right')} answered right" for s in suites)
    title = f"{result['model']}: {result['n']} samples, {right}" + ("; before training above after" if before else "")
    table = Table("method", *(c.title for c in shown_columns(*suites)), title=title, title_justify="left")
    for row in cells(result, before):
        table.add_row(*("\n".join(lines) for lines in row), end_section=bool(before))
    console = Console()
    console.print(table)
    for column in shown_columns(*suites):
        console.print(f"{column.title}: right is {column.wanted}", markup=False)
    worst = ", ".join(f"{name} {value:.0e}" for name, value in result["axioms"].items())
    console.print(f"largest violation of an axiom: {worst}", markup=False)
    for suite in suites:
        if stated := suite.get("stated"):
            console.print(
                f"{suite['model']}: {stated['n']} rationales name a modality as evidence, {stated['silent']} name "
                f"none; {cell(stated, 'hallucination')} of the named modalities had no measurable effect on the answer",
                markup=False,
            )


def recipe_of(checkpoint: Path) -> str:
    """The recipe that a checkpoint notes."""
    from emolab.lalm.checkpoint import checkpoint_info

    return str(checkpoint_info(checkpoint).get("recipe", ""))


def page(result: dict[str, Any]) -> str:
    """Every figure of every method, before and after, with what each column is."""
    from emolab_course.truth import COLUMNS

    from benchmarks.truth.table import markdown

    before, after = result["before"], result["after"]
    return "\n".join(
        [
            "# Attribution against truth",
            "",
            f"First lines are before GRPO, second lines after it. {_sample(result)} Intervals are 95%, over speakers.",
            "",
            markdown(after, before),
            "",
            "What each column should be:",
            "",
            *(f"- {column.title}: {column.wanted}." for column in COLUMNS),
            "",
            f"Made by `{result['command']}` from `truth.json`.",
        ]
    )


def summary(result: dict[str, Any]) -> str:
    """README's section: the picture, what was measured, and what it says of the models."""
    from benchmarks.truth.table import cell

    before, after = result["before"], result["after"]
    lines = [
        "![Attribution methods against truth](benchmarks/results/truth.svg)",
        "",
        f"{_sample(result)} Hollow marks are before GRPO, filled ones after it; intervals are 95%, over speakers. "
        "[The whole table](benchmarks/results/truth.md) has six more figures for each method.",
        "",
    ]
    stated = [part["stated"] for part in (before, after) if part.get("stated")]
    if len(stated) == len(STAGES):
        rates = " and ".join(f"{cell(part, 'hallucination')} {when}" for part, when in zip(stated, STAGES, strict=True))
        lines.append(f"Of the modalities named in a rationale, these shares had no measurable effect: {rates} GRPO.")
    if noise := after.get("noise"):
        first, last = noise[0], noise[-1]
        lines.append(
            f"With noise {-last['snr']:.0f} dB above the voice, φ of the voice falls from {cell(first, 'phi_audio')} "
            f"to {cell(last, 'phi_audio')}. Its share of |φ| falls much less, from {cell(first, 'share_audio')} to "
            f"{cell(last, 'share_audio')}, because noise never cancels in absolute values."
        )
    lines.append(f"Made by `{result['command']}`.")
    return "\n".join(lines)


def _sample(result: dict[str, Any]) -> str:
    from benchmarks.truth.table import cell

    before, after = result["before"], result["after"]
    counts = " and ".join(str(part["methods"][0].get("n")) for part in (before, after))
    return (
        f"The model of {after.get('recipe') or 'a recipe'} is shown {', '.join(after['modalities'])}. Of {after['n']} "
        f"held-out samples it answers {cell(before, 'answered_right')} right before GRPO and "
        f"{cell(after, 'answered_right')} after it. The carrier is looked for in those {counts} that are answered "
        "right and have their emotion in one modality."
    )
