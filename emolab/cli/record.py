"""`emolab record OUT.wav`: record one's own voice, for `emolab predict` and `emolab attribute`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit
from emolab.media import SAMPLE_RATE
from emolab.media.check import check_wave
from emolab.media.microphone import record as from_microphone
from emolab.media.microphone import write_wave

SecondsOption = Annotated[float, typer.Option(help="How long to record, up to 30 seconds.")]


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
    emit(result, as_json, render)


def listen(seconds: float) -> Any:
    """Record a wave (n,) from the microphone, and say so on stderr."""
    typer.echo(f"recording for {seconds:g} seconds, speak now …", err=True)
    return from_microphone(seconds)


def render(result: dict[str, Any]) -> None:
    """Print where the recording lies, and what is odd about it."""
    typer.echo(f"{result['file']}: {result['seconds']:.1f} s")
    for warning in result["warnings"]:
        typer.echo(f"{result['file']}: warning: {warning}", err=True)
