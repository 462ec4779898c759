"""Figures from results: every function takes tables, arrays or result objects and returns a matplotlib `Figure`.

None of them computes. One file holds one subject (`evaluation`, `training`, `attribution`, …); `style` holds
the colours that all of them share. `emolab.plots.score_bars` and the like are imported when they are first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_HOMES = {
    "attribution": "face_heat modality_bars plot windows_on_wave words_html",
    "evaluation": "confusion_matrix controls score_bars",
    "style": "EMOTION_COLOURS MODALITY_COLOURS colour_of new_figure palette styled",
    "training": "LiveCurves training_curves",
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"emolab.plots.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'emolab.plots' has no attribute {name!r}")


class _Package(ModuleType):
    """This package, which is also the front door's function: `emolab.plot(values)` is `plots.attribution.plot`."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return import_module("emolab.plots.attribution").plot(*arguments, **options)


sys.modules[__name__].__class__ = _Package
