"""`emolab evaluate`: score a model or a recipe's checkpoint on a corpus, as recorded or under a control."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli import options as ask
from emolab.cli.output import JsonOption, command, emit
from emolab.cli.tables import score_table
from emolab.errors import EvaluationError
from emolab.extras import require


@command
def evaluate(
    corpus: ask.CorpusOption = None,
    labels: ask.LabelsOption = None,
    protocol: ask.ProtocolOption = None,
    fold: ask.FoldOption = None,
    split: ask.SplitOption = "test",
    where: ask.WhereOption = None,
    limit: ask.LimitOption = None,
    long_clips: ask.LongClipsOption = "window",
    model: ask.ModelOption = None,
    prompt: ask.PromptOption = None,
    seed: ask.SeedOption = 0,
    checkpoint: Annotated[Path | None, typer.Option(help="Folder that a recipe wrote.")] = None,
    mode: Annotated[str, typer.Option(help="generate: parse an answer; labels: score every label.")] = "generate",
    control: Annotated[str | None, typer.Option(help="silent, swapped, shuffled, no_transcript or no_video.")] = None,
    calibration: Annotated[str, typer.Option(help="For --mode labels: none, contextual or mean.")] = "none",
    quantise: Annotated[str | None, typer.Option(help="nf4 for 4 bits.")] = None,
    max_new_tokens: Annotated[int, typer.Option(help="Longest answer, in tokens.")] = 64,
    batch_size: Annotated[int, typer.Option(help="Samples at a time.")] = 16,
    confusion: Annotated[Path | None, typer.Option(help="Draw the confusion matrix into this file.")] = None,
    out: ask.OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model or a checkpoint, with bootstrap intervals: UA, WA and weighted F1 of labels, wheel F of emotion
    words, overlap and Emo-F1 of captions, whichever it is asked for; and the share of answers that could be parsed.
    """
    require("torch", "transformers")  # before a corpus is made or read
    from emolab.evaluate import BY_STYLE, evaluation_of, numbers, write_result
    from emolab.evaluate.inputs import labels_of, part_of, read_corpus, read_model
    from emolab.files import check_place

    if out is not None:
        check_place(out)
    chosen = labels or (labels_of(checkpoint) if checkpoint is not None and prompt is None else None)
    whole = read_corpus(corpus, labels=chosen, protocol=protocol, fold=fold)
    test = part_of(whole, split, where or (), limit, seed)
    lalm, asked = read_model(model, checkpoint, quantise, prompt)
    asked = asked.with_labels(test.labels)
    options: dict[str, Any] = {"seed": seed, "control": control, "batch_size": batch_size, "long_clips": long_clips}
    options["max_new_tokens"] = max_new_tokens
    if asked.style in BY_STYLE:
        if mode != "generate" or confusion is not None:
            raise EvaluationError(f"the prompt {asked.name!r} asks for no label: --mode generate, without --confusion")
    else:
        options |= {"mode": mode, "calibration": calibration}
    result = evaluation_of(asked)(lalm, test, asked, **options)
    if out is not None:
        write_result(result, out)
    if confusion is not None:
        from emolab.plots.evaluation import confusion_matrix

        confusion_matrix(result["rows"], result["info"]["labels"]).savefig(confusion)
    emit(numbers(result), as_json, render)


def render(result: dict[str, Any]) -> None:
    """Print one result as a table."""
    info = result["info"]
    name = f"{info.get('mode', info['prompt'])}, control {info['control'] or 'none'}"
    score_table({name: result}, f"{info['model']} on {info['corpus']}")
