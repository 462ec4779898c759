"""Launching: the shipped configurations parse, and the command line is the same but for the launch options."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from emolab.errors import TrainingError
from emolab.training import launch


def test_configurations() -> None:
    assert set(launch.config_names()) == {"ddp", "ddp-cpu", "fsdp2", "zero2", "zero3"}
    for name in launch.config_names():
        config = yaml.safe_load((launch.CONFIGS / f"{name}.yaml").read_text())
        assert config["num_processes"] == 2 and config["distributed_type"] in (
            "MULTI_GPU",
            "MULTI_CPU",
            "DEEPSPEED",
            "FSDP",
        )


def test_accelerate_reads_them() -> None:
    from accelerate.commands.config.config_args import ClusterConfig

    for name in launch.config_names():
        assert ClusterConfig.from_yaml_file(str(launch.CONFIGS / f"{name}.yaml")).num_processes == 2


def test_the_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        seen.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", run)
    assert (
        launch.relaunch("ddp", 4, ["train", "emo-rl", "--launch", "ddp", "--processes=4", "--seed", "1", "--json"]) == 3
    )
    assert seen[0][-5:] == ["train", "emo-rl", "--seed", "1", "--json"] and "4" in seen[0] and "--no_python" in seen[0]
    with pytest.raises(TrainingError, match="ddp, ddp-cpu, fsdp2"):
        launch.launch_command("ddp3", None, [])
    (tmp_path / "mine.yaml").write_text("num_processes: 1\n")
    assert str(tmp_path / "mine.yaml") in launch.launch_command(str(tmp_path / "mine.yaml"), None, [])


def test_who_is_main(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    assert launch.is_main()
    monkeypatch.setenv("RANK", "1")
    assert not launch.is_main()
