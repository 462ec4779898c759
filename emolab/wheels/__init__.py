"""Emotion wheels: our own five and their lexicon, a reader of the official files, and the scores both give."""

from emolab.wheels.model import SETTINGS, WheelSet
from emolab.wheels.official import official_list, read_official
from emolab.wheels.score import WheelScores, hit_rate, jaccard, sample_scores, wheel_scores
from emolab.wheels.shipped import embedded, lexicon, load_wheels

__all__ = [
    "SETTINGS",
    "WheelScores",
    "WheelSet",
    "embedded",
    "hit_rate",
    "jaccard",
    "lexicon",
    "load_wheels",
    "official_list",
    "read_official",
    "sample_scores",
    "wheel_scores",
]
