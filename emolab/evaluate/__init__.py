"""Evaluation: zero-shot and trained models, label scoring, controls, the classical baseline beside them, and result
files.
"""

from emolab.evaluate.calibration import CALIBRATIONS, calibrate, content_free_scores, label_bias, log_posterior
from emolab.evaluate.controls import CONTROLS, apply_control, donors_for
from emolab.evaluate.results import KEYS, numbers, provenance, read_result, summarise, write_result
from emolab.evaluate.run import MODES, batches, evaluate, usable_samples

__all__ = [
    "CALIBRATIONS",
    "CONTROLS",
    "KEYS",
    "MODES",
    "apply_control",
    "batches",
    "calibrate",
    "content_free_scores",
    "donors_for",
    "evaluate",
    "label_bias",
    "log_posterior",
    "numbers",
    "provenance",
    "read_result",
    "summarise",
    "usable_samples",
    "write_result",
]
