"""Rewards of the four systems, the rubric that composes them, and the red team that attacks them.

A reward is a function `f(completions, **columns) -> list[float | None]`; see `emolab.rewards.base.Reward`.
"""

from emolab.rewards.base import LinearSchedule, Reward, completion_text
from emolab.rewards.form import Format, Structure
from emolab.rewards.guard import Guarded
from emolab.rewards.labels import ESWR, Accuracy
from emolab.rewards.rubric import Part, Rubric, Scores
from emolab.rewards.shipped import RUBRICS, register_rubric
from emolab.rewards.source import load_reward, reward_identity

__all__ = [
    "ESWR", "RUBRICS", "Accuracy", "Format", "Guarded", "LinearSchedule", "Part", "Reward", "Rubric", "Scores",
    "Structure", "completion_text", "load_reward", "register_rubric", "reward_identity",
]  # fmt: skip
