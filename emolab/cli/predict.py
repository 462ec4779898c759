"""`emolab predict FILE…`: label, distribution and rationale for any audio file that a person has; and `emolab record
OUT.wav`, to record one's own voice for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.options import LabelsOption, ModelOption, PromptOption, QuantiseOption
from emolab.cli.output import JsonOption, command, emit
from emolab.emotions import label_set
from emolab.errors import EvaluationError
from emolab.media import SAMPLE_RATE
from emolab.media.check import check_wave
from emolab.media.microphone import record as from_microphone
from emolab.media.microphone import write_wave

LIMITS = (
    "Where this must not be used: the EU AI Act forbids inferring emotions at work and in schools, and an answer is "
    "no measurement of what a person feels. Read notebook 00 and the model card first."
)


SecondsOption = Annotated[float, typer.Option(help="How long to record, up to 30 seconds.")]


def register(app: typer.Typer) -> None:
    """Add `predict` and `record` to `app`."""
    app.command("predict", epilog=LIMITS)(predict)
    app.command("record")(record)


@command
def predict(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE…", help="Audio files: wav, flac, ogg, mp3, m4a, …")
    ] = None,
    mic: Annotated[bool, typer.Option("--mic", help="Record the microphone instead (needs the extra 'mic').")] = False,
    seconds: SecondsOption = 5.0,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Folder that a recipe wrote; by default, on the cpu profile, what emo-rl taught the tiny model."
        ),
    ] = None,
    model: ModelOption = None,
    prompt: PromptOption = None,
    text: Annotated[str | None, typer.Option(help="What is said in the file, if known (for one file).")] = None,
    video: Annotated[
        Path | None,
        typer.Option(help="The face (for one file): a film (FILE itself, if it is one), a folder of images, a strip."),
    ] = None,
    labels: LabelsOption = None,
    calibration: Annotated[str, typer.Option(help="none, or contextual: without the model's label bias.")] = "none",
    quantise: QuantiseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which emotion a model hears: label, distribution and rationale for each file.

    Words or a caption are given where the checkpoint was taught them. Where a clip is unlike the clips that the model
    was trained on, the answer is withheld, a note says why, and the probabilities are shown. Files that cannot be used
    are named, and the exit status is then 1.
    """
    from emolab.evaluate.inputs import read_model
    from emolab.evaluate.predict import FILE_CALIBRATIONS, predict_files
    from emolab.evaluate.predict import predict as predict_one

    chosen = label_set(labels) if labels else None
    if calibration not in FILE_CALIBRATIONS:
        known = " or ".join(FILE_CALIBRATIONS)
        raise EvaluationError(f"--calibration {calibration!r}: a single file can be calibrated by {known}")
    if mic == bool(files):
        raise EvaluationError("give one or more FILEs, or --mic to record yourself")
    if (text is not None or video is not None) and len(files or ()) > 1:
        raise EvaluationError("--text and --video belong to one file; predict the files one by one")
    heard = listen(seconds) if mic else None  # before a model is loaded
    asked_model, asked = read_model(model, checkpoint or taught(model, prompt), quantise, prompt)
    asked = asked if chosen is None else asked.with_labels(chosen)
    options: dict[str, Any] = {"text": text, "video": video, "labels": chosen, "calibration": calibration}
    if heard is not None:
        results = [predict_one(asked_model, heard, prompt=asked, **options)]
    else:
        results = predict_files(asked_model, files or [], asked, **options)
    failed = sum("error" in r for r in results)
    answered = next((list(r["distribution"]) for r in results if "error" not in r), list(chosen or asked.labels or ()))
    info = {"model": asked_model.name, "prompt": asked.id, "labels": answered}
    emit(info | {"files": results, "n": len(results), "failed": failed}, as_json, render)
    if failed:
        raise typer.Exit(1)


def taught(model: str | None, prompt: str | None) -> Path | None:
    """The shipped adapters, where nobody asks for another model or prompt and the profile has the shipped one."""
    from emolab.lalm.tiny import TAUGHT_FOLDER
    from emolab.profiles import profile

    return TAUGHT_FOLDER if model is None and prompt is None and profile().model == "tiny-omni" else None


def render(result: dict[str, Any]) -> None:
    """Print one block a file: the answer, the three most probable labels, a note where there is one, the reasons;
    errors and warnings on stderr. "withheld" stands for the answer where the note says that the clip is unlike what the
    model was trained on.
    """
    for row in result["files"]:
        if "error" in row:
            typer.echo(f"emolab: {row['error']}", err=True)
            continue
        for warning in row["warnings"]:
            typer.echo(f"{row['file']}: warning: {warning}", err=True)
        top = sorted(row["distribution"].items(), key=lambda item: -item[1])[:3]
        answer = "withheld" if row["note"] else row["label"]
        typer.echo(f"{row['file']}: {answer}  ({', '.join(f'{k} {v:.0%}' for k, v in top)})")
        if row["note"]:
            typer.echo(f"    note: this clip is {row['note']}")
        if row.get("words"):
            typer.echo(f"    words: {', '.join(row['words'])}")
        if row.get("caption"):
            typer.echo(f"    caption: {row['caption']}")
        if row["rationale"]:
            typer.echo(f"    {row['rationale']}")


@command
def record(
    out: Annotated[Path, typer.Argument(help="Where to write the recording: a .wav or a .flac file.")],
    seconds: SecondsOption = 5.0,
    as_json: JsonOption = False,
) -> None:
    """Record the microphone into a file (16 kHz, mono). It needs this package's extra "mic".

    Record other people only with their consent.
    """
    wave = listen(seconds)
    write_wave(out, wave)
    checked = check_wave(wave, str(out))
    result: dict[str, Any] = {"file": str(out), "seconds": len(wave) / SAMPLE_RATE, "warnings": list(checked.warnings)}
    emit(result, as_json, render_recording)


def listen(seconds: float) -> Any:
    """Record a wave (n,) from the microphone, and say so on stderr."""
    typer.echo(f"recording for {seconds:g} seconds, speak now …", err=True)
    return from_microphone(seconds)


def render_recording(result: dict[str, Any]) -> None:
    """Print where the recording lies, and what is odd about it."""
    typer.echo(f"{result['file']}: {result['seconds']:.1f} s")
    for warning in result["warnings"]:
        typer.echo(f"{result['file']}: warning: {warning}", err=True)
