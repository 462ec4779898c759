"""Every recipe through the GPU profiles' code path, on small random instances of the real classes, on the CPU.

What differs on a GPU is the model, the batch and the number of steps; what is run here is the same code with a random
Qwen2-Audio and Qwen2.5-Omni, in 4 bits, and the settings that the profile gives.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from emolab.emotions import EMOTIONS
from emolab.lalm.checkpoint import load_checkpoint
from emolab.profiles import PROFILES
from emolab.recipes import RECIPES, get_recipe
from emolab.samples import Corpus

FAMILIES = {"qwen2_audio": "gpu-24gb", "qwen2_5_omni": "gpu-16gb"}
SMALL = {"cold_per_label": 1, "cold_epochs": 0.5, "sft_epochs": 0.1, "lora_rank": 2, "test_per_label": 1}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """A function that gives the folder of a small random model of a family."""
    from benchmarks.tiny_models import tiny_random

    folders: dict[str, str] = {}

    def folder(family: str) -> str:
        if family not in folders:
            made = tmp_path_factory.mktemp(family)
            folders[family] = str(tiny_random(family, seed=0).save(made))
        return folders[family]

    return folder


@pytest.fixture(scope="module")
def seen_and_heard(noise_corpus: Corpus) -> Corpus:
    """The corpus of noise with a face, words and a caption in every row."""
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 256, 3), np.uint8)).save(noise_corpus.root / "f.png")
    caption = (
        "The speaker feels {0}. One hears a low, flat voice, dark and slow. The brows are raised, the eyes open, the "
        "nose smooth, the mouth corners level, the lips relaxed and the mouth closed. The words are neutral."
    )
    samples = [
        replace(
            s,
            video="f.png",
            words=(str(s.emotion),),
            caption=caption.format(s.emotion),
            parts={
                "voice": "a low, flat voice, dark and slow",
                "face": "the brows are raised",
                "words": "the words are neutral",
                "feeling": f"the speaker feels {s.emotion}",
            },
            extra={"domain": "a", "carriers": ["audio"], "condition": "A", "fps": 4.0},
        )
        for s in noise_corpus
    ]
    return Corpus(noise_corpus.root, samples, "noise")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_runs_on_a_large_model_s_classes(
    name: str, family: str, saved: Callable[[str], str], seen_and_heard: Corpus, tmp_path: Path
) -> None:
    recipe_class = get_recipe(name)
    profile = replace(
        PROFILES[FAMILIES[family]], model=saved(family), steps=1, prompts_per_step=2, group_size=2, max_new_tokens=6
    )
    recipe = recipe_class.for_profile(profile, **SMALL)
    said: list[str] = []
    result = recipe.run(seen_and_heard, tmp_path, controls=False, progress=False, say=said.append)
    assert result["settings"]["quantise"] == "nf4" and result["last_step"]["step"] == 1
    for stage in ("zero_shot", "sft", "cold_start", "grpo"):
        assert recipe.metric in result[stage] and result[stage]["n"] == len(EMOTIONS), stage
    lost = "video" in recipe_class.for_profile(profile).modalities and family == "qwen2_audio"
    assert any("takes no video" in line for line in said) == lost
    lalm, info = load_checkpoint(tmp_path / "grpo")
    assert info["recipe"] == name and type(lalm).__name__ == {"qwen2_audio": "Qwen2Audio"}.get(family, "Qwen25Omni")
    assert json.loads((tmp_path / "result.json").read_text())["grpo"] == result["grpo"]


@pytest.mark.parametrize("name", RECIPES)
def test_predict_takes_any_recipe_s_checkpoint(
    name: str, saved: Callable[[str], str], seen_and_heard: Corpus, tmp_path: Path
) -> None:
    from emolab.evaluate.inputs import read_model
    from emolab.evaluate.predict import predict

    recipe_class = get_recipe(name)
    small: dict[str, Any] = {**SMALL, "model": saved("qwen2_5_omni"), "max_new_tokens": 6}
    recipe = recipe_class(**small)
    options = {"baseline": False, "zero_shot": False, "grpo": False, "controls": False, "elsewhere": False}
    recipe.run(seen_and_heard, tmp_path, progress=False, **options)
    lalm, prompt = read_model(checkpoint=tmp_path / "cold_start")
    assert prompt.id == recipe.prompt().id and prompt.modalities == recipe.modalities
    row = predict(lalm, seen_and_heard.root / str(seen_and_heard[0].audio), prompt=prompt, max_new_tokens=6)
    assert row["label"] in EMOTIONS and sum(row["distribution"].values()) == pytest.approx(1)
    assert ("words" in row) == (prompt.style in ("words", "caption")) and ("caption" in row) == (name == "mecap-r1")
