"""`emolab export reward`: the file in which another trainer finds a reward."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emolab.cli.output import JsonOption, command, emit
from emolab.rewards.adapters import export, standing_still
from emolab.rewards.source import load_reward


def register(app: typer.Typer) -> None:
    """Add the commands to their group."""
    app.command("reward")(reward)


@command
def reward(
    spec: Annotated[str, typer.Argument(metavar="REWARD", help="A shipped rubric, or FILE.py:NAME.")],
    tool: Annotated[str, typer.Option("--for", help="ms-swift, verl, nemo-rl, openrlhf or verifiers.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the file; REWARD_TOOL.py by default.")] = None,
    labels: Annotated[str, typer.Option(help="A label set, or labels with commas.")] = "emolab-7",
    progress: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Where schedules stand in tools that do not tell the step.")
    ] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Write the file in which another trainer finds one of our rewards.

    The trainer's environment needs emolab installed; rewards load no torch.
    """
    name = spec.rpartition(":")[2]
    path = export(spec, tool, out or Path(f"{name}_{tool.replace('-', '_')}.py"), labels, progress)
    constant = standing_still(load_reward(spec, labels)) if tool not in ("ms-swift", "verifiers") else []
    result = {"path": path, "reward": name, "for": tool, "labels": labels, "constant": constant}

    def show(result: dict[str, object]) -> None:
        typer.echo(f"{path}: {name} for {tool}")
        if constant:
            typer.echo(
                f"note: {', '.join(constant)} compares the completions of a group; {tool} passes one at a time, so "
                "this part is the same for all of them",
                err=True,
            )

    emit(result, as_json, show)
