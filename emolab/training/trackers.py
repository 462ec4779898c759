"""Trackers of a run: TRL's `report_to` with trackio or wandb, completions and clips as tables, on this machine.

trackio keeps its data in a folder, and sends it nowhere unless TRACKIO_SPACE_ID names a place. wandb is set to offline
unless WANDB_MODE says otherwise; `wandb sync` uploads a run later.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from transformers import TrainerCallback

from emolab.errors import TrainingError
from emolab.extras import require
from emolab.media import SAMPLE_RATE, audio_of

if TYPE_CHECKING:
    from emolab.samples import EmotionSample
    from emolab.training.grpo import AudioGRPOTrainer

TRACKERS = ("trackio", "wandb")
SHOWN = 4
"""Clips that the table of a step has, at most."""


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
        self.trainer: AudioGRPOTrainer | None = None

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        now = self.trainer.generation if self.trainer is not None else None
        if not self.report_to or now is None or not state.is_world_process_zero or "loss" not in (logs or {}):
            return
        assert self.trainer is not None
        copies = len(now.texts) // len(now.rows)
        shown = [(self.trainer.samples[row], now.texts[i * copies]) for i, row in enumerate(now.rows[:SHOWN])]
        heard = [(s, text) for s, text in shown if s.audio is not None or "waveform" in s.extra]
        for name in self.report_to if heard else ():
            tracker: Any = import_module(name)
            columns = {
                "step": [state.global_step] * len(heard),
                "id": [sample.id for sample, _ in heard],
                "label": [sample.emotion for sample, _ in heard],
                "completion": [text for _, text in heard],
                "audio": [tracker.Audio(_pcm(sample), sample_rate=SAMPLE_RATE) for sample, _ in heard],
            }
            tracker.log({"clips": tracker.Table(dataframe=pd.DataFrame(columns))})
