"""`emolab corpus make`: the corpus that the package makes itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit
from emolab.errors import CorpusError
from emolab.synth.corpus import make as make_corpus
from emolab.synth.corpus import summary

KINDS = ("synthetic",)


def register(app: typer.Typer) -> None:
    """Add `make` to the group `corpus`."""
    app.command("make")(make)


@command
def make(
    kind: Annotated[str, typer.Argument(help="Which corpus to make: synthetic.")] = "synthetic",
    size: Annotated[
        str, typer.Option(help="smoke (121 samples), course (2,779), omni (2,072), wild (1,120) or full (8,456).")
    ] = "course",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder: new, empty, or one to finish.")] = Path("build/corpus"),
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one per core.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a corpus of emotional speech, faces and texts whose truth is known.

    Same size and seed give the same bytes with any number of workers. Run an interrupted one again to finish it.
    """
    if kind not in KINDS:
        raise CorpusError(
            f"no corpus {kind!r} can be made; there is: {', '.join(KINDS)} "
            "(for public corpora see `emolab corpus load --help`)"
        )

    start = time.monotonic()
    corpus = make_corpus(out, size, seed, workers)
    seconds = round(time.monotonic() - start, 1)
    emit({"kind": kind, "size": size, "seed": seed, "out": out, "seconds": seconds, **summary(corpus)}, as_json, _show)


def _show(result: dict[str, Any]) -> None:
    typer.echo(f"{result['out']}: {result['n']} samples of {result['speakers']} speakers in {result['seconds']} s")
    for name in ("split", "domain", "condition", "emotion", "audio_core"):
        typer.echo(f"  {name:<11}" + "  ".join(f"{key} {n}" for key, n in result[name].items()))
