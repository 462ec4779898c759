"""The walk in one table: classical baseline, zero-shot, cold start, supervised, GRPO; several seeds, with controls.

`emolab bench walk` runs it on the embedded corpus, writes `benchmarks/results/walk.json` and the table in README.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "walk.json"
ROWS = (
    ("classical", "prosodic features + logistic regression"),
    ("zero_shot", "zero-shot, written answers"),
    ("zero_labels", "zero-shot, label scores, calibrated"),
    ("cold_start", "cold start"),
    ("sft", "supervised on GRPO's labels"),
    ("grpo", "cold start + 4-bit GRPO"),
)
CONTROLS = ("silent", "shuffled", "swapped")


def register(app: typer.Typer) -> None:
    """Add `walk` to the group `bench`."""
    app.command("walk")(walk)


def measure(corpus: Any, seed: int, out: Path, **changes: Any) -> dict[str, Any]:
    """One seed: the recipe's stages and the classical baseline on the same clips, each with its controls.

    A seed that was measured with the same settings and corpus before is read from `out`.
    """
    from emolab.baselines import classical_baseline
    from emolab.files import write_json
    from emolab.recipes.emo_rl import EmoRL
    from emolab.training.runs import slim

    recipe = EmoRL.cpu(seed=seed, **changes)
    of = {"settings": recipe.settings_dict(), "clips": len(corpus)}
    kept = out / "walk.json"
    if kept.is_file() and (known := json.loads(kept.read_text(encoding="utf-8")))["of"] == of:
        return dict(known)
    run = recipe.run(corpus, out, controls="every", elsewhere=False)
    inside = corpus.where(domain=recipe.domain)
    train, test = inside.where(split="train"), inside.where(split="test")
    classical = slim(classical_baseline(train, test, seed))
    classical["controls"] = {name: slim(classical_baseline(train, test, seed, control=name)) for name in CONTROLS}
    stages = {"classical": classical, "zero_labels": label_scores(recipe, test)}
    stages |= {key: run[key] for key, _ in ROWS if key in run}
    result = {"of": of, **stages, "seconds": run["seconds"], "n": run["n"]}
    write_json(kept, result)
    return result


def label_scores(recipe: Any, test: Any) -> dict[str, Any]:
    """The untrained model again, choosing the likeliest label, with label bias taken off: it seldom answers."""
    from emolab.evaluate import evaluate
    from emolab.lalm import load_model
    from emolab.training.runs import slim

    lalm, prompt = load_model(recipe.model), recipe.direct_prompt(test.labels)
    options: dict[str, Any] = {"mode": "labels", "calibration": "contextual", "seed": recipe.seed}
    result = slim(evaluate(lalm, test, prompt, **options))
    result["controls"] = {name: slim(evaluate(lalm, test, prompt, control=name, **options)) for name in CONTROLS}
    return result


def summary(runs: list[dict[str, Any]], others: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """One row a method: mean UA over training seeds, its spread, the mean interval, parse rate, UA under each control.

    `runs` share a corpus, and each has another training seed. `others` are runs of the first training seed on corpora
    of other seeds: the same speakers and sentences, drawn and rendered anew. Their spread includes the first of
    `runs`.
    """
    rows = []
    for key, name in ROWS:
        parts = [run[key] for run in runs]
        ua = [part["ua"] for part in parts]
        by_corpus = [ua[0], *(run[key]["ua"] for run in others)]
        row = {
            "name": name,
            "ua": mean(ua),
            "ua_sd": stdev(ua) if len(ua) > 1 else None,
            "ua_by_corpus": by_corpus,
            "ua_corpus_sd": stdev(by_corpus) if others else None,
            "ua_ci": [mean(part["ua_ci"][0] for part in parts), mean(part["ua_ci"][1] for part in parts)],
            "parse_rate": mean(part["parse_rate"] for part in parts),
        }
        for control in CONTROLS:
            under = [part["controls"][control]["ua"] for part in parts if control in part.get("controls", {})]
            row[control] = mean(under) if under else None
        rows.append(row)
    return rows


def table(result: dict[str, Any]) -> str:
    """The rows as Markdown, with how they were made."""

    def percent(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.1f}"

    spreads = ("spread over seeds", "spread over corpora")
    titles = ("", "UA %", "95% interval", *spreads, "parsed %", "silent %", "shuffled %", "swapped %")
    lines = [f"| {' | '.join(titles)} |", "|---" + "|---:" * (len(titles) - 1) + "|"]
    for row in result["rows"]:
        low, high = (percent(v) for v in row["ua_ci"])
        rest = [percent(row[key]) for key in ("ua_sd", "ua_corpus_sd", "parse_rate", *CONTROLS)]
        lines.append(f"| {row['name']} | {percent(row['ua'])} | {low} to {high} | {' | '.join(rest)} |")
    note = (
        f"\n{len(result['seeds'])} training seeds on one corpus; {len(result['corpora'])} further corpora of other "
        f"seeds, each with the first training seed; {result['n']['test']} test clips each. "
        "A spread is a standard deviation. "
        "Made by `emolab bench walk`; every run is in `benchmarks/results/walk.json`."
    )
    return "\n".join([*lines, note])


@command
def walk(
    seeds: Annotated[int, typer.Option(min=1, help="How many training seeds.")] = 3,
    corpora: Annotated[int, typer.Option(min=1, help="How many corpora, each of another seed.")] = 3,
    corpus: Annotated[
        Path | None, typer.Option(help="A corpus folder instead of the course's; then it is the only one.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the runs are kept.")] = Path("build/walk"),
    steps: Annotated[int | None, typer.Option(help="GRPO steps; the recipe's by default.")] = None,
    write: Annotated[bool, typer.Option(help="Write the result file and README's table.")] = True,
    as_json: JsonOption = False,
) -> None:
    """The README's results table: every method on held-out speakers and sentences, several seeds, with controls."""
    from emolab_course.readme import replace_section
    from emolab_synth.embedded import embedded_corpus

    from emolab.corpora.embedded import audio_core
    from emolab.evaluate.inputs import read_corpus

    changes = {} if steps is None else {"steps": steps}
    core = audio_core(read_corpus(corpus))
    runs = [measure(core, seed, out / f"seed-{seed}", **changes) for seed in range(seeds)]
    further = range(1, corpora if corpus is None else 1)
    others = [measure(audio_core(embedded_corpus("course", i)), 0, out / f"corpus-{i}", **changes) for i in further]
    result = {
        "command": f"emolab bench walk --seeds {seeds} --corpora {corpora}",
        "seeds": list(range(seeds)),
        "corpora": list(further),
        "rows": summary(runs, others),
        "n": runs[0]["n"],
        "runs": runs,
        "corpus_runs": others,
    }
    if write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        replace_section(ROOT / "README.md", "results", table(result))
    emit(result, as_json, lambda r: typer.echo(table(r)))
