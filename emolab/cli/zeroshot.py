"""`emolab zeroshot`: what a model can do before any training, with controls, and a classical baseline beside it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from emolab.cli import options as ask
from emolab.cli.output import JsonOption, command, emit
from emolab.cli.tables import score_table
from emolab.extras import require


@command
def zeroshot(
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
    controls: Annotated[bool, typer.Option(help="Also score with silent and with swapped voices.")] = True,
    baseline: Annotated[bool, typer.Option(help="Also fit the classical baseline on the training split.")] = True,
    out: ask.OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model before training: generated answers, scored labels with and without calibration, controls, a
    classical baseline.
    """
    require("torch", "transformers")  # before a corpus is made or read
    from emolab.evaluate import numbers, write_result
    from emolab.evaluate.inputs import part_of, read_corpus, read_model
    from emolab.evaluate.zero_shot import zero_shot
    from emolab.files import check_place

    if out is not None:
        check_place(out)
    whole = read_corpus(corpus, labels=labels, protocol=protocol, fold=fold)
    test = part_of(whole, split, where or (), limit, seed)
    train = part_of(whole, "train", where or ()) if baseline else None
    lalm, asked = read_model(model, prompt=prompt)
    result = zero_shot(lalm, test, asked, seed, controls, train, long_clips=long_clips)
    if out is not None:
        write_result(result, out)
    emit(numbers(result) | {"chance": test.labels.chance}, as_json, render)


def render(result: dict[str, Any]) -> None:
    """Print a zero-shot result as a table."""
    rows = {"zero-shot, generated": result}
    rows |= {f"zero-shot, labels, calibration {k}": v for k, v in result["labels"].items()}
    rows |= {f"zero-shot, {k} voices": v for k, v in result["controls"].items()}
    if result["baseline"]:
        rows["prosody + logistic regression"] = result["baseline"]
    info = result["info"]
    score_table(rows, f"{info['model']} on {info['corpus']}, chance {result['chance']:.1%}")
