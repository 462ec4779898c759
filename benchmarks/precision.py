"""Notebook 04's training in bfloat16 beside float32, on a CPU: curves of the reward, and the accuracy at the end.

A GPU profile trains in bfloat16 and a CPU in float32. This run shows on a small model what that changes: the same
cold start, the same clips, the same draws, the same LoRA adapters in float32; only the model around them rounds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit

RESULT = Path(__file__).resolve().parent / "results" / "precision.json"
ARMS = ("float32", "bfloat16")
SIZES = {"cold_per_label": 4, "cold_epochs": 3.0, "steps": 100, "test_per_label": 10}
"""Those of notebook 04."""


def register(app: typer.Typer) -> None:
    """Add `precision` to the group `bench`."""
    app.command("precision")(precision)


@command
def precision(
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 2,
    steps: Annotated[int, typer.Option(min=1, help="GRPO steps.")] = SIZES["steps"],
    out: Annotated[Path, typer.Option(help="Where the runs are; a finished one is not run again.")] = Path(
        "build/precision"
    ),
    write: Annotated[bool, typer.Option(help="Write the result file and its plot.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Reward curves and final accuracy of notebook 04's training in bfloat16 and in float32."""
    from emolab.files import write_json

    runs = [trained(arm, seed, steps, out) for seed in range(seeds) for arm in ARMS]
    result = {"command": f"emolab bench precision --seeds {seeds}", "sizes": {**SIZES, "steps": steps}, "runs": runs}
    if write:
        write_json(RESULT, result)
        draw(result, RESULT.with_suffix(".svg"))
    emit(result, as_json, render)


def trained(arm: str, seed: int, steps: int, out: Path) -> dict[str, Any]:
    """One run: reward and entropy (None where no group taught anything) of every step, accuracy before and after."""
    import json
    import time

    import torch
    from emolab_synth.embedded import embedded_corpus

    from emolab.files import write_json
    from emolab.lalm.quantise import add_lora
    from emolab.profiles import profile
    from emolab.recipes.emo_rl import EmoRL

    recipe = EmoRL.cpu(**{**SIZES, "steps": steps, "seed": seed, "save_steps": 0})
    folder = out / f"{arm}-{seed}"
    kept, of = folder / "run.json", {"settings": recipe.settings_dict(), "arm": arm}
    if kept.is_file() and (known := json.loads(kept.read_text(encoding="utf-8")))["of"] == of:
        return dict(known)
    parts = recipe.splits(embedded_corpus("course"))
    lalm = profile("cpu").load(recipe.model, quantise=recipe.quantise, device="cpu", dtype=arm)
    torch.manual_seed(seed)
    add_lora(lalm, recipe.lora_rank, recipe.lora_alpha)
    prompt = recipe.prompt(parts.train.labels)
    start = time.process_time()
    recipe.cold_start(lalm, parts.cold, progress=False)
    before = recipe.measure(lalm, parts.test, prompt, progress=False)
    rows = recipe.grpo(lalm, parts.train, folder, progress=False, resume=False)
    after = recipe.measure(lalm, parts.test, prompt, progress=False)
    run = {
        "of": of,
        "arm": arm,
        "seed": seed,
        "before": round(before["ua"], 4),
        "after": round(after["ua"], 4),
        "after_ci": [round(value, 4) for value in after["ua_ci"]],
        "n": after["n"],
        "answers": [row["predicted"] for row in after["rows"]],
        "reward": [round(row["reward"], 4) for row in rows],
        "entropy": [row["entropy"] if row["entropy"] is None else round(row["entropy"], 4) for row in rows],
        "cpu_seconds": round(time.process_time() - start),
    }
    write_json(kept, run)
    return run


def pairs(result: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(float32, bfloat16) of each seed."""
    runs = {(run["arm"], run["seed"]): run for run in result["runs"]}
    return [(runs[ARMS[0], seed], runs[ARMS[1], seed]) for seed in sorted({seed for _, seed in runs})]


def render(result: dict[str, Any]) -> None:
    """Print the accuracies, and how many final answers agree."""
    for full, half in pairs(result):
        same = sum(a == b for a, b in zip(full["answers"], half["answers"], strict=True))
        for run in (full, half):
            low, high = run["after_ci"]
            typer.echo(
                f"seed {run['seed']}, {run['arm']:<8}: UA {run['before']:.3f} -> {run['after']:.3f} "
                f"[{low:.2f}, {high:.2f}], {run['cpu_seconds']} s of CPU"
            )
        typer.echo(f"seed {full['seed']}: {same} of {full['n']} final answers agree")


def draw(result: dict[str, Any], path: Path) -> None:
    """The reward of every step, ten steps averaged, an arm a colour and a seed a line."""
    import numpy as np

    from emolab.plots.style import ACCENT, QUIET, new_figure, save_svg, styled

    @styled  # else the file would depend on what a caller has set in matplotlib
    def drawn() -> None:
        figure, axes = new_figure(6.5, 3.4)
        axis = axes[0][0]
        for pair in pairs(result):
            for run, colour in zip(pair, (QUIET, ACCENT), strict=True):
                width = min(10, len(run["reward"]))
                mean = np.convolve(run["reward"], np.ones(width) / width, "valid")
                label = f"{run['arm']}, final UA {run['after']:.2f} (seed {run['seed']})"
                steps = np.arange(width, len(mean) + width)
                axis.plot(steps, mean, color=colour, ls="-:"[run["seed"] % 2], label=label)
        axis.set(xlabel="GRPO step", ylabel="mean reward, 10 steps", title="Training in bfloat16 beside float32")
        axis.legend(fontsize=8)
        save_svg(figure, path)

    drawn()
