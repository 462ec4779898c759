"""The one switch of the accelerated paths."""

from __future__ import annotations

import os

VARIABLE = "EMOLAB_ACCEL"


def enabled() -> bool:
    """Whether the accelerated paths are taken: unless `EMOLAB_ACCEL` is 0."""
    return os.environ.get(VARIABLE, "1") != "0"
