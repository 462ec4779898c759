"""`emolab course claims | mistakes | lessons | slides`: what a lecturer reads before class, and shows in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit

Write = Annotated[bool, typer.Option("--write", help="Put it into the page in docs/, between its markers.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("claims")(claims)
    app.command("mistakes")(mistakes)
    app.command("lessons")(lessons)
    app.command("slides")(slides)


def _page(name: str) -> Path:
    from emolab.paths import CHECKOUT

    return CHECKOUT / "docs" / name


@command
def claims(write: Write = False, as_json: JsonOption = False) -> None:
    """Hold what the notebooks' text claims against what their outputs show."""
    from emolab_course import claims as listed
    from emolab_course.readme import replace_section

    if write:
        replace_section(_page("claims_of_notebooks.md"), "claims", listed.table())
    found = listed.faults()
    n = sum(len(entries) for entries in listed.claims().values())
    emit({"claims": n, "faults": found}, as_json, _render_claims)
    if found:
        raise typer.Exit(1)


@command
def mistakes(write: Write = False, as_json: JsonOption = False) -> None:
    """List the typical wrong answers of every exercise, with the hint that each gets."""
    from emolab_course import mistakes as known
    from emolab_course.readme import replace_section

    if write:
        replace_section(_page("wrong_answers.md"), "mistakes", known.page())
    emit({"exercises": known.rows()}, as_json, lambda _: typer.echo(known.page()))


@command
def lessons(write: Write = False, as_json: JsonOption = False) -> None:
    """Check the ten lesson plans: their minutes, their notebooks, and what the exercises need."""
    from emolab_course import plans

    if write:
        plans.write()
    found = [fault for plan in plans.plans() for fault in plan.faults()]
    listed = [{"week": plan.week, "title": plan.title, "minutes": plan.minutes} for plan in plans.plans()]
    emit({"lessons": listed, "faults": found}, as_json, _render_lessons)
    if found:
        raise typer.Exit(1)


@command
def slides(
    week: Annotated[int, typer.Argument(help="The week, 1 to 10.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("build/slides"),
    as_json: JsonOption = False,
) -> None:
    """Write a week's slides as one HTML file: headings, figures, tables and sounds of its executed notebooks."""
    from emolab_course import slides as making

    path, n = making.write(week, out)
    emit({"slides": n, "file": str(path)}, as_json, lambda r: typer.echo(f"{r['slides']} slides: {r['file']}"))


def _render_claims(result: dict[str, Any]) -> None:
    typer.echo("\n".join(result["faults"]) or f"all {result['claims']} claims hold")


def _render_lessons(result: dict[str, Any]) -> None:
    for row in result["lessons"]:
        typer.echo(f"week {row['week']}: {row['title']} ({row['minutes']} minutes)")
    typer.echo("\n".join(result["faults"]) or "every plan is consistent with the weeks and the exercises")
