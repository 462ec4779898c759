"""Emotion wheels: our own five and their lexicon, and the scores that they and the official ones give."""

from emolab.wheels.model import SETTINGS, WheelSet
from emolab.wheels.score import hit_rate, jaccard, sample_scores, wheel_scores
from emolab.wheels.shipped import embedded, load_wheels

__all__ = [
    "SETTINGS",
    "WheelSet",
    "embedded",
    "hit_rate",
    "jaccard",
    "load_wheels",
    "sample_scores",
    "wheel_scores",
]
