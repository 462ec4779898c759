"""What the task files call: the question, the voice of each twin, and the scores, read and counted by emolab.

Needs emolab's light core beside lmms-eval 0.7: no torch, no transformers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Doc = dict[str, Any]


def question(doc: Doc, lmms_eval_specific_kwargs: dict[str, str] | None = None) -> str:
    """The words of the prompt, as `emolab evaluate` asks them, between what a model's task settings put around."""
    around = lmms_eval_specific_kwargs or {}
    return around.get("pre_prompt", "") + doc["question"] + around.get("post_prompt", "")


def _sound(wave: np.ndarray) -> list[Doc]:
    from emolab.media.audio import SAMPLE_RATE

    return [{"array": wave, "sampling_rate": SAMPLE_RATE}]


def voice(doc: Doc) -> list[Doc]:
    """The clip's own voice, 16 kHz."""
    from emolab.media import load_audio

    return _sound(load_audio(doc["audio"]))


def silent(doc: Doc) -> list[Doc]:
    """Two seconds of silence, the same for every clip: what a model answers without listening."""
    from emolab.evaluate.controls import silence

    return _sound(silence())


def swapped(doc: Doc) -> list[Doc]:
    """The voice of another speaker in another emotion: a model that listens falls below chance."""
    from emolab.media import load_audio

    return _sound(load_audio(doc["swapped"]))


def scored(doc: Doc, results: list[str]) -> Doc:
    """The row of a result for each metric: the gold label, the answer as emolab's parser reads it, the speaker."""
    from emolab.parsing import parse_label

    labels = label_set_of(doc)
    row = {
        "id": doc["id"],
        "gold": doc["gold"],
        "predicted": parse_label(results[0], labels),
        "speaker": doc["speaker"],
        "labels": list(labels),
    }
    return dict.fromkeys(("ua", "wa", "weighted_f1", "parse_rate", "ua_over_chance"), row)


def label_set_of(doc: Doc) -> Any:
    """The labels that a row was asked with: a known set by name, or its own list."""
    from emolab.emotions import LABEL_SETS, label_set

    return LABEL_SETS.get(doc["label_set"]) or label_set(doc["labels"])


def _summary(rows: list[Doc]) -> Doc:
    from emolab.evaluate.results import summarise

    return summarise(rows, n_boot=1, labels=rows[0]["labels"])


def ua(rows: list[Doc]) -> float:
    """Unweighted accuracy (mean recall over the labels that occur)."""
    return _summary(rows)["ua"]


def wa(rows: list[Doc]) -> float:
    """Weighted accuracy (share of right answers)."""
    return _summary(rows)["wa"]


def weighted_f1(rows: list[Doc]) -> float:
    """F1 weighted by how often a label occurs."""
    return _summary(rows)["weighted_f1"]


def parse_rate(rows: list[Doc]) -> float:
    """Share of answers that name exactly one of the labels."""
    return _summary(rows)["parse_rate"]


def ua_over_chance(rows: list[Doc]) -> float:
    """Unweighted accuracy minus that of a guess: compare it between a task and its silent twin."""
    result = _summary(rows)
    return result["ua"] - result["chance"]
