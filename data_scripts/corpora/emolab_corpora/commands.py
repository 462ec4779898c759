"""`emolab corpus export`: what this package adds to the commands of `emolab`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emolab.cli.corpus import RootOption, TableArgument
from emolab.cli.output import JsonOption, command, emit
from emolab.errors import CorpusError
from emolab.samples import Corpus
from emolab_corpora import exchange


@command
def export(
    table: TableArgument,
    out: Annotated[Path, typer.Argument(help="File (or, for datasets, folder) to write.")],
    form: Annotated[str, typer.Option("--format", help="emobox, swift or datasets.")] = "swift",
    root: RootOption = None,
    answers: Annotated[bool, typer.Option(help="swift: put the label into an assistant's turn (supervised).")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a table in another toolkit's form: EmoBox JSONL, ms-swift JSONL, Hugging Face datasets."""
    corpus = Corpus.read(table, root)
    if form == "emobox":
        exchange.write_emobox(corpus, out)
    elif form == "swift":
        exchange.write_swift(corpus, out, answers=answers)
    elif form == "datasets":
        exchange.to_datasets(corpus).save_to_disk(str(out))
    else:
        raise CorpusError(f"--format {form!r}: expected emobox, swift or datasets")
    emit(
        {"out": out, "format": form, "n": len(corpus)},
        as_json,
        lambda result: typer.echo(f"{result['out']}: {result['n']} rows of {result['format']}"),
    )
