"""Two processes that share a global batch take the step of one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch
from ddp_run import train
from training_helpers import small_lalm, weights

KINDS = ("grpo", "dapo")


def test_two_processes_equal_one(tmp_path: Path) -> None:
    script = Path(__file__).with_name("ddp_run.py")
    call = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(script),
        str(tmp_path / "two.pt"),
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
