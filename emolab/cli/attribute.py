"""`emolab attribute`: which modality, word or moment carried the answer for a file; and, with --validate, what each
method is worth.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit
from emolab.cli.zeroshot import CorpusOption, ModelOption, OutOption, PromptOption, SeedOption
from emolab.errors import AttributionError


def register(app: typer.Typer) -> None:
    """Add `attribute` to `app`."""
    app.command("attribute")(attribute)


@command
def attribute(
    file: Annotated[Path | None, typer.Argument(help="An audio file; none with --validate.")] = None,
    text: Annotated[str | None, typer.Option(help="What is said in the file, if known.")] = None,
    video: Annotated[
        Path | None, typer.Option(help="Video file, folder of frames, or strip image of the face.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Answer to explain; the model's own where none is given.")] = None,
    validate: Annotated[bool, typer.Option("--validate", help="Score the methods where the truth is known.")] = False,
    method: Annotated[str, typer.Option(help="Shapley, or one of the others that --validate scores.")] = "Shapley",
    absence: Annotated[str, typer.Option(help="What an absent part is: neutral, swap, silence or mean.")] = "neutral",
    measure: Annotated[str, typer.Option(help="Value of an answer: posterior or logprob.")] = "posterior",
    fine: Annotated[bool, typer.Option(help="Also words, moments and regions of the face (sampled).")] = True,
    html: Annotated[Path | None, typer.Option(help="Also draw the explanation of FILE into this page.")] = None,
    n: Annotated[int, typer.Option(help="Samples to validate on.")] = 120,
    n_checks: Annotated[int, typer.Option(help="Samples for each costlier check.")] = 24,
    split: Annotated[str, typer.Option(help="Samples of this split to validate on.")] = "test",
    corpus: CorpusOption = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Folder that a recipe wrote.")] = None,
    before: Annotated[Path | None, typer.Option(help="With --validate: an earlier checkpoint to compare with.")] = None,
    model: ModelOption = None,
    prompt: PromptOption = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which modality, word and moment carried the answer for FILE, or with --validate how far each method can be
    believed.
    """
    from emolab.attribution.collect import Settings
    from emolab.cli.predict import taught
    from emolab.evaluate.inputs import read_corpus, read_model

    if (file is None) != validate:
        raise AttributionError("give either a FILE to explain, or --validate to score the methods")
    settings = Settings(measure=measure, seed=seed)
    lalm, asked = read_model(model, checkpoint or taught(model, prompt), prompt=prompt)
    if file is not None:
        options = {"text": text, "video": video, "label": label, "fine": fine, "method": method, "settings": settings}
        emit(_explained(lalm, file, asked, corpus, html, absence, **options), as_json, render_file)
        return
    suite = partial(_validated, corpus=read_corpus(corpus), n=n, n_checks=n_checks, settings=settings, split=split)
    result = suite(lalm, asked)
    del lalm  # one model in memory at a time
    if before is not None:
        result["before"] = suite(*read_model(model, before, prompt=prompt))
    if out is not None:
        from emolab.evaluate import write_result

        write_result(result, out)
    emit(result, as_json, render_suite)


def _explained(
    lalm: Any, file: Path, prompt: Any, corpus: Any, html: Path | None, absence: str, **options: Any
) -> dict[str, Any]:
    from emolab.attribution.explain import explain_file
    from emolab.evaluate.inputs import read_corpus

    donors = read_corpus(corpus, "smoke") if absence != "silence" else None
    explained = explain_file(lalm, file, prompt, donors, absence=absence, **options)
    if html is not None:
        _write_page(explained, html)
    return explained


def _write_page(explained: dict[str, Any], path: Path) -> None:
    from emolab.plots.explanation import explanation_html, page
    from emolab.samples import EmotionSample

    video = explained["video"]
    sample = EmotionSample(Path(explained["file"]).name, audio=explained["file"], video=video)
    path.write_text(page(explanation_html(sample, explained), sample.id), encoding="utf-8")


def _validated(lalm: Any, prompt: Any, corpus: Any, n: int, n_checks: int, settings: Any, split: str) -> dict[str, Any]:
    from emolab.attribution.validate import validate
    from emolab.errors import CorpusError
    from emolab.synth.corpus import read_truth

    try:
        truth = read_truth(corpus.root)
    except CorpusError as error:
        typer.echo(f"no conflict score: {error}", err=True)
        truth = None
    return validate(lalm, corpus, prompt, truth, n, n_checks, settings, split=split)


def render_file(result: dict[str, Any]) -> None:
    """Print the modalities with signed φ and share, then the strongest words, moments and regions."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    how = f"({result['method']}; absent: {result['absence']})"
    console.print(f"{result['file']}: explaining {result['label']!r} {how}", markup=False)
    table = Table("modality", "φ", "share")
    for name, phi in result["phi"].items():
        table.add_row(name, f"{phi:+.3f}", f"{result['shares'][name]:.0%}")
    console.print(table)
    if result["interactions"]:
        pairs = ", ".join(f"{name} {value:+.3f}" for name, value in result["interactions"].items())
        console.print(f"interactions (+ together, − instead of each other): {pairs}", markup=False)
    for kind, players in result["players"].items():
        strongest = sorted(players, key=lambda p: -abs(p["phi"]))[:5]
        console.print(
            f"{kind}s: " + ", ".join(f"{p['name']} {p['phi']:+.3f} ± {p['error']:.3f}" for p in strongest), markup=False
        )


def render_suite(result: dict[str, Any]) -> None:
    """Print the table of methods, one row each, an interval on every figure; before training above after it."""
    from rich.console import Console
    from rich.table import Table

    from emolab.attribution.table import cell, cells, shown_columns

    before = result.get("before")
    suites = [s for s in (before, result) if s]
    right = ", then ".join(f"{cell(s, 'answered_right')} answered right" for s in suites)
    title = f"{result['model']}: {result['n']} samples, {right}" + ("; before training above after" if before else "")
    table = Table("method", *(c.title for c in shown_columns(*suites)), title=title, title_justify="left")
    for row in cells(result, before):
        table.add_row(*("\n".join(lines) for lines in row), end_section=bool(before))
    console = Console()
    console.print(table)
    for column in shown_columns(*suites):
        console.print(f"{column.title}: right is {column.wanted}", markup=False)
    worst = ", ".join(f"{name} {value:.0e}" for name, value in result["axioms"].items())
    console.print(f"largest violation of an axiom: {worst}", markup=False)
    for suite in suites:
        if stated := suite.get("stated"):
            console.print(
                f"{suite['model']}: {stated['n']} rationales name evidence, {stated['silent']} do not; "
                f"{cell(stated, 'hallucination')} of the stated modalities did not contribute",
                markup=False,
            )
