"""`emolab reward`: list, audit and re-score rubrics, list a wheel's quirks, and sample rollouts to score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit


def register(app: typer.Typer) -> None:
    """Add the reward commands to their group."""
    for name, function in (
        ("list", list_rubrics),
        ("audit", audit),
        ("rescore", rescore),
        ("rollouts", rollouts),
        ("quirks", quirks),
    ):
        app.command(name)(function)


@command
def list_rubrics(as_json: JsonOption = False) -> None:
    """Show the shipped rubrics: their parts, weights and gates."""
    from emolab.rewards.shipped import RUBRICS
    from emolab.rewards.shipped import rubric as shipped

    rows = [
        {
            "name": rubric.name,
            "note": rubric.note,
            "columns": list(rubric.columns),
            "parts": [{"name": p.name, "weight": p.weight, "gate": p.gate} for p in rubric.parts],
        }
        for rubric in map(shipped, RUBRICS)
    ]
    emit(
        {"rubrics": rows},
        as_json,
        lambda result: _table(
            ["rubric", "parts", "what it is"],
            [[row["name"], ", ".join(_part(part) for part in row["parts"]), row["note"]] for row in result["rubrics"]],
        ),
    )


def _part(part: dict[str, Any]) -> str:
    gate = f" if {part['gate']}" if part["gate"] else ""
    return f"{part['weight']:g}·{part['name']}{gate}"


@command
def audit(
    rubric: Annotated[str, typer.Argument(help="A shipped rubric, or 'all'.")] = "all",
    progress: Annotated[float, typer.Option(min=0.0, max=1.0, help="Training progress, for curricula.")] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Attack a rubric: what each hack earns beside an honest right and an honest wrong answer.

    Fails if a rubric that is not called "published" pays a hack more than an honest wrong answer.
    """
    from emolab.rewards import redteam
    from emolab.rewards.shipped import rubric as shipped

    found = redteam.audit_all(progress) if rubric == "all" else [redteam.audit(shipped(rubric), progress)]
    ok = all(row["ok"] or row["published"] for row in found)
    emit({"ok": ok, "progress": progress, "rubrics": found}, as_json, _render_audit)
    if not ok:
        raise typer.Exit(1)


def _render_audit(result: dict[str, Any]) -> None:
    for found in result["rubrics"]:
        neutral = f", a right neutral {found['neutral_right']:.2f}" if found["published"] else ""
        verdict = "no hack pays" if found["ok"] else "HACKS PAY"
        if found["published"]:
            verdict += " (as published)"
        _table(
            ["hack", "pays", "over honest wrong", ""],
            [
                [row["hack"], f"{row['pay']:.2f}", f"{row['margin']:+.2f}", "" if row["ok"] else "pays"]
                for row in found["rows"]
            ],
            title=f"{found['rubric']}: right {found['right']:.2f}, wrong {found['wrong']:.2f}{neutral}: {verdict}",
        )


@command
def rescore(
    rubric: Annotated[str, typer.Argument(help="A shipped rubric.")],
    file: Annotated[Path, typer.Argument(help="Rollouts made by `emolab reward rollouts`.")],
    progress: Annotated[float, typer.Option(min=0.0, max=1.0, help="Training progress, for curricula.")] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Score saved rollouts with a rubric, without a model."""
    from emolab.rewards.lab import summary
    from emolab.rewards.rollouts import read_rollouts
    from emolab.rewards.shipped import rubric as shipped

    saved = read_rollouts(file)
    numbers = summary(shipped(rubric), saved, progress)
    emit(
        {"rubric": rubric, "n": len(saved["completion"]), **numbers},
        as_json,
        lambda result: _table(
            ["what", "value"], [[k, f"{v:.4g}" if isinstance(v, float) else str(v)] for k, v in result.items()]
        ),
    )


@command
def rollouts(
    out: Annotated[Path, typer.Option(help="Where to write them (JSON lines).")],
    corpus: Annotated[Path | None, typer.Option(help="A corpus folder or table; the embedded one by default.")] = None,
    model: Annotated[str, typer.Option(help="A model: tiny-omni, a folder, or a hub id.")] = "tiny-omni",
    checkpoint: Annotated[Path | None, typer.Option(help="A folder of a trained adapter.")] = None,
    prompt: Annotated[str, typer.Option(help="Prompt: direct, free, structured, words or caption.")] = "free",
    n: Annotated[int, typer.Option(min=1, help="About how many completions.")] = 300,
    group: Annotated[int, typer.Option(min=1, help="Completions a prompt.")] = 8,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest completion in tokens.")] = 64,
    seed: Annotated[int, typer.Option(help="Seed of the choice of samples and of sampling.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Sample completions from a model and save them with everything that rewards read."""
    from emolab.evaluate.inputs import part_of, read_corpus, read_model
    from emolab.rewards.rollouts import collect, write_rollouts

    lalm, chosen = read_model(model, checkpoint, None, prompt)
    part = part_of(read_corpus(corpus), "test", (), None, seed)
    made = collect(lalm, part, chosen, n, group, seed, max_new_tokens)
    write_rollouts(out, made)
    result = {
        "path": out,
        "n": len(made["completion"]),
        "groups": len(set(made["row"])),
        "model": lalm.name,
        "prompt": chosen.id,
        "seed": seed,
    }
    emit(result, as_json, lambda r: typer.echo(f"{r['n']} completions in {r['groups']} groups: {r['path']}"))


@command
def quirks(
    folder: Annotated[str, typer.Argument(help="A folder of official wheel files; ours by default.")] = "embedded",
    as_json: JsonOption = False,
) -> None:
    """List what a set of emotion wheels does that its users may not expect."""
    from emolab.wheels.quirks import quirks as find

    emit(
        {"wheels": folder, "quirks": find(folder)},
        as_json,
        lambda result: _table(["kind", "wheel", "what", "detail"], [list(row.values()) for row in result["quirks"]]),
    )


def _table(head: list[str], rows: list[list[str]], title: str = "") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*head, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    Console().print(table, markup=False)
