"""The truth suite on a recipe's run: every attribution method before and after reinforcement learning.

`emolab bench truth` takes the checkpoints `before` and `after` that a recipe left (by default those of `emolab bench
walk`), scores every method where the corpus knows which modality carries the emotion, and writes
`benchmarks/results/truth.json` and the table in README.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit
from emolab.paths import CHECKOUT

RESULT = CHECKOUT / "benchmarks" / "results" / "truth.json"
STAGES = ("before", "after")


def register(app: typer.Typer) -> None:
    """Add `truth` to the group `bench`."""
    app.command("truth")(truth)


@command
def truth(
    run: Annotated[Path, typer.Option(help="A recipe's folder with `before` and `after`.")] = Path("build/walk/seed-0"),
    corpus: Annotated[Path | None, typer.Option(help="A corpus folder; the course's by default.")] = None,
    n: Annotated[int, typer.Option(help="Samples to validate on.")] = 120,
    n_checks: Annotated[int, typer.Option(help="Samples for each costlier check.")] = 24,
    seed: Annotated[int, typer.Option(help="Seed of the choice of samples and donors.")] = 0,
    write: Annotated[bool, typer.Option(help="Write the result file and README's table.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Every attribution method against the corpus's known truth, before and after GRPO."""
    from emolab.attribution.collect import Settings
    from emolab.attribution.validate import validate
    from emolab.evaluate.inputs import read_corpus, read_model
    from emolab.synth.corpus import read_truth

    table = read_corpus(corpus)
    known = read_truth(table.root)
    result: dict[str, Any] = {"command": f"emolab bench truth --n {n} --n-checks {n_checks} --seed {seed}"}
    for name in STAGES:
        lalm, prompt = read_model(None, run / name)
        result[name] = validate(lalm, table, prompt, known, n, n_checks, Settings(seed=seed))
    if write:
        from emolab.course.readme import replace_section

        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        replace_section(CHECKOUT / "README.md", "attribution", markdown(result))
    emit(result, as_json, lambda r: typer.echo(markdown(r)))


def markdown(result: dict[str, Any]) -> str:
    """The table of methods, before and after, with how it was made."""
    earlier = {row["name"]: row for row in result["before"]["methods"]}
    titles = ("method", "carrier named, before", "after", "AUC, before", "after", "follows the answer's source, after")
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for row in result["after"]["methods"]:
        before = earlier[row["name"]]
        pairs = ((before, "recovery"), (row, "recovery"), (before, "auc"), (row, "auc"), (row, "conflict"))
        lines.append(f"| {' | '.join([row['name'], *(_cell(r, key) for r, key in pairs)])} |")
    right = [f"{100 * result[name]['answered_right']:.0f}%" for name in STAGES]
    lines.append(
        f"\n{result['after']['n']} held-out samples of the conditions that the model can hear; {right[0]} answered "
        f"right before GRPO, {right[1]} after. 95% intervals over talkers. Carrier named: of the samples that "
        "are answered right and whose emotion lies in one modality, the share for which that one has the largest "
        f"value. Made by `{result['command']}`."
    )
    return "\n".join(lines)


def _cell(row: dict[str, Any], key: str) -> str:
    if row.get(key) is None:
        return "–"
    low, high = row[f"{key}_ci"]
    return f"{row[key]:.2f} [{low:.2f}, {high:.2f}]"
