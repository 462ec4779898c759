"""`emolab corpus list | load | show | verify`: public corpora and your own, as tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab import corpora
from emolab.cli.output import JsonOption, command, emit, to_plain
from emolab.corpora import CHECKS, CORPORA, LOADERS, load_corpus
from emolab.corpora.embedded import MAKER
from emolab.corpora.manifest import load_manifest
from emolab.corpora.protocols import get_protocol, protocols_of
from emolab.corpora.spec import HUB, choose_fold
from emolab.corpora.verify import corpus_counts, durations_of
from emolab.corpora.verify import verify as verify_files
from emolab.emotions import label_set
from emolab.errors import CorpusError
from emolab.samples import Corpus, LoadReport, note_path

MOST_SHOWN = 5  # items of one reason on a screen; --json and the report file have all

CheckOption = Annotated[str, typer.Option("--check", help="How hard to look at media files: exists, header or decode.")]
RootOption = Annotated[Path | None, typer.Option("--root", help="Folder the table's paths are relative to.")]
TableArgument = Annotated[Path, typer.Argument(help="A table (.jsonl or .parquet) or the folder that holds it.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the group `corpus`."""
    app.command("list")(list_corpora)
    app.command("load")(load)
    app.command("show")(show)
    app.command("verify")(verify)


@command
def list_corpora(as_json: JsonOption = False) -> None:
    """Name the public corpora that can be loaded, with licence, source and protocols."""
    rows = [{**info.summary(), "protocols": protocols_of(name)} for name, info in CORPORA.items()]
    others = [name for name in LOADERS if name not in (*CORPORA, MAKER, HUB)]
    emit({"corpora": rows, "registered": others}, as_json, _render_list)


def _render_list(result: dict[str, Any]) -> None:
    for row in result["corpora"]:
        typer.echo(f"{row['name']:12} {row['size'] or '?':>7}  {', '.join(row['modalities']):18} {row['licence']}")
        typer.echo(f"{'':12} {'':>7}  {row['url']}  {', '.join(row['protocols'])}")
        if row["hub"]:
            typer.echo(f"{'':12} {'':>7}  gated: hf auth login, hf download {row['hub']} --repo-type dataset")
    if result["registered"]:
        typer.echo(f"registered by other packages: {', '.join(result['registered'])}")


@command
def load(
    spec: Annotated[str, typer.Argument(help="What to read: NAME:FOLDER, manifest:FILE, hf:NAME, a table, a folder.")],
    root: Annotated[Path | None, typer.Argument(help="The folder or file, where SPEC is a name alone.")] = None,
    labels: Annotated[str | None, typer.Option(help="Label set to map to, or a comma list of your own.")] = None,
    keep_calm: Annotated[bool, typer.Option(help="Count RAVDESS's calm as neutral.")] = False,
    protocol: Annotated[str | None, typer.Option(help="Split by this protocol, or drawn from a seed.")] = None,
    fold: Annotated[str | None, typer.Option(help="Which fold, by name or number; by default the first.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of a split that is drawn.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the table here (.parquet, .jsonl), with its report.")] = None,
    check: CheckOption = "header",
    path_column: Annotated[str | None, typer.Option(help="Manifest: column of the paths.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Manifest: column of the labels.")] = None,
    skip_bad: Annotated[bool, typer.Option(help="Manifest: report bad rows instead of stopping.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read a corpus into a table; say what was found and every file that was not used, by reason.

    With SPEC (`ravdess:data/RAVDESS`) labels and splits are those that training and evaluation use: the corpus's own
    labels and its usual protocol, else parts drawn from a seed with speakers kept apart. With a name and a folder
    (`ravdess data/RAVDESS`) the table holds what is published, and is split only by --protocol.
    """
    if root is None:
        corpus = load_corpus(spec, labels=labels, protocol=protocol, fold=fold, seed=seed, check=_check(check))
        report = corpus.report or LoadReport(corpus.name)
        split: dict[str, Any] = {"folds": [], "fold": corpus.fold, "protocol": corpus.protocol}
    else:
        if spec == "manifest":
            corpus, report = load_manifest(
                root,
                path_column=path_column,
                label_column=label_column,
                skip_bad=skip_bad,
                labels=label_set(labels or "emolab-7"),
                check=_check(check),
            )
        else:
            corpus, report = corpora.load_published(spec, root, labels, _check(check), keep_calm)
        corpus, split = _divide(corpus, protocol, fold)
    result = {
        **corpus_counts(corpus),
        **report.summary(),
        "labels": labels or (corpus.labels.name if root is None else "as published"),
        **split,
        "protocols": protocols_of(corpus.name),
        "table": write_with_report(corpus, report, out) if out else None,
    }
    emit(result, as_json, _render_load)


def _check(name: str) -> Any:
    if name not in CHECKS:
        raise CorpusError(f"--check {name!r}: expected one of {', '.join(CHECKS)}")
    return name


def _divide(corpus: Corpus, protocol: str | None, fold: str | None) -> tuple[Corpus, dict[str, Any]]:
    """The corpus with the splits of one fold, and all folds for the result."""
    if protocol is None:
        return corpus, {"folds": [], "fold": None}
    folds = get_protocol(protocol).folds(corpus)
    chosen = choose_fold(folds, fold)
    return chosen.as_corpus(), {"folds": [found.summary() for found in folds], "fold": chosen.name}


def write_with_report(corpus: Corpus, report: LoadReport, out: Path) -> str:
    """Write a table and the note of its report beside it; returns where."""
    corpus.write(out)
    note = {"root": str(corpus.root.absolute()), **report.summary()}
    note_path(out).write_text(json.dumps(to_plain(note), ensure_ascii=False, indent=1), encoding="utf-8")
    return str(out)


def _render_load(result: dict[str, Any]) -> None:
    typer.echo(
        f"{result['corpus']}: {result['found']} samples, {result['n_speakers']} speakers, labels {result['labels']}"
    )
    _render_counts(result)
    _render_report(result)
    for fold in result["folds"]:
        shared = fold["shared_speakers"]
        speakers = "speakers not stated" if shared is None else f"{len(shared)} speakers shared"
        mark = "*" if fold["name"] == result["fold"] else " "
        typer.echo(f"{mark} {fold['name']}: train {fold['train']}, val {fold['val']}, test {fold['test']}; {speakers}")
    if result["fold"] and not result["folds"]:
        sizes = ", ".join(f"{name} {n}" for name, n in result["splits"].items())
        typer.echo(f"* {result['fold']} ({result['protocol'] or 'stated'}): {sizes}")
    elif result["protocols"] and not result["folds"]:
        typer.echo(f"protocols: {', '.join(result['protocols'])} (show one with --protocol)")
    if result["table"]:
        typer.echo(f"table: {result['table']}")


def _render_counts(result: dict[str, Any]) -> None:
    for title in ("emotions", "splits", "languages"):
        typer.echo(f"  {title}: " + ", ".join(f"{key} {n}" for key, n in result[title].items()))


def _render_report(result: dict[str, Any]) -> None:
    for reason, items in result["items"].items():
        more = f", and {len(items) - MOST_SHOWN} more" if len(items) > MOST_SHOWN else ""
        typer.echo(f"  not used, {reason} ({len(items)}): {'; '.join(items[:MOST_SHOWN])}{more}")
        said = result.get("first", {}).get(reason)
        if said and said not in items[:MOST_SHOWN]:
            typer.echo(f"    {said}")
    for note in result["notes"][:MOST_SHOWN]:
        typer.echo(f"  note: {note}")
    if len(result["notes"]) > MOST_SHOWN:
        typer.echo(f"  note: and {len(result['notes']) - MOST_SHOWN} more")


@command
def show(
    table: TableArgument,
    root: RootOption = None,
    plot: Annotated[Path | None, typer.Option(help="Write a sheet of plots here (.png, .svg or .pdf).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Count what a table holds, and draw its labels, durations, speakers, valence and arousal."""
    corpus = Corpus.read(table, root)
    result = corpus_counts(corpus)
    if plot is not None:
        from emolab.plots.corpora import corpus_sheet

        if plot.suffix not in (".png", ".svg", ".pdf"):
            raise CorpusError(f"{plot}: a plot is written as .png, .svg or .pdf")
        frame = corpus.to_pandas().assign(seconds=durations_of(corpus))
        plot.parent.mkdir(parents=True, exist_ok=True)
        corpus_sheet(frame, f"{corpus.name}: {len(corpus)} samples").savefig(plot)
    emit({**result, "plot": plot}, as_json, _render_show)


def _render_show(result: dict[str, Any]) -> None:
    typer.echo(f"{result['corpus']}: {result['n']} samples, {result['n_speakers']} speakers, under {result['root']}")
    _render_counts(result)
    media = ", ".join(f"{name} {n}" for name, n in result["modalities"].items())
    typer.echo(f"  modalities: {media}, captions {result['captions']}")
    if result["plot"]:
        typer.echo(f"plot: {result['plot']}")


@command
def verify(
    table: Annotated[Path, typer.Argument(help="A table, its folder, or with --corpus the folder of that corpus.")],
    corpus: Annotated[str | None, typer.Option(help="Load this corpus from the folder, then check it.")] = None,
    root: RootOption = None,
    check: CheckOption = "header",
    as_json: JsonOption = False,
) -> None:
    """Check every media file of a table; exit with status 1 if one cannot be used.

    With --corpus, load it from its folder and exit with status 1 if it is not complete; faults that are known of the
    published corpus are only listed.
    """
    if corpus is not None:
        loaded, report = corpora.load_published(corpus, table, None, _check(check))
        size = corpora.info(corpus).size
        complete = len(loaded) >= size
    else:
        loaded = Corpus.read(table, root)
        report, size = verify_files(loaded, _check(check)), None
        complete = not report.n_skipped
    result = {**report.summary(), "n": len(loaded), "expected": size, "ok": complete}
    emit(result, as_json, _render_verify)
    if not result["ok"]:
        raise typer.Exit(1)


def _render_verify(result: dict[str, Any]) -> None:
    expected = f" of the {result['expected']} of a complete copy" if result["expected"] else ""
    usable = "" if result["expected"] else f", {result['found']} files can be used"
    typer.echo(
        f"{result['corpus']}: {result['n']} samples{expected}{usable}, {sum(result['skipped'].values())} not used"
    )
    _render_report(result)
