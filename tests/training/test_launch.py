"""Launching: the shipped configurations parse, and the command line is the same but for the launch options."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from emolab.errors import TrainingError
from emolab.training import launch
from emolab.training.checkpoints import last_checkpoint


def test_configurations() -> None:
    assert set(launch.config_names()) == {"ddp", "ddp-cpu", "zero2"}
    for name in launch.config_names():
        config = yaml.safe_load((launch.CONFIGS / f"{name}.yaml").read_text())
        assert config["num_processes"] == 2 and config["distributed_type"] in (
            "MULTI_GPU",
            "MULTI_CPU",
            "DEEPSPEED",
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
    with pytest.raises(TrainingError, match="ddp, ddp-cpu, zero2"):
        launch.launch_command("ddp3", None, [])
    for sharded in ("fsdp2", "zero3"):
        with pytest.raises(TrainingError, match=r"only a shard of each weight .* use ddp, or zero2"):
            launch.launch_command(sharded, None, [])
    mine = str(tmp_path / "mine.yaml")
    for own in ("distributed_type: FSDP\n", "distributed_type: DEEPSPEED\ndeepspeed_config: {zero_stage: 3}\n"):
        (tmp_path / "mine.yaml").write_text(own)
        with pytest.raises(TrainingError, match=r"mine.yaml: it keeps only a shard"):
            launch.launch_command(mine, None, [])
    (tmp_path / "three.json").write_text('{"zero_optimization": {"stage": 3}}')
    named = f"distributed_type: DEEPSPEED\ndeepspeed_config: {{deepspeed_config_file: {tmp_path / 'three.json'}}}\n"
    (tmp_path / "mine.yaml").write_text(named)
    with pytest.raises(TrainingError, match=r"mine.yaml: it keeps only a shard"):
        launch.launch_command(mine, None, [])
    (tmp_path / "mine.yaml").write_text("num_processes: 1\n")
    assert mine in launch.launch_command(mine, None, [])


def test_processes_on_one_cpu_are_real() -> None:
    """accelerate alone starts one process for its MULTI_CPU configuration where there is no MPI, and says nothing."""
    call = launch.launch_command("ddp-cpu", 2, [])
    at = call.index("--no-python")
    line = "f\"rank {os.environ['RANK']} of {os.environ['WORLD_SIZE']}\\n\".encode()"
    program = f"import os; os.write(1, {line})"  # at once: lines of two processes may not mix
    done = subprocess.run([*call[: at + 1], call[0], "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(done.stdout.split("\n")[:2]) == ["rank 0 of 2", "rank 1 of 2"], done.stdout


@pytest.mark.slow
def test_a_recipe_in_two_processes(tmp_path: Path) -> None:
    """The whole of `emolab train emo-rl --launch`, small: one result, both processes' states, a checkpoint to use."""
    words = (
        "train emo-rl --launch ddp-cpu --processes 2 --steps 50 --test-per-label 1 --no-baseline --no-controls --json "
        "--set cold_epochs=1 --set cold_per_label=2 --set prompts_per_step=2 --set group_size=2 --out"
    )
    call = [launch.launch_command("ddp-cpu", 2, [])[-1], *words.split(), str(tmp_path)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert result["recipe"] == "emo-rl" and result["last_step"]["step"] == 50
    assert last_checkpoint(tmp_path / "grpo") == tmp_path / "grpo" / "checkpoint-50"
    assert {p.name for p in (tmp_path / "grpo" / "checkpoint-50").glob("*.emolab_state.pt")} == {
        "0.emolab_state.pt",
        "1.emolab_state.pt",
    }
    assert (tmp_path / "grpo" / "adapter_model.safetensors").is_file()


def test_who_is_main(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    assert launch.is_main()
    monkeypatch.setenv("RANK", "1")
    assert not launch.is_main()


def test_a_step_is_shared_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launch.share() == (0, 1) and launch.own_part(7, "prompts_per_step") == 7
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "3")
    assert launch.share() == (3, 4) and launch.own_part(8, "prompts_per_step") == 2
    with pytest.raises(TrainingError, match="prompts_per_step=6 cannot be shared by 4 processes"):
        launch.own_part(6, "prompts_per_step")
