"""Files of tensors: written whole or not at all, and read back by split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


def save(content: Any, path: Path) -> Path:
    """Write `content` to `path` atomically."""
    scratch = path.with_suffix(".tmp")
    torch.save(content, scratch)
    scratch.replace(path)
    return path


def load(folder: Path, split: str) -> list[dict[str, Any]]:
    """All rows of the shards of a split, in the order of their names."""
    return [row for path in sorted(folder.glob(f"{split}-*.pt")) for row in torch.load(path, weights_only=True)]
