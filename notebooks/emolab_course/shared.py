"""Class mode: the embedded corpora made once, in a folder that all learners read and nobody writes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from emolab_synth.embedded import embedded_corpus

SIZES = ("smoke", "course", "omni")


def share_corpora(folder: Path, sizes: tuple[str, ...] = SIZES) -> list[Path]:
    """Make the corpora of these sizes in `folder`, take away the right to write there, and return their folders."""
    folder.mkdir(parents=True, exist_ok=True)
    _writable(folder, True)
    before = os.environ.get("EMOLAB_BUILD")
    os.environ["EMOLAB_BUILD"] = str(folder)
    try:
        made = [embedded_corpus(size).root for size in sizes]
    finally:
        del os.environ["EMOLAB_BUILD"]
        if before is not None:
            os.environ["EMOLAB_BUILD"] = before
    _writable(folder, False)
    return made


def _writable(folder: Path, yes: bool) -> None:
    for path in [folder, *folder.rglob("*")]:
        mode = path.stat().st_mode
        path.chmod(mode | stat.S_IWUSR if yes else mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
