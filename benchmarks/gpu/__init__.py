"""Everything that wants a card, by one command: doctor, tests, rehearsals, speed, and the notebooks at their profile.

`make gpu` runs it, in 45 minutes at most: a part begins only where its own limit still fits. Each part is a process of
its own with ten minutes at most. What is done is kept in `benchmarks/results/gpu/CARD/PART.json`, so the command can be
stopped and given again. A part that finds too little free memory is left for the next time: on a shared card nothing is
taken from others. The models are stand-ins with random weights (`benchmarks.rehearse.standin`); nothing is downloaded.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.gpu.parts import Card, Part, parts_for
from emolab.cli.output import JsonOption, command, emit

RESULTS = Path(__file__).resolve().parents[1] / "results" / "gpu"


def register(app: typer.Typer) -> None:
    """Add `gpu` to the group `bench`."""
    app.command("gpu")(gpu)


@command
def gpu(
    only: Annotated[list[str] | None, typer.Option(help="Parts whose name begins so; several may be given.")] = None,
    profile: Annotated[
        str | None, typer.Option(help="A GPU profile; by default the largest that the card fits.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0, help="Begin no part that could last longer than this.")] = 45.0,
    again: Annotated[bool, typer.Option(help="Also run what is done.")] = False,
    device: Annotated[str, typer.Option(help="cuda, or cpu with --tiny: to try this command itself.")] = "cuda",
    tiny: Annotated[bool, typer.Option(help="Two narrow layers and the smallest notebooks.")] = False,
    results: Annotated[Path, typer.Option(help="Where the rows and the page are.")] = RESULTS,
    as_json: JsonOption = False,
) -> None:
    """Measure on this machine's card: part by part, resumable, into benchmarks/results/gpu."""
    from benchmarks.gpu import hardware
    from benchmarks.gpu.page import publish
    from benchmarks.gpu.run import run_parts
    from emolab.errors import TrainingError

    if device == "cpu" and not tiny:
        raise TrainingError("--device cpu tries this command itself and needs --tiny; a CPU gives no figures of a card")
    card = Card.of(device)
    chosen = card.profile(profile, tiny)
    every = parts_for(chosen, device, tiny, card.memory_gb)
    parts = [part for part in every if not only or part.name.startswith(tuple(only))]
    if not parts:
        raise TrainingError(f"--only {', '.join(only or ())}: no such part; there are {names(every)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the part that runs is stopped, too
    rows = run_parts(parts, card, results / card.slug, minutes, again)
    page = publish(results)
    if results == RESULTS:
        hardware.write()
    emit({"card": card.name, "profile": chosen, "rows": rows, "page": page}, as_json, render)
    if any(row["state"] == "failed" for row in rows):
        raise typer.Exit(1)


def names(parts: list[Part]) -> str:
    """The parts' names, with commas."""
    return ", ".join(part.name for part in parts)


def render(result: dict[str, Any]) -> None:
    """Print a line for each part."""
    for row in result["rows"]:
        typer.echo(f"{row['part']:<14}{row['state']:<10}{row.get('seconds') or 0:7.0f} s  {row.get('note', '')}")
    typer.echo(f"{result['card']}, {result['profile']}; {result['page']}")
