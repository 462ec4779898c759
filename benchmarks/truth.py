"""The truth suite on a recipe's run: every attribution method before and after reinforcement learning.

`emolab bench truth` takes the checkpoints `before` and `after` that a recipe left (by default r1-omni's, which sees,
hears and reads; it is trained first where there is none), scores every method where the corpus knows which modality
carries the emotion, and writes `truth.json`, a page with the whole table `truth.md` and its picture `truth.svg` into
`benchmarks/results`, and the section of README.md that shows them. `--page-only` writes all but the first from it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit, to_plain
from emolab.paths import CHECKOUT, build_folder

if TYPE_CHECKING:
    from emolab.samples import Corpus

RESULT = CHECKOUT / "benchmarks" / "results" / "truth.json"
RECIPE, SIZE = "r1-omni", "omni"
STAGES = ("before", "after")
PICTURED = ("recovery", "conflict", "hallucination")
SUITE = 3
"""Raised when the suite measures something else, so that nothing older is read back."""


def register(app: typer.Typer) -> None:
    """Add `truth` to the group `bench`."""
    app.command("truth")(truth)


@command
def truth(
    run: Annotated[Path | None, typer.Option(help="A recipe's folder with `before` and `after`.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="A corpus folder; the embedded omni by default.")] = None,
    n: Annotated[int, typer.Option(help="Samples to validate on.")] = 138,
    n_checks: Annotated[int, typer.Option(help="Samples for each costlier check.")] = 12,
    seed: Annotated[int, typer.Option(help="Seed of the choice of samples and donors.")] = 0,
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
        emit(measured(folder / stage, table, n, n_checks, seed, split), as_json, lambda r: typer.echo(r["seconds"]))
        return
    result = {"command": f"emolab bench truth --n {n} --n-checks {n_checks} --seed {seed}"}
    for name in STAGES:
        result[name] = measured(folder / name, table, n, n_checks, seed, split)
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
    from emolab.course.readme import replace_section
    from emolab.plots.attribution import truth_table
    from emolab.plots.style import save_svg

    picture = truth_table(result["after"]["methods"], result["before"]["methods"], columns=PICTURED)
    save_svg(picture, folder / "truth.svg")
    (folder / "truth.md").write_text(page(result) + "\n", encoding="utf-8")
    replace_section(readme, "attribution", summary(result))


def measured(checkpoint: Path, corpus: Corpus, n: int, n_checks: int, seed: int, split: str) -> dict[str, Any]:
    """The suite on one checkpoint; what was measured of the same weights and samples before is read back."""
    from emolab.attribution.collect import Settings
    from emolab.attribution.validate import validate
    from emolab.evaluate.inputs import read_model
    from emolab.synth.corpus import read_truth

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
    from emolab.recipes import get_recipe
    from emolab.recipes.common import INFO

    folder = build_folder() / RECIPE / "seed-0"
    if not all((folder / name / INFO).is_file() for name in STAGES):
        typer.echo(f"{folder}: no run of {RECIPE} here; training one takes minutes", err=True)
        recipe = get_recipe(RECIPE)
        recipe(recipe.Settings.cpu(seed=0)).run(
            corpus, folder, baseline=False, controls=False, elsewhere=False, zero_shot=False,
            say=lambda text: typer.echo(text, err=True),
        )  # fmt: skip
    return folder


def recipe_of(checkpoint: Path) -> str:
    """The recipe that a checkpoint notes."""
    from emolab.recipes.common import INFO

    return str(json.loads((checkpoint / INFO).read_text(encoding="utf-8")).get("recipe", ""))


def page(result: dict[str, Any]) -> str:
    """Every figure of every method, before and after, with what each column is."""
    from emolab.attribution.table import COLUMNS, markdown

    before, after = result["before"], result["after"]
    return "\n".join(
        [
            "# Attribution against truth",
            "",
            f"First line before GRPO, second line after it. {_sample(result)} All intervals 95%, over talkers.",
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
    from emolab.attribution.table import cell

    before, after = result["before"], result["after"]
    lines = [
        "![Attribution methods against truth](benchmarks/results/truth.svg)",
        "",
        f"{_sample(result)} Hollow before GRPO, filled after it, with 95% intervals over talkers. "
        "[The whole table](benchmarks/results/truth.md) has six more figures for each method.",
        "",
    ]
    stated = [part["stated"] for part in (before, after) if part.get("stated")]
    if len(stated) == len(STAGES):
        rates = ", ".join(f"{cell(part, 'hallucination')} {when}" for part, when in zip(stated, STAGES, strict=True))
        lines.append(f"Of the modalities that the rationales name, did not contribute: {rates}.")
    if noise := after.get("noise"):
        first, last = noise[0], noise[-1]
        lines.append(
            f"With noise {-last['snr']:.0f} dB above the voice, its φ falls from {cell(first, 'phi_audio')} to "
            f"{cell(last, 'phi_audio')}; its share of |φ| much less, since absolute values never cancel noise: "
            f"{cell(first, 'share_audio')} to {cell(last, 'share_audio')}."
        )
    lines.append(f"Made by `{result['command']}`.")
    return "\n".join(lines)


def _sample(result: dict[str, Any]) -> str:
    from emolab.attribution.table import cell

    before, after = result["before"], result["after"]
    return (
        f"{after.get('recipe') or 'A recipe'}, shown {', '.join(after['modalities'])}; {after['n']} held-out samples, "
        f"answered right before: {cell(before, 'answered_right')}, after: {cell(after, 'answered_right')}. The carrier "
        f"is looked for in the {' and '.join(str(part['methods'][0].get('n')) for part in (before, after))} of them "
        "that are answered right and have their emotion in one modality."
    )
