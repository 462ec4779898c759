"""Audio and omni language models behind one small interface.

>>> from emolab.lalm import load_model
>>> lalm = load_model("tiny-omni")
>>> batch = lalm.encode(samples, PROMPTS["direct"])
>>> lalm.generate(batch, n=4).texts
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emolab.extras import require, tell_nobody

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.lalm.batch import Completions, PromptBatch, Span
    from emolab.lalm.load import load_model

tell_nobody()
require("torch", "transformers")

__all__ = ["LALM", "Completions", "PromptBatch", "Span", "load_model"]

_HOMES = {"LALM": "base", "Completions": "batch", "PromptBatch": "batch", "Span": "batch", "load_model": "load"}


def __getattr__(name: str) -> Any:
    """Import on first use: torch and transformers take seconds."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
