"""The course: set-up of the notebooks, checks of the exercises, and the builder of the notebooks.

`from emolab.course import check, listen, setup` is what a notebook needs; each is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import emolab.course.check as check
    from emolab.course.show import claims_of, listen, show_claim, watch
    from emolab.course.start import Lab, setup

__all__ = ["Lab", "check", "claims_of", "listen", "setup", "show_claim", "watch"]
_HOMES = {"Lab": "start", "setup": "start"} | dict.fromkeys(("claims_of", "listen", "show_claim", "watch"), "show")


def __getattr__(name: str) -> Any:
    if name == "check":
        return import_module("emolab.course.check")
    if name in _HOMES:
        return getattr(import_module(f"emolab.course.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'emolab.course' has no attribute {name!r}")
