"""`emolab course release | grade | share`: what a lecturer needs to give the course."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit


def register(app: typer.Typer) -> None:
    """Add the lecturer's commands to `app`."""
    app.command("release")(release)
    app.command("grade")(grade)
    app.command("share")(share)
    app.command("get")(get)
    app.command("site")(site)


@command
def release(
    out: Annotated[Path, typer.Argument(help="Folder to write to; each week becomes a folder inside.")],
    weeks: Annotated[str, typer.Option(help="Weeks, such as 1,3-5; all where none is named.")] = "",
    nbgrader: Annotated[
        bool, typer.Option("--nbgrader", help="Write nbgrader's source folder: solutions between its markers.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the learner's notebooks by week, without solutions, with nbgrader's cell metadata."""
    from emolab_course import release as releasing

    chosen = releasing.weeks(weeks)
    written = releasing.release(out, chosen, nbgrader)
    plan = [{"week": w.number, "title": w.title, "notebooks": [path.stem for path in w.sources]} for w in chosen]
    emit({"out": str(out), "notebooks": len(written), "weeks": plan}, as_json, _render_release)


@command
def grade(
    folder: Annotated[Path, typer.Argument(help="Folder with one folder, or one notebook, for each learner.")],
    notebooks: Annotated[str, typer.Option(help="Notebooks to grade, such as 03,04; those returned by default.")] = "",
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print a row for each learner and exercise, as comma-separated values.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the fresh inputs; by default a new one, which is told.")
    ] = None,
    cpu_seconds: Annotated[int, typer.Option(help="CPU time that one exercise may use, in seconds.")] = 10,
    memory_mb: Annotated[int, typer.Option(help="Memory that one exercise may use, in MB.")] = 1024,
    as_json: JsonOption = False,
) -> None:
    """Grade returned notebooks: each exercise's function on fresh inputs, in a guarded process with limits.

    The code can compute, read files and answer; it cannot write, start programs, use the network or send signals.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is imported; a guarded process starts no threads
    from tqdm import tqdm

    from emolab_course import grading
    from emolab_course.sandbox import Limits

    chosen = secrets.randbelow(2**31) + 1 if seed is None else seed
    limits = Limits(cpu_seconds, 3.0 * cpu_seconds, memory_mb * 2**20)
    only = tuple(name.strip() for name in notebooks.split(",") if name.strip())
    learners = len(grading.returned(folder))
    rows: list[grading.Grade] = []
    for graded in tqdm(grading.grade(folder, chosen, only, limits), total=learners, unit="learner"):
        rows += graded
    typer.echo(f"fresh inputs from seed {chosen}", err=True)
    result = {"seed": chosen, "totals": grading.totals(rows), "grades": [vars(row) for row in rows]}
    if as_csv and not as_json:
        typer.echo(grading.as_csv(rows), nl=False)
    else:
        emit(result, as_json, _render_grade)


@command
def share(
    folder: Annotated[Path, typer.Argument(help="Folder that every learner of the class can read.")],
    as_json: JsonOption = False,
) -> None:
    """Make the embedded corpora once for a class; learners set EMOLAB_SHARED to the folder, which is read only."""
    from emolab_course.shared import SIZES, share_corpora

    made = share_corpora(folder)
    emit({"folder": str(folder), "corpora": [str(path) for path in made], "sizes": list(SIZES)}, as_json, _render_share)


@command
def get(
    folder: Annotated[Path, typer.Argument(help="Folder to put the notebooks into.")] = Path("emolab-course"),
    as_json: JsonOption = False,
) -> None:
    """Copy the learner's notebooks to where you are, from the checkout or from the installed package."""
    from emolab_course.release import get_notebooks

    written = get_notebooks(folder)
    emit({"folder": str(folder), "notebooks": [path.name for path in written]}, as_json, _render_get)


@command
def site(
    out: Annotated[Path | None, typer.Option(help="Folder to build in; build/site by default.")] = None,
    solutions: Annotated[bool, typer.Option("--solutions", help="Show the solved notebooks.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the course as a web site with search, formulas and a dark scheme; it works without a network."""
    from emolab_course.site import make_site, summary

    emit(summary(make_site(out, solutions)), as_json, _render_site)


def _render_get(result: dict[str, Any]) -> None:
    typer.echo(f"{len(result['notebooks'])} notebooks in {result['folder']}; start with {result['notebooks'][0]}")


def _render_site(result: dict[str, Any]) -> None:
    typer.echo(f"{result['pages']} pages, {result['megabytes']} MB; start at {result['start']}")


def _render_release(result: dict[str, Any]) -> None:
    for week in result["weeks"]:
        typer.echo(f"week {week['week']:2}  {week['title']}: {', '.join(week['notebooks']) or 'no notebooks yet'}")
    typer.echo(f"{result['notebooks']} notebooks in {result['out']}")


def _render_grade(result: dict[str, Any]) -> None:
    for row in result["totals"]:
        flag = f"  {row['hard_coded']} hard-coded" if row["hard_coded"] else ""
        typer.echo(f"{row['points']:6.1f} of {row['of']:3}  {row['right']:2} right  {row['learner']}{flag}")


def _render_share(result: dict[str, Any]) -> None:
    typer.echo(f"{len(result['corpora'])} corpora in {result['folder']}; learners set EMOLAB_SHARED={result['folder']}")
