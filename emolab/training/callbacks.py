"""Watching a run: one dict of metrics a step, in memory and as JSON lines; a quiet progress bar; trackers.

Trackers are TRL's `report_to` with trackio or wandb, completions and clips as tables, on this machine. trackio keeps
its data in a folder, and sends it nowhere unless TRACKIO_SPACE_ID names a place. wandb is set to offline unless
WANDB_MODE says otherwise; `wandb sync` uploads a run later.
"""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import distributed
from tqdm import tqdm
from transformers import TrainerCallback

from emolab.errors import TrainingError
from emolab.extras import require
from emolab.files import write_text
from emolab.media import SAMPLE_RATE, audio_of
from emolab.samples import EmotionSample
from emolab.training.guards import AlarmBell, Alarms

log = logging.getLogger("emolab.training")
TRACKERS = ("trackio", "wandb")
SHOWN = 4
"""Clips that the table of a step has, at most."""

KEPT = ("loss", "grad_norm", "learning_rate", "kl", "entropy", "reward", "reward_std", "zero_variance", "parse_rate")
"""What TRL logs under the names that we use; the parts of a reward, `reward/<name>`, too."""
RENAMED = {
    "completions/mean_length": "length",
    "completions/clipped_ratio": "truncated",
    "clip_ratio/region_mean": "clipped",
    "cispo_clip_ratio": "clipped",
    "skipped_groups": "skipped_groups",
    "sampling/sampling_logp_difference/mean": "engine_difference",  # of a token, server against trainer
    "sampling/sampling_logp_difference/max": "engine_difference_max",
    "sampling/importance_sampling_ratio/mean": "engine_ratio",
    **{f"seconds/{part}": f"seconds_{part}" for part in ("rollout", "reward", "scoring", "update", "step")},
}
"""TRL's names, and ours. Everything else that TRL logs stays under its own name in its own log history only."""


def tidy(logs: dict[str, Any], step: int) -> dict[str, Any]:
    """One row of history from one TRL log call: our names, plain floats, `reward/<name>` for each part."""
    row: dict[str, Any] = {"step": step}
    for key, value in logs.items():
        name = key if key in KEPT or key.startswith("reward/") else RENAMED.get(key)
        if key.startswith("rewards/") and key.endswith("/mean"):
            name = "reward/" + key.split("/")[1]
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
        if self.path is not None and self.path.exists():
            self.rows = read_metrics(self.path)
        self.rows = [r for r in self.rows if r["step"] <= state.global_step]
        if self.path is not None:
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

    bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            done, steps = state.global_step, state.max_steps
            self.bar = tqdm(total=steps, initial=done, desc="GRPO", unit="step", mininterval=0.5)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if self.bar is None or not logs:
            return
        row = tidy(logs, state.global_step)
        told = {name: f"{row[name]:.3g}" for name in ("reward", "parse_rate") if row.get(name) is not None}
        self.bar.set_postfix(told, refresh=False)

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
        flag = torch.tensor([float(self.asked)], device=args.device)
        distributed.all_reduce(flag)
        return bool(flag.item())


def tracking(report_to: Sequence[str], out: str | Path) -> dict[str, Any]:
    """TRL's settings that report to these trackers; none for no tracker.

    Raises TrainingError for an unknown tracker, and MissingExtra for one that is not installed.
    """
    if not report_to:
        return {}
    if unknown := set(report_to) - set(TRACKERS):
        raise TrainingError(f"no tracker {sorted(unknown)[0]!r}; there are {', '.join(TRACKERS)}")
    require(*report_to)
    os.environ.setdefault("WANDB_MODE", "offline")
    os.environ.setdefault("WANDB_DIR", str(out))
    # TRL would print completions too; they are in the tables
    told = {"report_to": list(report_to), "project": "emolab", "run_name": Path(out).parent.name or "run"}
    return told | {"log_completions": True, "num_completions_to_print": 0}


def _pcm(sample: EmotionSample) -> np.ndarray:
    return (np.clip(audio_of(sample), -1, 1) * 32767).astype(np.int16)


class Clips(TrainerCallback):
    """After each step a table `clips`: the sound, the label and the first completion of a few prompts."""

    def __init__(self, report_to: Sequence[str]):
        self.report_to = tuple(report_to)
        self.trainer: Any = None  # an AudioGRPOTrainer, once it is made

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        trainer, main = self.trainer, state.is_world_process_zero
        now = trainer.generation if trainer is not None else None
        if trainer is None or now is None or not (main and self.report_to and "loss" in (logs or {})):
            return
        copies = len(now.texts) // len(now.rows)
        shown = [(trainer.samples[row], now.texts[i * copies]) for i, row in enumerate(now.rows[:SHOWN])]
        heard = [(s, text) for s, text in shown if s.has("audio")]
        for name in self.report_to if heard else ():
            pandas, tracker = import_module("pandas"), import_module(name)
            columns = {
                "step": [state.global_step] * len(heard),
                "id": [sample.id for sample, _ in heard],
                "label": [sample.emotion for sample, _ in heard],
                "completion": [text for _, text in heard],
                "audio": [
                    tracker.Audio(_pcm(sample), caption=sample.id, sample_rate=SAMPLE_RATE) for sample, _ in heard
                ],
            }
            told = {"clips": tracker.Table(dataframe=pandas.DataFrame(columns))}
            if name == "wandb":  # in its tables a sound becomes the word "Audio"
                told["sounds"] = columns["audio"]
            tracker.log(told)
