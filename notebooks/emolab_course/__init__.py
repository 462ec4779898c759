"""The course: set-up of the notebooks, checks of the exercises, and the builder of the notebooks.

`from emolab_course import check, listen, setup` is what a notebook needs; each is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import emolab_course.check as check
    import emolab_course.figures as figures
    import emolab_course.ledger as ledger
    from emolab_course.broken import broken_answers, broken_curves
    from emolab_course.check import hint
    from emolab_course.demos import (
        ask,
        between_share,
        blind_clips,
        credit_table,
        expert_words,
        lazy_scores,
        one_of_each,
        own_clips,
        reward_trend,
        shared_between_splits,
        split_scores,
        spoiled_captions,
        steady_pitch,
        verdict,
    )
    from emolab_course.inside import adapted_layer, code_book_errors, positions_picture
    from emolab_course.lessons import at_most
    from emolab_course.pictures import caption_bars, cue_hits, evidence_slopes, face_test, share_bars
    from emolab_course.quizzes import quiz
    from emolab_course.same_step import trainers_step
    from emolab_course.short_run import practice
    from emolab_course.show import claims_of, road_map, show_claim
    from emolab_course.start import Lab, setup
    from emolab_course.widgets.players import listen, watch

_HOMES = {
    "broken": "broken_answers broken_curves",
    "check": "hint",
    "demos": (
        "ask between_share blind_clips credit_table expert_words lazy_scores one_of_each own_clips reward_trend "
        "shared_between_splits split_scores spoiled_captions steady_pitch verdict"
    ),
    "inside": "adapted_layer code_book_errors positions_picture",
    "lessons": "at_most",
    "same_step": "trainers_step",
    "show": "claims_of road_map show_claim",
    "quizzes": "quiz",
    "pictures": "caption_bars cue_hits evidence_slopes face_test share_bars",
    "short_run": "practice",
    "start": "Lab setup",
}
_MODULES = {name: f"emolab_course.{module}" for module, names in _HOMES.items() for name in names.split()}
_MODULES |= dict.fromkeys(("listen", "watch"), "emolab_course.widgets.players")

__all__ = [
    "Lab",
    "adapted_layer",
    "ask",
    "at_most",
    "between_share",
    "blind_clips",
    "broken_answers",
    "broken_curves",
    "caption_bars",
    "check",
    "claims_of",
    "code_book_errors",
    "credit_table",
    "cue_hits",
    "evidence_slopes",
    "expert_words",
    "face_test",
    "figures",
    "hint",
    "lazy_scores",
    "ledger",
    "listen",
    "one_of_each",
    "own_clips",
    "positions_picture",
    "practice",
    "quiz",
    "reward_trend",
    "road_map",
    "setup",
    "share_bars",
    "shared_between_splits",
    "show_claim",
    "split_scores",
    "spoiled_captions",
    "steady_pitch",
    "trainers_step",
    "verdict",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name in ("check", "figures", "ledger"):
        return import_module(f"emolab_course.{name}")
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'emolab_course' has no attribute {name!r}")
