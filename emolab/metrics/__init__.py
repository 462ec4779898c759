"""Scores of emotion recognition and captioning, each with its convention, and bootstrap intervals for all of them."""

from emolab.metrics.bootstrap import bootstrap_ci
from emolab.metrics.captions import (
    bleu,
    caption_notes,
    caption_table,
    cider,
    distinct,
    emotion_f1,
    rouge_l,
    vocabulary_size,
)
from emolab.metrics.classification import (
    confusion,
    expected_calibration_error,
    macro_f1,
    parse_rate,
    sentiment_f1,
    sentiment_of,
    unweighted_accuracy,
    weighted_accuracy,
    weighted_f1,
)
from emolab.wheels.score import hit_rate, jaccard, sample_scores, wheel_scores

__all__ = [
    "bleu", "bootstrap_ci", "caption_notes", "caption_table", "cider", "confusion", "distinct", "emotion_f1",
    "expected_calibration_error", "hit_rate", "jaccard", "macro_f1", "parse_rate", "rouge_l", "sample_scores",
    "sentiment_f1", "sentiment_of", "unweighted_accuracy", "vocabulary_size", "weighted_accuracy", "weighted_f1",
    "wheel_scores",
]  # fmt: skip
