"""Options that several commands share: which corpus, which part of it, which model, and where results go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    str | None, typer.Option(help="Labels to ask for: a label set (iemocap-4) or a list (calm, tense, bored).")
]
ProtocolOption = Annotated[str | None, typer.Option(help="Division into parts: see `emolab corpus list`, or drawn.")]
FoldOption = Annotated[str | None, typer.Option(help="Fold of the protocol, by name or number.")]
LongClipsOption = Annotated[
    str, typer.Option("--long-clips", help="Clips too long for the model: window (cut, answers pooled) or skip.")
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
WeightOption = Annotated[
    list[float] | None, typer.Option("--reward-weight", help="Weight of the --reward in the same place; 1 by default.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of sampling, swaps and the bootstrap.")]
OutOption = Annotated[Path | None, typer.Option(help="Write numbers as JSON and raw outputs as Parquet here.")]
