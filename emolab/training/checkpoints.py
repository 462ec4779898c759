"""Checkpoints of a GRPO run: which are whole, which are kept.

transformers writes a checkpoint in place. When it is done, the trainer waits until the bytes have reached the disk and
writes the list of its files, each with its hash. A folder without that list, or with a file that does not match it,
does not count: a run that is killed at any moment finds the previous checkpoint or the new one.
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

from emolab.files import write_json

STATE = "emolab_state.pt"
WHOLE = "emolab_files.json"
"""Written last into a checkpoint: its files, each with its size and hash."""
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
        return f"{WHOLE} is missing, so that it was not finished"
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return f"{WHOLE} is damaged"
    for name, value in noted.items():
        if not (path / name).is_file():
            return f"{name} is missing"
        if _hash(path / name) != value:
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


def finish_checkpoint(folder: Path, keep: int | None = None) -> None:
    """List a checkpoint's files once their bytes have reached the disk; then remove all but the `keep` newest."""
    written = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in written:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    write_json(folder / WHOLE, {"files": {path.relative_to(folder).as_posix(): _hash(path) for path in written}})
    for path in _checkpoints(folder.parent)[:-keep] if keep else ():
        shutil.rmtree(path)
