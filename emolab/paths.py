"""Where things that can be made again are kept."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def build_folder() -> Path:
    """Folder for everything that can be made again: `EMOLAB_BUILD`, or `build/` of a checkout, or the user's cache."""
    if named := os.environ.get("EMOLAB_BUILD"):
        return Path(named)
    if (CHECKOUT / "pyproject.toml").is_file():
        return CHECKOUT / "build"
    from platformdirs import user_cache_path

    return user_cache_path("emolab")
