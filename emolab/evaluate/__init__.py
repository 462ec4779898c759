"""Evaluation: zero-shot and trained models, label scoring, controls, the classical baseline beside them, and result
files.
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from emolab.evaluate.asking import Asked, ask, batches, generate_texts
from emolab.evaluate.calibration import CALIBRATIONS, calibrate, content_free_scores, label_bias, log_posterior
from emolab.evaluate.captions import evaluate_captions
from emolab.evaluate.controls import CONTROLS, apply_control, donors_for
from emolab.evaluate.results import KEYS, numbers, provenance, read_result, summarise, write_result
from emolab.evaluate.run import MODES, evaluate, gold_labels, usable_samples
from emolab.evaluate.words import evaluate_words
from emolab.prompts import Prompt

__all__ = [
    "CALIBRATIONS", "CONTROLS", "KEYS", "MODES", "Asked", "apply_control", "ask", "batches", "calibrate",
    "content_free_scores", "donors_for", "evaluate", "generate_texts", "gold_labels", "label_bias", "log_posterior",
    "numbers", "provenance", "read_result", "summarise", "usable_samples", "write_result",
]  # fmt: skip

BY_STYLE: dict[str, Callable[..., dict[str, Any]]] = {"words": evaluate_words, "caption": evaluate_captions}


def evaluation_of(prompt: Prompt) -> Callable[..., dict[str, Any]]:
    """The evaluation that fits a prompt's style: `evaluate_words`, `evaluate_captions` or `evaluate`.

    All take (lalm, corpus, prompt) and the options `emolab.evaluate.asking.AskOptions`.
    """
    return BY_STYLE.get(prompt.style, evaluate)


class _Package(ModuleType):
    """This package, which is also the front door's function: `emolab.evaluate(model, corpus)` is `evaluate`."""

    def __call__(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        return evaluate(*arguments, **options)


sys.modules[__name__].__class__ = _Package
