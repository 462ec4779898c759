"""Rewards of the four systems as TRL callables, the rubric that composes them, and the red team that attacks them."""

from emolab.rewards.base import Reward, completion_text
from emolab.rewards.form import Format, Structure
from emolab.rewards.labels import ESWR, Accuracy
from emolab.rewards.rubric import Part, Rubric, Scores
from emolab.rewards.schedules import Linear

__all__ = ["ESWR", "Accuracy", "Format", "Linear", "Part", "Reward", "Rubric", "Scores", "Structure", "completion_text"]
