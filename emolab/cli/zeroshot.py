"""`emolab zeroshot`: what a model can do before any training, with controls, and what a classical baseline does
beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit

CorpusOption = Annotated[
    Path | None, typer.Option("--corpus", help="Corpus folder or table; the embedded corpus where none is given.")
]
SplitOption = Annotated[str, typer.Option(help="Split to score on.")]
WhereOption = Annotated[
    list[str] | None, typer.Option("--where", help="Keep samples with KEY=VALUE[,VALUE]; may be repeated.")
]
LimitOption = Annotated[int | None, typer.Option(help="Score at most so many samples, drawn by the seed.")]
ModelOption = Annotated[str | None, typer.Option(help="Model name or folder; the profile's where none is given.")]
PromptOption = Annotated[
    str | None, typer.Option(help="Prompt name: direct, free, structured, …; the checkpoint's own by default.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of sampling, swaps and the bootstrap.")]
OutOption = Annotated[Path | None, typer.Option(help="Write numbers as JSON and raw outputs as Parquet here.")]


def register(app: typer.Typer) -> None:
    """Add `zeroshot` to `app`."""
    app.command("zeroshot")(zeroshot)


@command
def zeroshot(
    corpus: CorpusOption = None,
    split: SplitOption = "test",
    where: WhereOption = None,
    limit: LimitOption = None,
    model: ModelOption = None,
    prompt: PromptOption = None,
    seed: SeedOption = 0,
    controls: Annotated[bool, typer.Option(help="Also score with silent and with swapped voices.")] = True,
    baseline: Annotated[bool, typer.Option(help="Also fit the classical baseline on the training split.")] = True,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model before training: generated answers, scored labels with and without calibration, controls, a
    classical baseline.
    """
    from emolab.baselines import classical_baseline
    from emolab.evaluate import evaluate, numbers, write_result
    from emolab.evaluate.inputs import part_of, read_corpus, read_model

    whole = read_corpus(corpus)
    test = part_of(whole, split, where or (), limit, seed)
    lalm, asked = read_model(model, prompt=prompt)
    result = evaluate(lalm, test, asked, seed)
    labels = evaluate(lalm, test, asked, seed, mode="labels")
    extra: dict[str, Any] = {
        "labels": labels["info"]["by_calibration"],
        "label_bias": labels["info"]["label_bias"],
        "controls": {},
        "baseline": None,
    }
    for kind in ("silent", "swapped", "shuffled") if controls else ():
        extra["controls"][kind] = numbers(evaluate(lalm, test, asked, seed, control=kind))
    if baseline:
        extra["baseline"] = numbers(classical_baseline(part_of(whole, "train", where or ()), test, seed))
    if out is not None:
        write_result(result | extra, out)
    emit(numbers(result) | extra, as_json, render)


def render(result: dict[str, Any]) -> None:
    """Print a zero-shot result as a table."""
    from emolab.cli.tables import score_table

    rows = {"zero-shot, generated": result}
    rows |= {f"zero-shot, labels, calibration {k}": v for k, v in result["labels"].items()}
    rows |= {f"zero-shot, {k} voices": v for k, v in result["controls"].items()}
    if result["baseline"]:
        rows["prosody + logistic regression"] = result["baseline"]
    score_table(rows, f"{result['info']['model']} on {result['info']['corpus']}")
