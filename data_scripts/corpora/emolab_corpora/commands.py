"""`emolab corpus export` and `emolab corpus listen-filter`: what this package adds to the commands of `emolab`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.corpus import RootOption, TableArgument, write_with_report
from emolab.cli.options import ModelOption
from emolab.cli.output import JsonOption, command, emit
from emolab.errors import CorpusError
from emolab.samples import Corpus, LoadReport
from emolab_corpora import exchange


def register(app: typer.Typer) -> None:
    """Add both commands; `emolab` takes each by its name."""
    app.command("export")(export)
    app.command("listen-filter")(listen_filter)


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


@command
def listen_filter(
    spec: Annotated[str, typer.Argument(metavar="TABLE", help="A table, or what `emolab corpus load` reads.")],
    model: ModelOption = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Ask the model in this folder of `emolab train`.")] = None,
    labels: Annotated[str | None, typer.Option(help="Label set to ask for.")] = None,
    split: Annotated[str | None, typer.Option(help="Ask for this split; others are written as they are.")] = None,
    mode: Annotated[str, typer.Option(help="generate: the written answer; labels: the likeliest.")] = "generate",
    mark: Annotated[bool, typer.Option("--mark", help="Write every sample, with its mark.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the table here (.parquet, .jsonl).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the clips that a model answers right without their voice: with silence in its place, or by their words.

    Each clip is asked for once in each way. With --out, the table holds the clips that need listening. With --mark it
    holds every clip, and `emolab train --corpus TABLE --only-listening` leaves the marked ones out of training. Marks
    of an earlier run stay, so several models in turn make a stricter filter: each reads the table of the one before.
    """
    from emolab.evaluate.inputs import part_of, read_corpus, read_model
    from emolab_corpora.listening import MARK
    from emolab_corpora.listening import listen_filter as find

    corpus = read_corpus(spec, labels=labels)
    part = corpus if split is None else part_of(corpus, split)
    lalm, prompt = read_model(model, checkpoint)
    found = find(lalm, part, prompt.with_labels(corpus.labels), mode=mode)
    marked = {sample.id: sample for sample in found.pop("corpus")}
    written = corpus.replace(marked.get(sample.id, sample) for sample in corpus)
    written = written if mark else written.where(lambda s: s.extra.get(MARK, True))
    report = LoadReport(corpus.name, found=len(written))
    emit({**found, "table": write_with_report(written, report, out) if out else None}, as_json, _render_listening)


def _render_listening(result: dict[str, Any]) -> None:
    for how, right in result["right"].items():
        guessed = f"a guess gets {result['guessed'][how]:g}"
        typer.echo(f"{how}: {right} of {result['asked'][how]} answered right ({guessed})")
    labels = ", ".join(f"{label} {n}" for label, n in result["dropped_by_label"].items())
    before = f", {result['before']} of them marked before" if result["before"] else ""
    typer.echo(f"{result['dropped']} need no listening{f' ({labels})' if labels else ''}{before}; {result['kept']} do")
    typer.echo(f"guessing alone would find about {result['by_luck']:g} that need none")
    for row in result["examples"]:
        how = " and ".join(row["right"]) or "an earlier model"
        typer.echo(f"  {row['id']}: {row['emotion']}, right with {how}: {row['text'] or '–'}")
    if result["table"]:
        typer.echo(f"table: {result['table']}")
