"""The truth suite before and after reinforcement learning on samples of all conditions.

`emolab bench truth` teaches the tiny model on voice, face and words together (a cold start on a few labels, then GRPO
on labels alone; nobody tells it where the evidence lies), scores every attribution method before and after, and
writes `benchmarks/results/truth.json` and the table in README.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit
from emolab.paths import CHECKOUT

RESULT = CHECKOUT / "benchmarks" / "results" / "truth.json"
MODALITIES = ("audio", "video", "text")


def register(app: typer.Typer) -> None:
    """Add `truth` to the group `bench`."""
    app.command("truth")(truth)


def teach(corpus: Any, out: Path, steps: int, seed: int) -> dict[str, Any]:
    """Cold start and GRPO on all conditions of domain a; both checkpoints and their scores on the held-out samples."""
    from emolab.evaluate import evaluate
    from emolab.recipes import common, emo_rl

    settings = emo_rl.EmoRLSettings.cpu(
        reasoning="direct", modalities=MODALITIES, steps=steps, max_new_tokens=10, cold_per_label=48, seed=seed
    )
    parts = common.split(corpus, settings.cold_per_label, seed, "a")
    prompt = common.prompt_named("direct", MODALITIES)
    lalm = common.prepare_model(settings.model, settings.quantise, settings.lora_rank, settings.lora_alpha, seed)
    info = {"model": settings.model, "quantise": settings.quantise, "prompt": "direct", "modalities": list(MODALITIES)}
    found = {}
    for name in ("before", "after"):
        if name == "before":
            emo_rl.cold_start_stage(lalm, parts.cold, prompt, settings)
        else:
            emo_rl.grpo_stage(lalm, parts.train, prompt, settings, out / "grpo", save_steps=None, resume=False)
        common.save_checkpoint(out / name, lalm, info)
        found[name] = common.slim(evaluate(lalm, parts.test, prompt, seed, max_new_tokens=10, batch_size=32))
    return found


@command
def truth(
    corpus: Annotated[Path | None, typer.Option(help="A corpus folder; the course's by default.")] = None,
    steps: Annotated[int, typer.Option(help="Steps of GRPO.")] = 150,
    n: Annotated[int, typer.Option(help="Samples to validate on.")] = 130,
    seed: Annotated[int, typer.Option(help="Seed of everything.")] = 0,
    out: Annotated[Path, typer.Option(help="Where the checkpoints are kept.")] = Path("build/truth"),
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
    result: dict[str, Any] = {"command": f"emolab bench truth --steps {steps} --n {n} --seed {seed}", "seed": seed}
    result["scores"] = teach(table, out, steps, seed)
    for name in ("before", "after"):
        lalm, prompt = read_model(None, out / name)
        result[name] = validate(lalm, table, prompt, known, n, settings=Settings(seed=seed))
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
        cells = (
            row["name"],
            *(_cell(r, "recovery") for r in (before, row)),
            *(_cell(r, "auc") for r in (before, row)),
            _cell(row, "conflict"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    right = [result[name]["answered_right"] for name in ("before", "after")]
    ua = [result["scores"][name]["ua"] for name in ("before", "after")]
    lines.append(
        f"\n{result['after']['n']} held-out samples of all conditions; UA {100 * ua[0]:.0f}% before GRPO and "
        f"{100 * ua[1]:.0f}% after; {100 * right[0]:.0f}% and {100 * right[1]:.0f}% of these samples answered right. "
        "95% intervals over talkers. Carrier named: of the samples that are answered right and whose emotion lies in "
        f"one modality, the share for which that one has the largest value (chance 1/3). Made by `{result['command']}`."
    )
    return "\n".join(lines)


def _cell(row: dict[str, Any], key: str) -> str:
    if row.get(key) is None:
        return "–"
    low, high = row[f"{key}_ci"]
    return f"{row[key]:.2f} [{low:.2f}, {high:.2f}]"
