"""`emolab`: every command, each registered by its own file, which imports torch and its like only when it runs."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Annotated

import typer

from emolab import __version__
from emolab.cli.apps import GROUPS, app

# Command file -> the group it registers in ("" = the top level), in the order in which `--help` shows them.
COMMAND_FILES: dict[str, str] = {
    "doctor": "",
    "corpus": "corpus",
    "corpus_make": "corpus",
    "say": "",
    "zeroshot": "",
    "train": "train",
    "plan": "",
    "evaluate": "",
    "predict": "",
    "attribute": "",
    "reward": "reward",
    "course": "course",
    "bench": "bench",
}


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"emolab {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that come before a command."""


@cache
def build() -> typer.Typer:
    """The whole application, with every command registered (once in a process)."""
    for name, group in COMMAND_FILES.items():
        import_module(f"emolab.cli.{name}").register(GROUPS[group] if group else app)
    for name, group_app in GROUPS.items():
        app.add_typer(group_app, name=name)
    return app


def main() -> None:
    """Entry point of the console script."""
    build()()
