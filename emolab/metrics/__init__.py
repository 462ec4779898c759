"""Scores of emotion recognition and captioning, each with its convention, and bootstrap intervals for all of them."""

from emolab.metrics.bootstrap import bootstrap_ci
from emolab.metrics.classification import (
    accuracy_table,
    confusion,
    macro_f1,
    parse_rate,
    unweighted_accuracy,
    weighted_accuracy,
    weighted_f1,
)

__all__ = ["accuracy_table", "bootstrap_ci", "confusion", "macro_f1", "parse_rate", "unweighted_accuracy",
           "weighted_accuracy", "weighted_f1"]
