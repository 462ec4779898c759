"""`emolab plan`: what a GRPO step takes on a GPU, before anything is downloaded."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit
from emolab.errors import TrainingError


@command
def plan(
    model: Annotated[str, typer.Option(help="A known model, a folder, or a hub id.")] = "Qwen/Qwen2-Audio-7B-Instruct",
    gpu: Annotated[float, typer.Option(min=1, help="GPU memory in GB.")] = 24.0,
    prompts: Annotated[int, typer.Option(min=1, help="Prompts in a micro-batch.")] = 1,
    group: Annotated[int, typer.Option(min=2, help="Completions of each prompt.")] = 8,
    prompt_tokens: Annotated[int, typer.Option(min=1, help="Length of a prompt, its audio included.")] = 300,
    completion_tokens: Annotated[int, typer.Option(min=1, help="Longest completion.")] = 256,
    lora_rank: Annotated[int, typer.Option(min=1, help="Rank of the adapters.")] = 16,
    bits: Annotated[int, typer.Option(help="Bits of the language model's weights: 4 or 16.")] = 4,
    checkpointing: Annotated[bool, typer.Option(help="Compute activations again in the backward pass.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Predict weights, adapters, activations, cache and logits in GB, and the largest micro-batch that fits."""
    from emolab.training.planner import Workload, size_of
    from emolab.training.planner import plan as make_plan

    if bits not in (4, 16):
        raise TrainingError(f"--bits {bits}: expected 4 or 16")
    load = Workload(
        prompts, group, prompt_tokens, completion_tokens, "nf4" if bits == 4 else None, lora_rank, checkpointing
    )
    found = make_plan(size_of(model), load, gpu)
    result = {
        "model": model,
        "gpu_gb": gpu,
        "parts_gb": {k: round(v, 3) for k, v in found.parts.items()},
        "update_gb": round(found.update, 2),
        "rollout_gb": round(found.rollout, 2),
        "total_gb": round(found.total, 2),
        "fits": found.fits,
        "largest_micro_batch": found.largest,
        "workload": asdict(load),
    }
    emit(result, as_json, render)


def render(result: dict[str, Any]) -> None:
    """Print the parts, the two peaks and the verdict."""
    typer.echo(f"{result['model']}, predicted GB:")
    for name, value in result["parts_gb"].items():
        typer.echo(f"  {name:<16}{value:8.2f}")
    typer.echo(f"  update peak     {result['update_gb']:8.2f}")
    typer.echo(f"  rollout peak    {result['rollout_gb']:8.2f}")
    verdict = "fits into" if result["fits"] else "does not fit into"
    most, none = result["largest_micro_batch"], "not even one prompt; try --checkpointing or fewer tokens"
    advice = f"at most {most} prompts a micro-batch" if most else none
    typer.echo(f"{verdict} {result['gpu_gb']:g} GB; {advice}")
