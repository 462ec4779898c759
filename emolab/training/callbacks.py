"""Watching a run: one dict of metrics a step, in memory and as JSON lines, and a quiet progress bar."""

from __future__ import annotations

import json
import logging
import math
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerCallback

from emolab.files import write_text
from emolab.training.guards import AlarmBell, Alarms

log = logging.getLogger("emolab.training")

# TRL's names on the left. Everything else that TRL logs stays under its own name only in its own log history.
RENAMED = {
    "loss": "loss",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "kl": "kl",
    "entropy": "entropy",
    "reward": "reward",
    "reward_std": "reward_std",
    "zero_variance": "zero_variance",
    "parse_rate": "parse_rate",
    "completions/mean_length": "length",
    "completions/clipped_ratio": "truncated",
    "clip_ratio/region_mean": "clipped",
    "cispo_clip_ratio": "clipped",
    "seconds/rollout": "seconds_rollout",
    "seconds/reward": "seconds_reward",
    "seconds/scoring": "seconds_scoring",
    "seconds/update": "seconds_update",
    "seconds/step": "seconds_step",
    "skipped_groups": "skipped_groups",
    "sampling/sampling_logp_difference/mean": "engine_difference",  # of a token, server against trainer
    "sampling/sampling_logp_difference/max": "engine_difference_max",
    "sampling/importance_sampling_ratio/mean": "engine_ratio",
}


def tidy(logs: dict[str, Any], step: int) -> dict[str, Any]:
    """One row of history from one TRL log call: our names, plain floats, `reward/<name>` for each part."""
    row: dict[str, Any] = {"step": step}
    for key, value in logs.items():
        name = RENAMED.get(key)
        if key.startswith("rewards/") and key.endswith("/mean"):
            name = "reward/" + key.split("/")[1]
        if key.startswith("reward/"):  # parts that a rubric logs itself
            name = key
        if name is not None:
            row[name] = None if value is None or not math.isfinite(float(value)) else float(value)
    return row


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a file that `History` wrote, one a step; none where there is no file.

    A killed run may leave half a line, which is left out. Other damage is left out with a warning.
    """
    path = Path(path)
    if not path.is_file():
        return []
    rows: list[dict[str, Any]] = []
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for i, line in enumerate(lines, 1):
        try:
            row = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            row = {}
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            rows.append(row)
        elif row is not None and i < len(lines):  # the last line has no newline: it was being written
            log.warning("%s, line %d: not a row of metrics; it is left out", path, i)
    return rows


class History(TrainerCallback):
    """Metrics of every logged step as a list of dicts, `rows`, mirrored to a JSON-lines file when `path` is given.

    On resume, the rows up to the checkpoint are read back from the file and later ones dropped, so that the file is
    that of an uninterrupted run.
    """

    def __init__(self, path: str | Path | None = None, alarms: Alarms | None = None):
        self.path = Path(path) if path is not None else None
        self.rows: list[dict[str, Any]] = []
        self.bell = AlarmBell(alarms or Alarms())

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.path is None:
            self.rows = [r for r in self.rows if r["step"] <= state.global_step]
            return
        if self.path.exists():
            self.rows = [r for r in read_metrics(self.path) if r["step"] <= state.global_step]
        write_text(self.path, "".join(json.dumps(r) + "\n" for r in self.rows))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if not logs or "train_runtime" in logs or not state.is_world_process_zero:
            return
        row = tidy(logs, state.global_step)
        if alarms := self.bell.ring(row):
            row["alarms"] = alarms
        self.rows.append(row)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


class Progress(TrainerCallback):
    """A text progress bar with the last metrics, on stderr: the same in a terminal and in a notebook."""

    def __init__(
        self, history: History | None = None, label: str = "GRPO", keys: tuple[str, ...] = ("reward", "parse_rate")
    ):
        self.history, self.label, self.keys = history, label, keys
        self.bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        from tqdm import tqdm

        if state.is_world_process_zero:
            self.bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc=self.label, unit="step", mininterval=0.5
            )

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if self.bar is None or not logs:
            return
        row = tidy(logs, state.global_step)
        self.bar.set_postfix({k: f"{row[k]:.3g}" for k in self.keys if row.get(k) is not None}, refresh=False)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.bar is not None:
            self.bar.update(1)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


class SaveAtSignal(TrainerCallback):
    """Ctrl-C and SIGTERM end training after the step that runs, with a checkpoint of it; a second one ends it at once.

    `stopped` is the step at which training ended so, else None. In several processes all end after the same step. Only
    the main thread can listen to signals; elsewhere nothing is changed.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.stopped: int | None = None
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        log.warning("%s: training ends after this step, with a checkpoint", signal.Signals(number).name)

    def __enter__(self) -> SaveAtSignal:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._anyone_asked(args) and state.global_step < state.max_steps:
            self.stopped = state.global_step
            control.should_save = control.should_training_stop = True

    def _anyone_asked(self, args: Any) -> bool:
        if args.world_size == 1:
            return self.asked
        import torch
        from torch import distributed

        flag = torch.tensor([float(self.asked)], device=args.device)
        distributed.all_reduce(flag)
        return bool(flag.item())
