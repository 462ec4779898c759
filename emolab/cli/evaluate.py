"""`emolab evaluate` and `emolab zeroshot`: score a model on a corpus, with controls and baselines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emolab.cli.options import MeasuredOptions, QuantiseOption, grouped
from emolab.cli.output import JsonOption, command, emit, print_scores
from emolab.errors import EvaluationError
from emolab.extras import require
from emolab.files import check_place

if TYPE_CHECKING:
    from emolab.samples import Corpus


@command
@grouped
def evaluate(
    asked_for: MeasuredOptions,
    checkpoint: Annotated[Path | None, typer.Option(help="Folder that a recipe wrote.")] = None,
    mode: Annotated[str, typer.Option(help="generate: read the written answer; labels: score each.")] = "generate",
    control: Annotated[
        str | None, typer.Option(help="What to take away: silent, swapped, shuffled, no_transcript or no_video.")
    ] = None,
    calibration: Annotated[str, typer.Option(help="For --mode labels: none, contextual or mean.")] = "none",
    quantise: QuantiseOption = None,
    max_new_tokens: Annotated[int, typer.Option(help="Longest answer, in tokens.")] = 64,
    batch_size: Annotated[int, typer.Option(help="Samples that run at a time.")] = 16,
    confusion: Annotated[Path | None, typer.Option(help="Draw the confusion matrix into this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model or a checkpoint on a corpus, with bootstrap intervals.

    Labels are scored by UA, WA and weighted F1, emotion words by the wheel F, and captions by overlap and Emo-F1. The
    share of answers that could be parsed is told, too.
    """
    require("torch", "transformers")  # before a corpus is made or read
    from emolab.evaluate import BY_STYLE, evaluation_of, numbers, write_result
    from emolab.evaluate.inputs import labels_of, read_model

    told = asked_for
    own = labels_of(checkpoint) if checkpoint is not None and told.prompt is None and not told.labels else None
    test, _ = _parts(told, own)
    lalm, asked = read_model(told.model, checkpoint, quantise, told.prompt)
    asked = asked.with_labels(test.labels)
    options: dict[str, Any] = {"seed": told.seed, "control": control, "long_clips": told.long_clips}
    options |= {"batch_size": batch_size, "max_new_tokens": max_new_tokens}
    if asked.style in BY_STYLE:
        if mode != "generate" or confusion is not None:
            raise EvaluationError(f"the prompt {asked.name!r} asks for no label: --mode generate, without --confusion")
    else:
        options |= {"mode": mode, "calibration": calibration}
    result = evaluation_of(asked)(lalm, test, asked, **options)
    if told.out is not None:
        write_result(result, told.out)
    if confusion is not None:
        from emolab.plots.evaluation import confusion_matrix

        confusion_matrix(result["rows"], result["info"]["labels"]).savefig(confusion)
    emit(numbers(result), as_json, _render)


def _render(result: dict[str, Any]) -> None:
    info = result["info"]
    name = f"{info.get('mode', info['prompt'])}, control {info['control'] or 'none'}"
    print_scores({name: result}, f"{info['model']} on {info['corpus']}")


@command
@grouped
def zeroshot(
    asked_for: MeasuredOptions,
    controls: Annotated[bool, typer.Option(help="Also score with silent and with swapped voices.")] = True,
    baseline: Annotated[bool, typer.Option(help="Also fit the classical baseline on the training split.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Score a model before training: by its written answers, and by scored labels with and without calibration.

    Beside them stand its scores under controls, and those of a classical baseline.
    """
    require("torch", "transformers")  # before a corpus is made or read
    from emolab.evaluate import numbers, write_result
    from emolab.evaluate.inputs import read_model
    from emolab.evaluate.zero_shot import zero_shot

    told = asked_for
    test, train = _parts(told, train=baseline)
    lalm, asked = read_model(told.model, prompt=told.prompt)
    result = zero_shot(lalm, test, asked, told.seed, controls, train, long_clips=told.long_clips)
    if told.out is not None:
        write_result(result, told.out)
    emit(numbers(result) | {"chance": test.labels.chance}, as_json, _render_zero_shot)


def _render_zero_shot(result: dict[str, Any]) -> None:
    rows = {"zero-shot, generated": result}
    rows |= {f"zero-shot, labels, calibration {k}": v for k, v in result["labels"].items()}
    rows |= {f"zero-shot, {k} voices": v for k, v in result["controls"].items()}
    if result["baseline"]:
        rows["prosody + logistic regression"] = result["baseline"]
    info = result["info"]
    print_scores(rows, f"{info['model']} on {info['corpus']}, chance {result['chance']:.1%}")


def _parts(told: MeasuredOptions, labels: Any = None, train: bool = False) -> tuple[Corpus, Corpus | None]:
    """The samples to measure on, and with `train` the training split beside them."""
    from emolab.evaluate.inputs import part_of, read_corpus

    if told.out is not None:
        check_place(told.out)
    whole = read_corpus(told.corpus, labels=told.labels or labels, protocol=told.protocol, fold=told.fold)
    test = part_of(whole, told.split, told.where or (), told.limit, told.seed)
    return test, part_of(whole, "train", told.where or ()) if train else None
