"""Checkpoints that are either whole or absent, and that hold everything a resumed run needs to continue exactly.

Exactly means, on a CPU with one thread: the same metrics and weights to the last bit as a run that was not interrupted,
in float32, under bf16 autocast and with bf16 weights (`tests/training/test_resume.py`). With two threads sums may be
taken in another order in another process; a difference of 1e-7 in the gradient norm was seen. On a GPU kernels that add
in any order may differ more; nothing was measured there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from emolab.errors import TrainingError
from emolab.files import write_json

PARTIAL = ".writing"
STATE = "emolab_state.pt"
WHOLE = "emolab_files.json"
"""Written last into a checkpoint: its files, each with its size and hash."""
NEEDED = ("trainer_state.json", "optimizer.pt", "scheduler.pt", f"0.{STATE}")
log = logging.getLogger("emolab.training")


def last_checkpoint(folder: str | Path) -> Path | None:
    """The newest whole checkpoint in a run's folder, or None where there is none.

    A checkpoint that lacks a file, or whose bytes are not those that were written, is passed over with a warning that
    names the file, and the older one that is kept is taken.
    """
    found = _checkpoints(Path(folder))
    for path in reversed(found):
        if (fault := _fault(path)) is None:
            return path
        log.warning("%s: %s; an older checkpoint is looked for", path, fault)
    if found:
        log.warning("%s: no whole checkpoint is left; this stage starts from its first step", folder)
    return None


def _checkpoints(folder: Path) -> list[Path]:
    """Folders called checkpoint-STEP, oldest first. Others, such as checkpoint-best, are somebody's own."""
    found = [p for p in folder.glob("checkpoint-*") if p.is_dir() and p.name.removeprefix("checkpoint-").isdecimal()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("checkpoint-")))


def _fault(path: Path) -> str | None:
    """What is missing or damaged in a checkpoint; None where it is whole."""
    try:
        files = json.loads((path / WHOLE).read_text(encoding="utf-8"))["files"]
        noted = {str(name): str(value) for name, value in files.items()}
    except FileNotFoundError:
        noted = dict.fromkeys(NEEDED, "")  # written before checkpoints listed their files
        if not any(path.glob("*.safetensors")):
            return "it holds no weights"
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return f"{WHOLE} is damaged"
    for name, value in noted.items():
        if not (path / name).is_file():
            return f"{name} is missing"
        if value and _hash(path / name) != value:
            return f"{name} is damaged"
    return None


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


@contextmanager
def without_base_name(model: Any) -> Iterator[None]:
    """Hide the base model's name from PEFT, which else asks the hub about it whenever an adapter is saved."""
    configs = list(getattr(model, "peft_config", {}).values())
    names = [config.base_model_name_or_path for config in configs]
    for config in configs:
        config.base_model_name_or_path = None
    try:
        yield
    finally:
        for config, name in zip(configs, names, strict=True):
            config.base_model_name_or_path = name


class AtomicCheckpoints:
    """Mix-in for a `trl.GRPOTrainer`.

    A checkpoint is written under `.writing/` and renamed when complete, so a kill at any moment leaves the previous
    one or the new one. Beside what transformers saves, it holds the position inside a generation (`_step`), the
    completions that are still to be reused (`num_iterations`, `steps_per_generation` > 1) and metrics not yet
    logged.
    """

    args: Any
    state: Any
    accelerator: Any
    model: Any
    _step: int
    _buffered_inputs: Any
    _metrics: Any
    _writing = False

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """None is written: TRL's card describes a hub model."""

    def _get_output_dir(self, trial: Any) -> str:
        folder: str = super()._get_output_dir(trial)  # type: ignore[misc]
        return str(Path(folder) / PARTIAL) if self._writing else folder

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        final = Path(self._get_output_dir(trial)) / f"checkpoint-{self.state.global_step}"
        partial = final.parent / PARTIAL / final.name
        if self.accelerator.is_main_process:
            shutil.rmtree(partial.parent, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self._writing = True
        try:
            with without_base_name(self.accelerator.unwrap_model(self.model)):
                super()._save_checkpoint(model, trial)  # type: ignore[misc]
        finally:
            self._writing = False
        torch.save(
            {"step": self._step, "buffer": self._buffered_inputs, "metrics": dict(self._metrics["train"])},
            partial / f"{self.accelerator.process_index}.{STATE}",
        )
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            _publish(partial, final)
            _rotate(final.parent, self.args.save_total_limit)
        self.accelerator.wait_for_everyone()

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
        if checkpoint is None:
            return
        path = Path(checkpoint) / f"{self.accelerator.process_index}.{STATE}"
        if not path.is_file():
            raise TrainingError(
                f"{checkpoint}: no {path.name}; this checkpoint was not written by this trainer, or by a run with "
                "fewer processes"
            )
        saved = torch.load(path, map_location=self.accelerator.device, weights_only=True)
        self._step, self._buffered_inputs = saved["step"], saved["buffer"]
        for name, values in saved["metrics"].items():
            self._metrics["train"][name] = values


def _publish(partial: Path, final: Path) -> None:
    """List a finished checkpoint's files, and rename it into place after its bytes have reached the disk."""
    written = [path for path in sorted(partial.rglob("*")) if path.is_file()]
    for path in written:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    write_json(partial / WHOLE, {"files": {str(p.relative_to(partial)): _hash(p) for p in written}})
    if final.exists():
        shutil.rmtree(final)
    partial.rename(final)
    partial.parent.rmdir()


def _rotate(folder: Path, limit: int | None) -> None:
    if limit is not None:
        for path in _checkpoints(folder)[:-limit]:
            shutil.rmtree(path)
