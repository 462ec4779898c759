"""`emolab course build | run | check`: make the notebooks, execute them, and hold them to their rules."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit
from emolab.errors import EmolabError
from emolab_course import classroom, teaching

Names = Annotated[
    list[str] | None, typer.Argument(help="Notebooks, such as 03 or 03_rewards; all where none is named.")
]


def register(app: typer.Typer) -> None:
    """Add the course's commands to `app`."""
    app.command("build")(build)
    app.command("run")(run)
    app.command("check")(check)
    app.command("table")(table)
    app.command("exercises")(exercises)
    app.command("badges")(badges)
    classroom.register(app)
    teaching.register(app)


@command
def build(
    names: Names = None,
    execute: Annotated[bool, typer.Option("--execute", help="Run each notebook and keep its light outputs.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make notebooks/*.ipynb and notebooks/solutions/*.ipynb from notebooks/src."""
    from tqdm import tqdm

    from emolab_course import build as building
    from emolab_course.paths import sources
    from emolab_course.run import execute as execute_source

    changed = []
    for path in tqdm(sources(tuple(names or ())), unit="notebook", disable=not execute):
        ran = execute_source(path) if execute else None
        if ran is not None and ran.error:
            raise EmolabError(f"{path}: {ran.error.strip().splitlines()[-1]} (see emolab course run {path.stem})")
        changed += building.write(building.build(path, ran))
    emit({"changed": [path.name for path in changed]}, as_json, _render_build)


@command
def run(
    names: Names = None,
    learner: Annotated[
        bool, typer.Option("--learner", help="Run the notebooks with their exercises unsolved.")
    ] = False,
    solutions: Annotated[
        bool, typer.Option("--solutions", help="Publish solutions and model answers in the pages, too.")
    ] = False,
    site: Annotated[bool, typer.Option(help="Also write the site, which needs Sphinx.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Execute the notebooks offline; the course as a site, and summary.json, go to build/course.

    The solved notebooks run, so that every result is there. The pages show the learner's version: exercises as they
    are given out, and no model answer, because a page that shows the solution takes the exercise away. Notebooks that
    were not named come with their committed outputs.
    """
    from emolab_synth.embedded import embedded_corpus

    from emolab_course.paths import sources
    from emolab_course.run import publish, run_course

    paths = sources(tuple(names or ()))
    for size in ("course", "omni"):  # made once, before the first notebook that wants it is timed
        if size == "course" or any("embedded_corpus(" in path.read_text(encoding="utf-8") for path in paths):
            embedded_corpus(size)
    summary, ran = run_course(paths, learner)
    start = str(publish(summary, ran, solutions or learner)) if site else None
    emit({**summary, "start": start}, as_json, _render_run)
    if not all(row["ok"] for row in summary["notebooks"]):
        raise typer.Exit(1)


@command
def check(names: Names = None, as_json: JsonOption = False) -> None:
    """Hold the notebooks to their rules, and to being what their sources build."""
    from emolab_course.lint import freshness, lint
    from emolab_course.paths import sources

    problems = [problem for path in sources(tuple(names or ())) for problem in [*lint(path), *freshness(path)]]
    emit({"ok": not problems, "problems": [str(problem) for problem in problems]}, as_json, _render_check)
    if problems:
        raise typer.Exit(1)


@command
def table(
    write: Annotated[bool, typer.Option("--write", help="Put the table into README.md, between its markers.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Minutes and memory of each notebook, from the stamps of the last `course build --execute`."""
    from emolab.paths import CHECKOUT
    from emolab_course.readme import notebook_table, replace_section, stamps

    rows = stamps()
    if write:
        replace_section(CHECKOUT / "README.md", "notebooks", notebook_table(rows))
    emit({"notebooks": rows}, as_json, lambda result: typer.echo(notebook_table(result["notebooks"])))


@command
def exercises(
    write: Annotated[
        bool, typer.Option("--write", help="Put the table into docs/exercises.md, between its markers.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the exercises: number, title, kind, difficulty in stars, minutes."""
    from emolab.paths import CHECKOUT
    from emolab_course.cards import exercise_table, rows
    from emolab_course.readme import replace_section

    if write:
        replace_section(CHECKOUT / "docs" / "exercises.md", "exercises", exercise_table())
    emit({"exercises": rows()}, as_json, lambda _: typer.echo(exercise_table()))


@command
def badges(
    repository: Annotated[str, typer.Option(help="Public copy, OWNER/NAME; that of notebooks/pyproject.toml.")] = "",
    branch: Annotated[str, typer.Option(help="Branch of the copy.")] = "main",
    as_json: JsonOption = False,
) -> None:
    """Print links that open each notebook on Colab, Kaggle and Binder. They need a public copy of the repository."""
    from emolab_course import one_click

    found = {"links": one_click.links(repository, branch)}
    emit(found, as_json, lambda _: typer.echo(one_click.badges(repository, branch)))


def _render_build(result: dict[str, Any]) -> None:
    typer.echo("\n".join(result["changed"]) or "nothing changed")


def _render_run(summary: dict[str, Any]) -> None:
    for row in summary["notebooks"]:
        typer.echo(f"{'ok    ' if row['ok'] else 'FAILED'} {row['seconds'] / 60:5.1f} min  {row['name']}")
    start = f"; start at {summary['start']}" if summary["start"] else ""
    typer.echo(f"{summary['seconds'] / 60:.1f} minutes in all{start}")


def _render_check(result: dict[str, Any]) -> None:
    typer.echo("\n".join(result["problems"]) or "every notebook keeps the rules")
