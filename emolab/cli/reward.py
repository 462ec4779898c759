"""`emolab reward`: list, audit and score rewards, and sample rollouts to score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.options import CorpusOption, WeightOption
from emolab.cli.output import JsonOption, command, emit, print_table
from emolab.errors import RewardError
from emolab.rewards import Part, Rubric, load_reward, redteam
from emolab.rewards.rollouts import collect, read_rollouts, summary, write_rollouts
from emolab.rewards.shipped import RUBRICS, rubric
from emolab.rewards.source import weighted


def register(app: typer.Typer) -> None:
    """Add the reward commands to their group."""
    for name, function in {"list": list_rubrics, "audit": audit, "score": score, "rollouts": rollouts}.items():
        app.command(name)(function)
    app.command("rescore", hidden=True)(score)  # deprecated alias


RewardArgument = Annotated[str, typer.Argument(metavar="REWARD", help="A shipped rubric, or FILE.py:NAME.")]
LabelsOption = Annotated[str, typer.Option(help="A label set (iemocap-4) or labels with commas.")]
AddedOption = Annotated[
    list[str] | None, typer.Option("--reward", metavar="FILE:NAME", help="Add this reward. May be repeated.")
]
ProgressOption = Annotated[float, typer.Option(min=0.0, max=1.0, help="Training progress, for schedules.")]


def chosen_reward(spec: str | None, added: list[str] | None, weights: list[float] | None, labels: str) -> Any:
    """The reward that a command line names: one alone, or a rubric of it and what is added.

    Raises RewardError for more weights than rewards, or none at all.
    """
    parts = weighted(added or (), weights or (), labels)
    base = load_reward(spec, labels) if spec is not None else None
    if base is None and not parts:
        raise RewardError("name a reward: a shipped rubric (see `emolab reward list`), or --reward FILE.py:NAME")
    if not parts:
        return base
    own = base.parts if isinstance(base, Rubric) else [Part(base)] if base is not None else []
    return Rubric(f"{base.name if isinstance(base, Rubric) else 'own'} and own" if own else "own", (*own, *parts))


@command
def list_rubrics(labels: LabelsOption = "emolab-7", as_json: JsonOption = False) -> None:
    """Show the known rubrics: their parts, weights and gates."""
    rows = [
        {
            "name": found.name,
            "note": found.note,
            "columns": list(found.columns),
            "parts": [{"name": p.name, "weight": p.weight, "gate": p.gate} for p in found.parts],
        }
        for found in (rubric(name, labels) for name in RUBRICS)
    ]
    emit(
        {"rubrics": rows},
        as_json,
        lambda result: print_table(
            ["rubric", "parts", "what it is"],
            [[row["name"], ", ".join(_part(part) for part in row["parts"]), row["note"]] for row in result["rubrics"]],
        ),
    )


def _part(part: dict[str, Any]) -> str:
    gate = f" if {part['gate']}" if part["gate"] else ""
    return f"{part['weight']:g}·{part['name']}{gate}"


@command
def audit(
    reward: Annotated[str | None, typer.Argument(help="A shipped rubric, FILE.py:NAME, or 'all'.")] = None,
    added: AddedOption = None,
    weights: WeightOption = None,
    labels: LabelsOption = "emolab-7",
    language: Annotated[str, typer.Option(help="Language of the attacks: en or zh.")] = "en",
    style: Annotated[
        str | None, typer.Option(help="How a model answers: direct, free, structured, words, words_direct or caption.")
    ] = None,
    progress: ProgressOption = 1.0,
    thorough: Annotated[bool, typer.Option("--thorough", help="Try every completion of each kind, not one.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Attack a reward: what each kind of hack earns beside an honest right and an honest wrong answer.

    Fails if a reward that is not called "published" pays a hack more than an honest wrong answer, or if the best blind
    answer names several emotions.
    """
    if language not in redteam.LANGUAGES:
        raise RewardError(f"--language {language!r}: expected one of {', '.join(redteam.LANGUAGES)}")
    if style is not None and style not in redteam.STYLES:
        raise RewardError(f"--style {style!r}: expected one of {', '.join(redteam.STYLES)}")
    if reward == "all" or (reward is None and not added):
        found = redteam.audit_all(progress, labels, language, thorough)
    else:
        named = chosen_reward(reward, added, weights, labels)
        found = [redteam.audit(named, progress, style, labels, language, thorough)]
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
        paying = [row for row in found["rows"] if not row["ok"]]
        title = f"{found['rubric']}: right {found['right']:.2f}, wrong {found['wrong']:.2f}{neutral}: {verdict}"
        if paying:
            print_table(
                ["hack", "pays", "over honest wrong", "for example"],
                [[r["hack"], f"{r['pay']:.2f}", f"{r['margin']:+.2f}", _short(r["example"])] for r in paying],
                title=title,
            )
        else:
            typer.echo(title)
        blind = found["blind"]
        typer.echo(
            f"  {len(found['rows'])} kinds tried, {len(paying)} pay; without listening, the best single answer earns "
            f"{blind['single']:.2f}, the best of several emotions {blind['several']:.2f}"
        )
        for note in found["notes"]:
            typer.echo(f"  note: {note}")


def _short(text: str, width: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width // 2] + " … " + text[-width // 2 :]


@command
def score(
    reward: RewardArgument,
    file: Annotated[Path | None, typer.Argument(help="Rollouts made by `emolab reward rollouts`.")] = None,
    text: Annotated[list[str] | None, typer.Option("--text", help="A completion to score. May be repeated.")] = None,
    solution: Annotated[str | None, typer.Option(help="With --text: the right label.")] = None,
    words: Annotated[str | None, typer.Option(help="With --text: the right words, with commas.")] = None,
    caption: Annotated[str | None, typer.Option(help="With --text: the right caption.")] = None,
    added: AddedOption = None,
    weights: WeightOption = None,
    labels: LabelsOption = "emolab-7",
    progress: ProgressOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Score saved rollouts, or completions given here, without a model."""
    named = chosen_reward(reward, added, weights, labels)
    rubric = named if isinstance(named, Rubric) else Rubric.of([named], reward)
    if (file is None) == (text is None):
        raise RewardError("give a file of rollouts, or completions with --text")
    if file is not None:
        saved = read_rollouts(file)
        result = {"rubric": reward, "n": len(saved["completion"]), **summary(rubric, saved, progress)}
        emit(result, as_json, _render_numbers)
        return
    given = {"solution": solution, "words": words, "caption": caption}
    columns = {name: [value] * len(text or ()) for name, value in given.items() if value is not None}
    table = rubric.score(text or (), **columns, progress=progress).rows()
    rows = [{"completion": completion, **row} for completion, row in zip(text or (), table, strict=True)]
    emit({"rubric": reward, "rows": rows}, as_json, _render_rows)


def _render_numbers(result: dict[str, Any]) -> None:
    print_table(["what", "value"], [[k, f"{v:.4g}" if isinstance(v, float) else str(v)] for k, v in result.items()])


def _render_rows(result: dict[str, Any]) -> None:
    names = list(result["rows"][0])
    cells = [
        [_short(v) if isinstance(v, str) else "" if v is None else f"{v:.3g}" for v in r.values()]
        for r in result["rows"]
    ]
    print_table(names, cells)


@command
def rollouts(
    out: Annotated[Path, typer.Option(help="Where to write them (JSON lines).")],
    corpus: CorpusOption = None,
    labels: Annotated[str | None, typer.Option(help="Labels to ask for; the corpus's by default.")] = None,
    model: Annotated[str, typer.Option(help="A model: tiny-omni, a folder, or a hub id.")] = "tiny-omni",
    checkpoint: Annotated[Path | None, typer.Option(help="A folder of a trained adapter.")] = None,
    prompt: Annotated[str, typer.Option(help="Prompt: direct, free, structured, words or caption.")] = "free",
    n: Annotated[int, typer.Option(min=1, help="About how many completions.")] = 300,
    group: Annotated[int, typer.Option(min=1, help="Completions for each prompt.")] = 8,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest completion in tokens.")] = 64,
    seed: Annotated[int, typer.Option(help="Seed of the choice of samples and of sampling.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Sample completions from a model and save them with everything that rewards read."""
    from emolab.evaluate.inputs import part_of, read_corpus, read_model

    part = part_of(read_corpus(corpus, labels=labels), "test", (), None, seed)
    lalm, chosen = read_model(model, checkpoint, None, prompt)
    chosen = chosen.with_labels(part.labels)
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
