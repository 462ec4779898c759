"""Options that several commands share: which corpus, which part of it, which model, and where results go."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

CorpusOption = Annotated[
    str | None,
    typer.Option(
        "--corpus",
        metavar="SPEC",
        help="NAME:FOLDER of a public corpus as published (iemocap:/data/IEMOCAP), a table or folder of your own "
        "(mine.csv), hf:NAME, or synthetic:SIZE. Default: EMOLAB_CORPUS, else the embedded corpus.",
    ),
]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        help="Labels to ask for: a label set (iemocap-4) or a list (calm, tense, bored); by default the checkpoint's, "
        "else the corpus's."
    ),
]
ProtocolOption = Annotated[
    str | None, typer.Option(help="How to split: by a protocol that `emolab corpus list` names, or drawn from a seed.")
]
FoldOption = Annotated[str | None, typer.Option(help="Fold of the protocol, by name or number.")]
LongClipsOption = Annotated[
    str, typer.Option("--long-clips", help="Clips too long for the model: window (cut, answers pooled) or skip.")
]
SplitOption = Annotated[str, typer.Option(help="Split to score on.")]
WhereOption = Annotated[
    list[str] | None, typer.Option("--where", help="Keep only samples with KEY=VALUE[,VALUE]. May be repeated.")
]
LimitOption = Annotated[int | None, typer.Option(help="Score at most so many samples, drawn by the seed.")]
QuantiseOption = Annotated[str | None, typer.Option(help="Load the weights in 4 bits: nf4.")]
ModelOption = Annotated[str | None, typer.Option(help="Model name or folder; the profile's where none is given.")]
PromptOption = Annotated[
    str | None, typer.Option(help="Prompt name: direct, free, structured, …; the checkpoint's own by default.")
]
WeightOption = Annotated[
    list[float] | None, typer.Option("--reward-weight", help="Weight of the --reward in the same place; 1 by default.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of sampling, swaps and the bootstrap.")]
OutOption = Annotated[Path | None, typer.Option(help="Write numbers as JSON and raw outputs as Parquet here.")]


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters that are dataclasses of options become one option for each of their fields."""
    stated = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {p.name: p.annotation for p in stated if is_dataclass(p.annotation)}
    shown = []
    for parameter in stated:
        kind = groups.get(parameter.name)
        hints = get_type_hints(kind, include_extras=True) if kind else {}
        options = [(f.name, f.default, hints[f.name]) for f in fields(kind)] if kind else []
        options = options or [(parameter.name, parameter.default, parameter.annotation)]
        shown += [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d, annotation=a) for n, d, a in options]

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        made = {name: kind(**{f.name: given.pop(f.name) for f in fields(kind)}) for name, kind in groups.items()}
        command(**made, **given)

    annotations = {parameter.name: parameter.annotation for parameter in shown}
    vars(wrapper).update(__signature__=inspect.Signature(shown))
    wrapper.__annotations__ = annotations
    return wrapper


@dataclass(frozen=True)
class MeasuredOptions:
    """Which part of which corpus a model is measured on, which model it is, and where the result goes."""

    corpus: CorpusOption = None
    labels: LabelsOption = None
    protocol: ProtocolOption = None
    fold: FoldOption = None
    split: SplitOption = "test"
    where: WhereOption = None
    limit: LimitOption = None
    long_clips: LongClipsOption = "window"
    model: ModelOption = None
    prompt: PromptOption = None
    seed: SeedOption = 0
    out: OutOption = None
