"""A random model in a folder, and a corpus of noise with labels and captions."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from emolab.emotions import EMOTIONS
from emolab.samples import Corpus, EmotionSample


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a tiny random Qwen2.5-Omni."""
    from benchmarks.tiny_models import tiny_random

    return str(tiny_random(seed=0).save(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="session")
def noise_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Three training and two test clips of each emotion, half a second of noise each, written to disk."""
    root, rng, samples = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0), []
    (root / "audio").mkdir()
    for split, count in (("train", 3), ("test", 2)):
        for i, emotion in enumerate(e for e in EMOTIONS for _ in range(count)):
            name = f"audio/{split}-{i}.wav"
            soundfile.write(root / name, (rng.standard_normal(8000) * 0.1).astype(np.float32), 16_000)
            samples.append(
                EmotionSample(
                    f"{split}-{i}",
                    name,
                    text="the train leaves at nine",
                    emotion=emotion,
                    split=split,
                    speaker=f"{split}{i % 3}",
                    words=(emotion,),
                    caption="The speaker has a low, flat voice, slow and quiet. The words are neutral.",
                    parts={"voice": "a low, flat voice, slow and quiet", "words": "the words are neutral"},
                )
            )
    corpus = Corpus(root, samples, "noise")
    corpus.write(root / "table.jsonl")
    return corpus
