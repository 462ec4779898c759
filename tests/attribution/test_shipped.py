"""The adapters that the notebooks on attribution explain."""

from __future__ import annotations

import pytest
import torch

from emolab.evaluate.inputs import read_model
from emolab.lalm.tiny import shipped_adapter
from emolab.prompts import PROMPTS


@pytest.mark.parametrize("stage", ["cold_start", "grpo"])
def test_r1_omni_before_and_after_training_loads_and_asks_for_reasons_about_all_modalities(stage):
    lalm, prompt = read_model(None, shipped_adapter("r1-omni", stage))
    assert prompt.id == PROMPTS["free"].id and prompt.modalities == ("audio", "video", "text")
    adapters = [p for name, p in lalm.model.named_parameters() if "lora_B" in name]
    assert adapters and all(p.dtype == torch.float32 and p.abs().max() > 0 for p in adapters)
