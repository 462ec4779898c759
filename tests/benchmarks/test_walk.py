"""`emolab bench walk`, small: every method, its controls, and the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks import walk
from emolab.emotions import EMOTIONS
from emolab.samples import Corpus, EmotionSample

SMALL: dict[str, Any] = {
    "cold_per_label": 1,
    "cold_epochs": 0.2,
    "steps": 1,
    "prompts_per_step": 2,
    "group_size": 2,
    "max_new_tokens": 4,
    "sft_epochs": 0.1,
    "lora_rank": 2,
}


def test_the_walk_from_a_model_to_its_table(tmp_path: Path) -> None:
    from benchmarks.tiny_models import tiny_random

    model = str(tiny_random(seed=0).save(tmp_path / "model"))
    rng, samples = np.random.default_rng(0), []
    for split, count in (("train", 3), ("test", 2)):
        for i, emotion in enumerate(e for e in EMOTIONS for _ in range(count)):
            name = f"{split}-{i}.wav"
            soundfile.write(tmp_path / name, (rng.standard_normal(8000) * 0.1).astype(np.float32), 16_000)
            sample = EmotionSample(name, name, text="so", emotion=emotion, split=split, speaker=f"{split}{i % 3}")
            samples.append(replace(sample, extra={"domain": "a"}))
    corpus = Corpus(tmp_path, samples, "noise")
    runs = [walk.measure(corpus, seed, tmp_path / f"seed-{seed}", model=model, **SMALL) for seed in (0, 1)]
    assert walk.measure(corpus, 0, tmp_path / "seed-0", model=model, **SMALL) == runs[0], "read, not made again"
    rows = walk.summary(runs, runs[1:])
    assert [row["name"] for row in rows] == [name for _, name in walk.ROWS]
    assert all(0 <= row["ua"] <= 1 for row in rows) and rows[-1]["silent"] is not None
    assert rows[-1]["ua_by_corpus"] == [run["grpo"]["ua"] for run in runs] and rows[-1]["ua_corpus_sd"] is not None
    assert walk.summary(runs)[-1]["ua_corpus_sd"] is None, "one corpus has no spread"
    result = {"rows": rows, "seeds": [0, 1], "corpora": [1], "n": runs[0]["n"]}
    assert walk.table(result).count("\n|") == len(rows) + 1
