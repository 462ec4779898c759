"""Trackers: offline by default, and completions and clips arrive as tables in a tracker that is installed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from emolab.errors import TrainingError
from emolab.extras import MissingExtra
from emolab.training import callbacks as trackers
from emolab.training.callbacks import tracking
from emolab.training.grpo import grpo_config

TRAIN = """
import json, sys
from emolab.lalm.quantise import add_lora
from benchmarks.tiny_models import noise_samples, tiny_random
from emolab.prompts import PROMPTS
from emolab.training.grpo import AudioGRPOTrainer, grpo_config
from emolab.training.callbacks import Clips, tracking

tracker, out = sys.argv[1:]
lalm = add_lora(tiny_random("qwen2_audio", layers=1), rank=2)
def length(completions, **columns):
    return [float(len(text)) for text in completions]
args = grpo_config(out, prompts_per_step=2, group_size=2, max_steps=2, max_completion_length=4, learning_rate=1e-3,
                   **tracking([tracker], out))
clips = Clips([tracker])
trainer = AudioGRPOTrainer(lalm, noise_samples(3), PROMPTS["direct"], length, args, callbacks=[clips])
clips.trainer = trainer
trainer.train()
"""
READ = """
import json
from trackio.sqlite_storage import SQLiteStorage as store
project = store.get_projects()[0]
logs = store.get_logs(project, store.get_runs(project)[0])
print(json.dumps({key: row[key] for row in logs for key in row if key in ("completions", "clips")}, default=str))
"""


def test_trackers_are_settings_of_trl_and_stay_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_MODE", "WANDB_DIR"):  # what is set below goes again with the test
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(trackers, "require", lambda *names: None)
    assert tracking((), tmp_path) == {}
    settings = tracking(("wandb",), tmp_path)
    assert os.environ["WANDB_MODE"] == "offline" and os.environ["WANDB_DIR"] == str(tmp_path)
    args = grpo_config(tmp_path, **{**settings, "report_to": []})  # which would ask for the package
    assert settings["report_to"] == ["wandb"] and args.log_completions
    monkeypatch.setenv("WANDB_MODE", "online")
    tracking(("wandb",), tmp_path)
    assert os.environ["WANDB_MODE"] == "online"


def test_an_unknown_or_missing_tracker_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no tracker 'tensorbord'; there are trackio, wandb"):
        tracking(("tensorbord",), tmp_path)
    with pytest.raises(MissingExtra, match=r"emolab\[track\]"):
        tracking(("trackio",), tmp_path)


@pytest.mark.parametrize("tracker", ["trackio", "wandb"])
def test_completions_and_clips_reach_the_tracker(tracker: str, tmp_path: Path) -> None:
    """EMOLAB_TRACK names a Python with the extra `track` and ours."""
    python = os.environ.get("EMOLAB_TRACK")
    if not python:
        pytest.skip("EMOLAB_TRACK names no Python with trackio and wandb")
    here = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": here, "TRACKIO_DIR": str(tmp_path / "kept"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [python, "-c", TRAIN, tracker, str(tmp_path / "out")], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    if tracker == "wandb":
        run = next((tmp_path / "out" / "wandb").glob("offline-run-*"))
        tables = {path.name.split("_")[0] for path in run.rglob("*.table.json")}
        assert tables == {"clips", "completions"} and list(run.rglob("*.wav"))
        return
    read = subprocess.run([python, "-c", READ], capture_output=True, text=True, env=environment)
    found = json.loads(read.stdout.splitlines()[-1])
    assert set(found) == {"clips", "completions"} and list((tmp_path / "kept").rglob("*.wav"))
