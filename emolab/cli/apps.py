"""Groups of commands that import a command's file only when the command is called.

`emolab --help` therefore imports no command at all: the lines of help stand in `main.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from emolab.extras import missing
from emolab.paths import CHECKOUT


@dataclass(frozen=True)
class Entry:
    """One line of a group's help, and what is imported when it is called.

    `modules` have a function of the command's name, or a function `register(app)`, which adds the command (or, with
    `group`, everything in the group). `inside` gives further entries of a group, which are lazy themselves.
    """

    help: str
    modules: tuple[str, ...] = ()
    group: bool = False
    inside: Callable[[], Mapping[str, Entry]] | None = None

    def load(self, name: str) -> Any:
        """The command or group called `name`."""
        app = new_group(self.help, lazy_group(self.inside()) if self.inside else TyperGroup)
        for module in self.modules:
            found = imported(module)
            if hasattr(found, "register"):
                found.register(app)
            else:
                app.command(name)(getattr(found, name))
        made: Any = typer.main.get_group(app)
        if self.inside or self.group:
            made.name = name
            return made
        return made.commands[name]


def imported(module: str) -> ModuleType:
    """A command's file; one of the folder `benchmarks` from the checkout. Exits, and says what to do, without it."""
    if module.startswith("benchmarks.") and str(CHECKOUT) not in sys.path:
        sys.path.append(str(CHECKOUT))  # worker processes that a benchmark starts inherit it
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        told = missing(error)
        if told is None:
            raise
        typer.echo(f"emolab: {told}", err=True)
        raise typer.Exit(1) from error


def new_group(help_text: str = "", kind: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """An empty group with the settings that all groups of `emolab` share."""
    return typer.Typer(
        cls=kind,
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


class LazyGroup(TyperGroup):
    """A group that knows the names and the lines of help of its commands, and imports a command when it is called."""

    entries: Mapping[str, Entry] = {}

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        self.commands.update({name: TyperCommand(name, help=entry.help) for name, entry in self.entries.items()})
        self._loaded: dict[str, Any] = {}
        self._only_help = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now; None where there is none of that name."""
        if self._only_help or cmd_name not in self.entries:
            return self.commands.get(cmd_name)
        if cmd_name not in self._loaded:
            self._loaded[cmd_name] = self.entries[cmd_name].load(cmd_name)
        return self._loaded[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Show the lines of help without importing a command."""
        self._only_help = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._only_help = False


def lazy_group(entries: Mapping[str, Entry]) -> type[LazyGroup]:
    """A class of group with these entries, for `typer.Typer(cls=…)`."""
    return type("Lazy", (LazyGroup,), {"entries": dict(entries)})
