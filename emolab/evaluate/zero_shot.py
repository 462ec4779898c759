"""What a model can do before any training: its answers, its label scores, the controls, and a classical baseline."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from emolab.baselines import classical_baseline
from emolab.evaluate.controls import possible_controls
from emolab.evaluate.results import numbers
from emolab.evaluate.run import evaluate
from emolab.prompts import Prompt, get_prompt
from emolab.samples import Corpus

if TYPE_CHECKING:
    from emolab.lalm.base import LALM

log = logging.getLogger("emolab.evaluate")
VOICE_CONTROLS = ("silent", "swapped", "shuffled")


def zero_shot(
    model: LALM,
    test: Corpus,
    prompt: Prompt | str = "direct",
    seed: int = 0,
    controls: bool = True,
    train: Corpus | None = None,
    long_clips: str = "window",
) -> dict[str, Any]:
    """Score a model as it comes on `test`, whose labels are asked for.

    Returns the result of `evaluate` for written answers, and beside it `labels` (label scores under each calibration),
    `label_bias`, `controls` (the same with the voice taken away), and `baseline` (prosodic features and logistic
    regression fitted on `train`; None without it).
    """
    asked = get_prompt(prompt) if isinstance(prompt, str) else prompt
    asked = asked.with_labels(test.labels)
    result = evaluate(model, test, asked, seed, long_clips=long_clips)
    scored = evaluate(model, test, asked, seed, mode="labels", long_clips=long_clips)
    baseline = None
    if train is not None:
        baseline = numbers(classical_baseline(train, test, seed, labels=test.labels))
    return result | {
        "labels": scored["info"]["by_calibration"],
        "label_bias": scored["info"]["label_bias"],
        "controls": {
            kind: numbers(evaluate(model, test, asked, seed, control=kind, long_clips=long_clips))
            for kind in possible_controls(list(test), VOICE_CONTROLS if controls else (), seed, log.warning)
        },
        "baseline": baseline,
    }
