"""A trained model on disk: its adapters, and beside them a note of what it was trained to answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emolab.errors import ModelError
from emolab.files import read_json, write_json
from emolab.lalm import LALM
from emolab.lalm.load import local
from emolab.profiles import profile

INFO = "emolab.json"
"""The note. It is written last, so a folder that holds it is complete."""


def save_checkpoint(folder: str | Path, lalm: LALM, info: Mapping[str, Any]) -> Path:
    """Write the adapters and then `info`: "model", "quantise", "prompt", "modalities", "labels" and what else a recipe
    notes. `load_checkpoint` and `--checkpoint` read the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lalm.save(folder)
    write_json(folder / INFO, dict(info) | ({"use_audio_in_video": True} if lalm.use_audio_in_video else {}))
    return folder


def is_checkpoint(folder: str | Path) -> bool:
    """Whether a folder holds a complete checkpoint."""
    return (Path(folder) / INFO).is_file()


def checkpoint_info(folder: str | Path) -> dict[str, Any]:
    """What a checkpoint notes of itself. Raises ModelError where the folder is no checkpoint or the note is damaged."""
    path = Path(folder) / INFO
    if not path.is_file():
        raise ModelError(f"{folder}: no {INFO}; expected a folder that `emolab train` wrote, such as OUT/grpo")
    info = read_json(path, "the note of a checkpoint", ModelError)
    if not isinstance(info.get("model"), str):
        raise ModelError(f"{path}: does not name the model that its adapters belong to; train it again")
    return info


def load_checkpoint(folder: str | Path) -> tuple[LALM, dict[str, Any]]:
    """The model of a checkpoint with its adapters, ready to answer, and its note.

    Raises ModelError where the folder is no checkpoint, or its adapters do not fit the model that it names.
    """
    folder = local(folder)
    info = checkpoint_info(folder)
    merged = (Path(folder) / "config.json").is_file()  # by `emolab export`
    adapted: dict[str, Any] = {"quantise": info.get("quantise") or "none", "adapter": Path(folder)}
    lalm = profile().load(folder, quantise="none") if merged else profile().load(info["model"], **adapted)
    lalm.use_audio_in_video = bool(info.get("use_audio_in_video"))
    return lalm, info
