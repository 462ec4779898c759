"""Several processes: run the same command again under `accelerate launch`, with one of the shipped configurations.

On CPUs `torch.distributed.run` starts them, with gloo between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import yaml

from emolab.errors import TrainingError
from emolab.profiles import profile

CONFIGS = Path(__file__).parent / "configs"
SHARDED = (
    "{}: it keeps only a shard of each weight on a process, and a rollout and a prompt's embedding run parts of the "
    "model outside of its own forward, where shards are not gathered; use ddp, or zero2, which shards the gradients "
    "and the optimiser's state"
)


def config_names() -> list[str]:
    """The shipped configurations: ddp, zero2, ddp-cpu."""
    return sorted(path.stem for path in CONFIGS.glob("*.yaml"))


def is_main() -> bool:
    """Whether this process is the one that writes files and prints: the first, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def share() -> tuple[int, int]:
    """Which of how many processes this one is."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def own_part(size: int, setting: str) -> int:
    """This process's part of what all of them take in a step, so that their number decides nothing but speed.

    Raises TrainingError where `size` cannot be shared evenly.
    """
    world = share()[1]
    if size % world:
        raise TrainingError(f"{setting}={size} cannot be shared by {world} processes; use a multiple of {world}")
    return size // world


def wait_for_all() -> None:
    """Wait until every process has come here; nothing for a process that is alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from accelerate import PartialState

        PartialState(cpu=profile().device == "cpu").wait_for_everyone()


def launch_command(config: str, processes: int | None, arguments: Sequence[str]) -> list[str]:
    """The command line that runs `emolab arguments…` in several processes. `config` is a shipped name or a file.

    Raises TrainingError for a configuration that does not exist, or cannot train here, with the reason.
    """
    path = Path(config) if config.endswith((".yaml", ".yml")) else CONFIGS / f"{config}.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    stage = (deepspeed := settings.get("deepspeed_config", {})).get("zero_stage")
    if own := deepspeed.get("deepspeed_config_file"):
        stage = json.loads(Path(own).read_text(encoding="utf-8")).get("zero_optimization", {}).get("stage")
    if config in ("fsdp2", "zero3") or settings.get("distributed_type") == "FSDP" or stage == 3:
        raise TrainingError(SHARDED.format(config))
    if not path.is_file():
        raise TrainingError(
            f"{config}: no such configuration; expected one of {', '.join(config_names())}, or a .yaml file"
        )
    program = str(Path(sys.executable).with_name("emolab"))
    if settings.get("use_cpu"):  # accelerate itself starts several processes on CPUs through MPI only, else one
        count = str(processes or settings.get("num_processes", 1))
        head = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", count, "--no-python"]
        return [*head, program, *arguments]
    many = ["--num_processes", str(processes)] if processes else []
    head = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(path), *many, "--no_python"]
    return [*head, program, *arguments]


def relaunch(config: str, processes: int | None, arguments: Sequence[str], stdout: TextIO | None = None) -> int:
    """Run the command line of `launch_command` and wait; returns its exit status. `stdout` is where it prints.

    `--launch` and `--processes`, with their values, are left out of the arguments that the processes see.
    """
    kept, skip = [], False
    for argument in arguments:
        if skip or argument.split("=")[0] in ("--launch", "--processes"):
            skip = not skip and "=" not in argument
            continue
        kept.append(argument)
    return subprocess.run(launch_command(config, processes, kept), check=False, stdout=stdout).returncode
