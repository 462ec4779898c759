"""`emolab export`: a trained model for transformers and vLLM, and the file in which another trainer finds a reward."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from emolab.cli.output import JsonOption, command, emit
from emolab.errors import EmolabError
from emolab.rewards.adapters import export, standing_still
from emolab.rewards.source import load_reward


def register(app: typer.Typer) -> None:
    """Add the commands to their group."""
    app.info.cls = CheckpointFirst
    app.command("checkpoint")(checkpoint)
    app.command("reward")(reward)


class CheckpointFirst(TyperGroup):
    """`emolab export FOLDER …` is short for `emolab export checkpoint FOLDER …`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command, `checkpoint` where the first word is none."""
        known = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else ["checkpoint", *args])


@command
def checkpoint(
    folder: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="A folder such as OUT/grpo, or a model's name.")],
    merged: Annotated[Path | None, typer.Option("--merge", help="Write the whole model, adapters merged in.")] = None,
    vllm: Annotated[Path | None, typer.Option("--vllm", help="Write the adapter under vLLM's names.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a trained model for other tools. `emolab export CHECKPOINT …` is the same.

    With --merge the folder loads in transformers (AutoProcessor and the family's class). With --vllm an adapter is
    written that vLLM serves beside the base model; where vLLM takes none for the family, the command says so.
    """
    from emolab.lalm.export import merge, serve_line, to_vllm

    if merged is None and vllm is None:
        raise EmolabError("give --merge FOLDER, or --vllm FOLDER, or both")
    written = {"the adapter for vLLM": to_vllm(folder, vllm)} if vllm else {}
    written |= {"the merged model": merge(folder, merged)} if merged else {}
    lines = [serve_line(folder, path, path == merged) for path in written.values()]

    def show(_: dict[str, object]) -> None:
        for (what, path), line in zip(written.items(), lines, strict=True):
            typer.echo(f"{path}: {what}\n  serve: {line}")

    emit({"written": list(written.values()), "serve": lines}, as_json, show)


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
