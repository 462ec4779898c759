"""`emolab`: the table of all commands. A command's file is imported when the command is called."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated

import typer

from emolab import __version__
from emolab.cli.apps import Entry, lazy_group, new_group


def _benchmarks() -> Mapping[str, Entry]:
    from emolab.cli.bench import benchmarks

    return {name: Entry(text, (module,)) for name, (module, text) in benchmarks().items()}


def _command(text: str, module: str) -> Entry:
    return Entry(text, (f"emolab.cli.{module}",))


def _group(text: str, *modules: str) -> Entry:
    return Entry(text, tuple(f"emolab.cli.{module}" for module in modules), group=True)


SYNTH = ("emolab_synth.commands",)
CORPUS = {
    "make": Entry("Make a corpus of emotional speech, faces and texts whose truth is known.", SYNTH),
    "export": Entry("Write a table in another toolkit's form.", ("emolab_corpora.commands",)),
    "listen-filter": Entry("Find the clips that need no listening.", ("emolab_corpora.commands",)),
}
WHEELS = {
    "quirks": Entry("List what a set of emotion wheels does that its users may not expect.", ("emolab_course.quirks",))
}

COMMANDS: dict[str, Entry] = {
    "doctor": _command("Check the installation, and list the profiles that this machine can run.", "doctor"),
    "corpus": Entry("Make, read and check corpora.", ("emolab.cli.corpus",), group=True, inside=lambda: CORPUS),
    "say": Entry("Speak a sentence with an emotion into a sound file.", SYNTH),
    "zeroshot": _command("Measure a model before any training.", "evaluate"),
    "train": _group("Train one of the four systems.", "train"),
    "plan": _command("Predict the memory of a GRPO step on a GPU.", "plan"),
    "rehearse": Entry("Walk a GPU profile's way with random weights.", ("benchmarks.rehearse",)),
    "evaluate": _command("Measure a checkpoint on a corpus.", "evaluate"),
    "record": _command("Record one's own voice into a sound file.", "predict"),
    "predict": _command("Predict the emotion of sound files.", "predict"),
    "attribute": _command("Measure what carried an answer: voice, face or words.", "attribute"),
    "reward": Entry("Score, compare and attack rewards.", ("emolab.cli.reward",), group=True, inside=lambda: WHEELS),
    "export": _group("Write a trained model, or a reward, for other tools.", "export"),
    "push": _command("Upload a trained model to a hub.", "push"),
    "course": Entry("Build, run and check the notebooks.", ("emolab_course.commands",), group=True),
    "bench": Entry("Run the measurements of the repository.", inside=_benchmarks),
}
"""Every command and group, in the order of `emolab --help`."""

HELP = "Learn and do emotion recognition with audio-language models and reinforcement learning."


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"emolab {__version__}")
        raise typer.Exit()


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that come before a command."""


@cache
def build() -> typer.Typer:
    """The whole application, made once in a process."""
    app = new_group(HELP, lazy_group(COMMANDS))
    app.callback(cls=lazy_group(COMMANDS), no_args_is_help=True, help=HELP)(_options)
    return app


def main() -> None:
    """Entry point of the console script."""
    build()()
