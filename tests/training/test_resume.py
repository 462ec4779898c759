"""Killed at any point and resumed, a run gives the metrics and weights of one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from training_helpers import letters, make_trainer, small_lalm, weights

from emolab.errors import TrainingError
from emolab.lalm.quantise import adapters_in_float32
from emolab.training.callbacks import History
from emolab.training.checkpoints import last_checkpoint

TIMES = ("seconds_rollout", "seconds_reward", "seconds_scoring", "seconds_update", "seconds_step")
SETTINGS: dict[str, Any] = {
    "max_steps": 5,
    "save_steps": 2,
    "learning_rate": 0.01,
    "optim": "adamw_torch",
    "beta": 0.1,
    "num_iterations": 2,
    "save_total_limit": 1,
    "lr_scheduler_type": "linear",
}


class Stop(BaseException):
    """Ends a run where an exception must not be caught."""


class FailsAt:
    """The usual reward until its n-th call, which ends the run."""

    __name__ = "letters"

    def __init__(self, call: int = 0):
        self.left = call

    def __call__(self, prompts: Any, completions: Any, **columns: Any) -> list[float]:
        self.left -= 1
        if self.left == 0:
            raise Stop
        return letters(prompts, completions)


def run(
    folder: Path, reward: Any = letters, resume: bool = False, half: str = ""
) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
    """Train in `folder`, from its last checkpoint if asked; metrics without seconds, and weights.

    `half`: "autocast" computes in bf16, "weights" holds the frozen weights in bf16 too (adapters stay in float32).
    """
    lalm, history = small_lalm(), History(folder / "metrics.jsonl")
    if half == "weights":
        lalm.model.to(torch.bfloat16)
        adapters_in_float32(lalm.model)
    last = last_checkpoint(folder) if resume else None
    settings = {**SETTINGS, "bf16": True} if half else SETTINGS
    make_trainer(folder, lalm, reward, history=history, **settings).train(
        resume_from_checkpoint=str(last) if last else None
    )
    return [{k: v for k, v in row.items() if k not in TIMES} for row in history.rows], weights(lalm)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run(tmp_path_factory.mktemp("whole"))


def assert_equal(got: Any, wanted: Any, folder: Path) -> None:
    assert got[0] == wanted[0]
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert all(torch.equal(got[1][k], wanted[1][k]) for k in wanted[1])


def test_ended_while_sampling(uninterrupted: Any, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        run(tmp_path, FailsAt(3))  # the third batch of completions: step 5, after the checkpoint of step 4
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-4"
    assert_equal(run(tmp_path, resume=True), uninterrupted, tmp_path)


def test_resumed_between_two_updates_on_one_batch(
    uninterrupted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "save_steps", 3)
    with pytest.raises(Stop):
        run(tmp_path, FailsAt(3))
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-3"
    assert_equal(run(tmp_path, resume=True), uninterrupted, tmp_path)


@pytest.mark.parametrize("half", ["autocast", "weights"])
def test_bf16_resumes_to_the_same_bits_too(half: str, uninterrupted: Any, tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", half=half)
    assert whole[0] != uninterrupted[0], "half precision was used"
    with pytest.raises(Stop):
        run(tmp_path / "cut", FailsAt(3), half=half)
    assert_equal(run(tmp_path / "cut", resume=True, half=half), whole, tmp_path / "cut")


def test_killed_while_writing_a_checkpoint(uninterrupted: Any, tmp_path: Path) -> None:
    script = (
        "import sys; sys.path[:0] = [sys.argv[2]]\n"
        "import os, signal, test_resume\n"
        "from pathlib import Path\n"
        "from emolab.training import checkpoints\n"
        "write = checkpoints.write_json\n"
        "def dies(path, data):\n"
        "    if path.parent.name == 'checkpoint-4':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    write(path, data)\n"
        "checkpoints.write_json = dies\n"
        "test_resume.run(Path(sys.argv[1]))\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(Path(__file__).parent)],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr[-2000:]
    assert (tmp_path / "checkpoint-4").is_dir() and last_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    torch.set_num_threads(1)
    assert_equal(run(tmp_path, resume=True), uninterrupted, tmp_path)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-5"]


def test_a_run_without_a_checkpoint_starts_anew(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None and last_checkpoint(tmp_path / "nowhere") is None
    (tmp_path / "checkpoint-7").mkdir()  # not whole
    assert last_checkpoint(tmp_path) is None


@pytest.mark.parametrize(
    "fault",
    [
        "optimizer.pt",
        "scheduler.pt",
        "0.emolab_state.pt",
        "adapter_model.safetensors",
        "trainer_state.json",
        "cut",
        "bit",
    ],
)
def test_an_imperfect_checkpoint_gives_way_to_the_older_one(
    uninterrupted: Any, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(SETTINGS, "save_total_limit", 2)
    with pytest.raises(Stop):
        run(tmp_path, FailsAt(3))
    newest = tmp_path / "checkpoint-4"
    name = fault if "." in fault else "optimizer.pt"
    data = bytearray((newest / name).read_bytes())
    if fault == "cut":
        (newest / name).write_bytes(data[: len(data) // 2])
    elif fault == "bit":
        data[len(data) // 2] ^= 1
        (newest / name).write_bytes(data)
    else:
        (newest / name).unlink()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    assert name in caplog.text and "older checkpoint" in caplog.text
    if fault == "bit":
        assert_equal(run(tmp_path, resume=True), uninterrupted, tmp_path)


def test_with_no_whole_checkpoint_left_training_starts_anew_and_says_so(
    uninterrupted: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Stop):
        run(tmp_path, FailsAt(3))
    (tmp_path / "checkpoint-4" / "emolab_files.json").write_text("{")
    assert_equal(run(tmp_path, resume=True), uninterrupted, tmp_path)
    assert "starts from its first step" in caplog.text


def test_a_checkpoint_of_another_trainer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        run(tmp_path, FailsAt(3))
    (tmp_path / "checkpoint-4" / "0.emolab_state.pt").unlink()
    with pytest.raises(TrainingError, match="not written by this trainer"):
        make_trainer(tmp_path, small_lalm(), **SETTINGS).train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))


def test_a_folder_of_ones_own_beside_the_checkpoints_is_left_alone(uninterrupted: Any, tmp_path: Path) -> None:
    (tmp_path / "checkpoint-best").mkdir()
    (tmp_path / "checkpoint-²").mkdir()
    assert_equal(run(tmp_path), uninterrupted, tmp_path)
    assert {p.name for p in tmp_path.glob("checkpoint-*")} == {"checkpoint-best", "checkpoint-²", "checkpoint-5"}


def test_damaged_metrics_lose_their_row_and_say_which(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from emolab.training.callbacks import read_metrics

    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2\n\xff\xfe\n[3]\n{"step": 4}\n{"step": 5')
    assert [row["step"] for row in read_metrics(path)] == [1, 4] and read_metrics(tmp_path / "none") == []
    assert [f"line {i}" in caplog.text for i in range(1, 7)] == [False, True, True, True, False, False]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_step_that_runs(uninterrupted: Any, tmp_path: Path, number: signal.Signals) -> None:
    from emolab.training.callbacks import SaveAtSignal

    def interrupted(prompts: Any, completions: Any, **columns: Any) -> list[float]:
        if columns["trainer_state"].global_step == 0:
            os.kill(os.getpid(), number)
        return letters(prompts, completions)

    interrupted.__name__ = "letters"
    with SaveAtSignal() as signals:
        trainer = make_trainer(
            tmp_path, small_lalm(), interrupted, history=History(tmp_path / "metrics.jsonl"), **SETTINGS
        )
        trainer.add_callback(signals)
        trainer.train()
    assert signals.stopped == 1 and last_checkpoint(tmp_path) == tmp_path / "checkpoint-1"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert_equal(run(tmp_path, resume=True), uninterrupted, tmp_path)
