"""A tiny random model and a corpus of noise that states its carriers, for the tests of this folder."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from emolab.emotions import EMOTIONS
from emolab.prompts import PROMPTS
from emolab.samples import Corpus

PROMPT = PROMPTS["direct"]
CONDITIONS = {"A": ("audio",), "T": ("text",), "V": ("video",), "AV": ("audio", "video"), "A>T": ("audio",)}


@cache
def model(family: str = "qwen2_5_omni") -> Any:
    from benchmarks.tiny_models import tiny_random

    return tiny_random(family)


@cache
def corpus(n: int = 20, frames: int = 4) -> Corpus:
    """Noise of 1 s with faces of noise; half of it "train", half "test"; conditions and emotions cycle."""
    from benchmarks.tiny_models import noise_samples

    samples = []
    for i, sample in enumerate(noise_samples(n, (1.0,), frames)):
        condition = list(CONDITIONS)[i % len(CONDITIONS)]
        extra = sample.extra | {
            "condition": condition,
            "carriers": list(CONDITIONS[condition]),
            "distractors": ["text"] if condition == "A>T" else [],
        }
        split = "train" if i < n // 2 else "test"
        samples.append(replace(sample, emotion=EMOTIONS[i % 7], speaker=f"{split}{i % 3}", split=split, extra=extra))
    return Corpus(Path(), samples, "noise")
