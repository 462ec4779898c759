"""Two processes that share a global batch take the step of one, sampling included; their checkpoint is everybody's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ddp_run import BASE, train
from training_helpers import small_lalm, weights

KINDS = ("grpo", "dapo", "sft", "grpo-nf4", "sft-nf4")


@pytest.mark.timeout(900)
def test_two_processes_equal_one(tmp_path: Path) -> None:
    small_lalm(lora=False).save(tmp_path / BASE)
    script = Path(__file__).with_name("ddp_run.py")
    call = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(script),
        str(tmp_path),
        *KINDS,
    ]
    done = subprocess.run(call, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    two = torch.load(tmp_path / "two.pt", weights_only=True)
    before = weights(small_lalm())
    for kind in KINDS:
        one = train(tmp_path / kind, 1, kind)
        moved = max((one[k] - before[k]).abs().max().item() for k in one)
        apart = max((one[k] - two[kind][k]).abs().max().item() for k in one)
        assert moved > 1e-3 and apart < 1e-5, f"{kind}: moved {moved}, apart {apart}"
        if kind == "grpo":
            whole = one
    resumed = train(tmp_path / "half", 1, "grpo")
    assert max((whole[k] - resumed[k]).abs().max().item() for k in whole) < 1e-5, (
        "one process goes on where two stopped"
    )
