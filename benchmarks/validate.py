"""The attribution methods of a model, scored on a corpus whose carriers are known.

`emolab bench validate` takes any model, checkpoint and prompt, and any corpus of `emolab corpus make`. With `--before`
it compares two checkpoints. `emolab bench truth` measures the shipped recipe, and writes its page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import truth
from emolab.cli.options import CorpusOption, ModelOption, OutOption, PromptOption, SeedOption
from emolab.cli.output import JsonOption, command, emit
from emolab.cli.predict import taught


def register(app: typer.Typer) -> None:
    """Add `validate` to the group `bench`."""
    app.command("validate")(validate)


@command
def validate(
    corpus: CorpusOption = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Folder that a recipe wrote.")] = None,
    before: Annotated[Path | None, typer.Option(help="An earlier checkpoint to compare with.")] = None,
    model: ModelOption = None,
    prompt: PromptOption = None,
    measure: Annotated[str, typer.Option(help="The value of an answer: posterior or logprob.")] = "posterior",
    n: Annotated[int, typer.Option(help="How many samples.")] = 120,
    n_checks: Annotated[int, typer.Option(help="How many samples for each costlier check.")] = 24,
    split: Annotated[str, typer.Option(help="Samples of this split.")] = "test",
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score every attribution method on a corpus whose carriers are known."""
    from emolab.attribution.explain import Settings
    from emolab.evaluate import write_result
    from emolab.evaluate.inputs import read_corpus

    chosen = checkpoint or taught(model, prompt)
    asked = [(model, path, prompt) for path in ([chosen] if before is None else [before, chosen])]
    settings = Settings(measure=measure, seed=seed)
    result = truth.compared(asked, read_corpus(corpus), n, n_checks, settings, split)
    if out is not None:
        write_result(result, out)
    emit(result, as_json, truth.render)
