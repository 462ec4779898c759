"""`emolab evaluate`: score a model or a recipe's checkpoint on a corpus, as recorded or under a control."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit
from emolab.cli.zeroshot import (
    CorpusOption,
    LimitOption,
    ModelOption,
    OutOption,
    PromptOption,
    SeedOption,
    SplitOption,
    WhereOption,
)


def register(app: typer.Typer) -> None:
    """Add `evaluate` to `app`."""
    app.command("evaluate")(evaluate)


@command
def evaluate(
    corpus: CorpusOption = None,
    split: SplitOption = "test",
    where: WhereOption = None,
    limit: LimitOption = None,
    model: ModelOption = None,
    prompt: PromptOption = None,
    seed: SeedOption = 0,
    checkpoint: Annotated[Path | None, typer.Option(help="Folder that a recipe wrote.")] = None,
    mode: Annotated[str, typer.Option(help="generate: parse an answer; labels: score every label.")] = "generate",
    control: Annotated[str | None, typer.Option(help="silent, swapped, shuffled, no_transcript or no_video.")] = None,
    calibration: Annotated[str, typer.Option(help="For --mode labels: none, contextual or mean.")] = "none",
    quantise: Annotated[str | None, typer.Option(help="nf4 for 4 bits.")] = None,
    max_new_tokens: Annotated[int, typer.Option(help="Longest answer, in tokens.")] = 64,
    batch_size: Annotated[int, typer.Option(help="Samples at a time.")] = 16,
    confusion: Annotated[Path | None, typer.Option(help="Draw the confusion matrix into this file.")] = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model or a checkpoint: UA, WA, weighted F1 with a bootstrap interval, and the share of answers that
    could be parsed.
    """
    from emolab.evaluate import evaluate as run
    from emolab.evaluate import numbers, write_result
    from emolab.evaluate.inputs import part_of, read_corpus, read_model

    test = part_of(read_corpus(corpus), split, where or (), limit, seed)
    lalm, asked = read_model(model, checkpoint, quantise, prompt)
    result = run(
        lalm,
        test,
        asked,
        seed,
        mode,
        control=control,
        calibration=calibration,
        batch_size=batch_size,
        max_new_tokens=max_new_tokens,
    )
    if out is not None:
        write_result(result, out)
    if confusion is not None:
        from emolab.plots.evaluation import confusion_matrix

        confusion_matrix(result["rows"]).savefig(confusion)
    emit(numbers(result), as_json, render)


def render(result: dict[str, Any]) -> None:
    """Print one result as a table."""
    from emolab.cli.tables import score_table

    info = result["info"]
    score_table(
        {f"{info['mode']}, control {info['control'] or 'none'}": result}, f"{info['model']} on {info['corpus']}"
    )
