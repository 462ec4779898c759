"""`emolab predict FILE…`: label, distribution and rationale for any audio file that a person has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit
from emolab.cli.zeroshot import ModelOption, PromptOption
from emolab.errors import EvaluationError


def register(app: typer.Typer) -> None:
    """Add `predict` to `app`."""
    app.command("predict")(predict)


@command
def predict(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Audio files: wav, flac, ogg, mp3, m4a, …")],
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Folder that a recipe wrote; by default, on the cpu profile, what emo-rl taught the tiny model."
        ),
    ] = None,
    model: ModelOption = None,
    prompt: PromptOption = None,
    text: Annotated[str | None, typer.Option(help="What is said, if known (for one file).")] = None,
    video: Annotated[
        Path | None,
        typer.Option(help="The face (for one file): a film (FILE itself, if it is one), a folder of images, a strip."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(help="Labels to choose from: a label set by name (iemocap-4), or a list (calm, tense, bored)."),
    ] = None,
    calibration: Annotated[str, typer.Option(help="none, or contextual: without the model's label bias.")] = "none",
    quantise: Annotated[str | None, typer.Option(help="nf4 for 4 bits.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a speaker feels: label, distribution and rationale for each file, and words or a caption where the
    checkpoint was taught them. Files that cannot be used are named; the status is then 1.
    """
    from emolab.emotions import label_set
    from emolab.evaluate.inputs import read_model
    from emolab.evaluate.predict import FILE_CALIBRATIONS, predict_files

    chosen = label_set(labels or "emolab-7")
    if calibration not in FILE_CALIBRATIONS:
        known = " or ".join(FILE_CALIBRATIONS)
        raise EvaluationError(f"--calibration {calibration!r}: a single file can be calibrated by {known}")
    if (text is not None or video is not None) and len(files) > 1:
        raise EvaluationError("--text and --video belong to one file; predict the files one by one")
    lalm, asked = read_model(model, checkpoint or taught(model, prompt), quantise, prompt)
    asked = asked.with_labels(chosen)
    results = predict_files(lalm, files, asked, text=text, video=video, labels=chosen, calibration=calibration)
    failed = sum("error" in r for r in results)
    info = {"model": lalm.name, "prompt": asked.id, "labels": list(chosen)}
    emit(info | {"files": results, "n": len(results), "failed": failed}, as_json, render)
    if failed:
        raise typer.Exit(1)


def taught(model: str | None, prompt: str | None) -> Path | None:
    """The shipped adapters, where nobody asks for another model or prompt and the profile has the shipped one."""
    from emolab.lalm.tiny import TAUGHT_FOLDER
    from emolab.profiles import profile

    return TAUGHT_FOLDER if model is None and prompt is None and profile().model == "tiny-omni" else None


def render(result: dict[str, Any]) -> None:
    """Print one block a file: the answer, the three most probable labels, the reasons; errors and warnings on
    stderr.
    """
    for row in result["files"]:
        if "error" in row:
            typer.echo(f"emolab: {row['error']}", err=True)
            continue
        for warning in row["warnings"]:
            typer.echo(f"{row['file']}: warning: {warning}", err=True)
        top = sorted(row["distribution"].items(), key=lambda item: -item[1])[:3]
        typer.echo(f"{row['file']}: {row['label']}  ({', '.join(f'{k} {v:.0%}' for k, v in top)})")
        if row.get("words"):
            typer.echo(f"    words: {', '.join(row['words'])}")
        if row.get("caption"):
            typer.echo(f"    caption: {row['caption']}")
        if row["rationale"]:
            typer.echo(f"    {row['rationale']}")
