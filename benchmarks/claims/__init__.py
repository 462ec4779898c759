"""What the four papers claim, against what paired runs on the embedded corpus show.

`emolab bench claims` trains and measures what is not there yet (kept under `build/claims`). It then writes a JSON file
for each claim, a plot for each and the page `README.md` into this folder.

`declare` says what a claim is, `papers` lists the claims, `runs` trains and measures, `queue` does so for all of them,
`statistics` and `verdicts` judge, `results` writes and reads the JSON files, `page` and `drawing` show them. The ledger
imports the package `emolab`; the package never imports the ledger.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit


def register(app: typer.Typer) -> None:
    """Add `claims` to the group `bench`."""
    app.command("claims")(claims)


@command
def claims(
    names: Annotated[list[str] | None, typer.Argument(help="Claims, or recipes; all by default.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds an arm has.")] = 10,
    workers: Annotated[int, typer.Option(min=1, help="Trainings at a time, one core each.")] = 2,
    run: Annotated[bool, typer.Option(help="Train what is missing; --no-run judges by what is there.")] = True,
    page_only: Annotated[bool, typer.Option("--page-only", help="Only write the page from the saved results.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where trainings are kept; build/claims by default.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Train and measure what is missing, judge every claim, and write benchmarks/claims/README.md."""
    from benchmarks.claims.page import write_page
    from benchmarks.claims.papers import all_claims, budget, chosen
    from benchmarks.claims.queue import jobs_of, work
    from benchmarks.claims.results import assess, load_claims, write_claim
    from emolab.errors import EvaluationError

    wanted, chosen_seeds, settings = chosen(names or ()), range(seeds), budget()
    failed: list[str] = []
    if not page_only:
        if run:
            say = lambda text: typer.echo(text, err=True)  # noqa: E731
            failed = work(jobs_of(wanted, chosen_seeds, settings), out, workers, say)
        for claim in wanted:
            result = assess(claim, chosen_seeds, settings, out)
            if result["seeds"]:  # a claim without a run keeps the file that it has
                write_claim(result)
    found = load_claims()
    page = write_page(found, [claim.name for claim in all_claims()])
    if failed:
        raise EvaluationError(f"{len(failed)} trainings failed, run again to try them again: {'; '.join(failed)}")
    summary: dict[str, Any] = {
        "claims": {name: {k: claim[k] for k in ("verdict", "seeds", "contrasts")} for name, claim in found.items()},
        "page": str(page),
    }
    emit(summary, as_json, lambda s: typer.echo("\n".join(f"{k}: {v['verdict']}" for k, v in s["claims"].items())))
