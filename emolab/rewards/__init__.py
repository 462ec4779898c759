"""Rewards of the four systems, the rubric that composes them, and the red team that attacks them.

A reward is a function `f(completions, **columns) -> list[float | None]`; see `emolab.rewards.base.Reward`.
"""

from emolab.rewards.base import LinearSchedule, Reward, completion_text
from emolab.rewards.form import Format, Structure
from emolab.rewards.guard import Guarded
from emolab.rewards.labels import ESWR, Accuracy
from emolab.rewards.rubric import Part, Rubric, Scores

Linear = LinearSchedule  # deprecated alias

__all__ = [
    "ESWR", "Accuracy", "Format", "Guarded", "Linear", "LinearSchedule", "Part", "Reward", "Rubric", "Scores",
    "Structure", "completion_text",
]  # fmt: skip
