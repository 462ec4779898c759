"""Plain weights give what the layers give."""

from __future__ import annotations

import pytest
import torch
from training_helpers import PROMPT, samples, small_lalm

from emolab.lalm import Completions
from emolab.lalm.quantise import add_lora, quantise_model
from emolab.lalm.testing import tiny_random
from emolab.training.merged import merged_adapters


@pytest.mark.parametrize("bits", [32, 4])
def test_merged_layers_compute_the_same(bits: int) -> None:
    lalm = small_lalm() if bits == 32 else add_lora(quantise_model(tiny_random()), rank=4)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in lalm.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.05)
    batch = lalm.encode(samples(2), PROMPT)
    answers = Completions.from_texts(lalm.tokenizer, [["happy sad", "no"], ["angry", "yes now"]])
    with torch.no_grad():
        plain = lalm.logprobs(batch, answers)
        with merged_adapters(lalm.model) as merged:
            assert merged
            inside = lalm.logprobs(batch, answers)
        after = lalm.logprobs(batch, answers)
    assert (plain - inside).abs().max() < 2e-5 and torch.equal(plain, after)


def test_left_alone_when_large_off_or_without_adapters() -> None:
    lalm = small_lalm()
    with merged_adapters(lalm.model, limit=10) as merged:
        assert not merged
    with lalm.reference(), merged_adapters(lalm.model) as merged:
        assert not merged
    with merged_adapters(tiny_random().model) as merged:
        assert not merged


def test_layers_are_given_back_after_an_error() -> None:
    lalm = small_lalm()
    with pytest.raises(RuntimeError), merged_adapters(lalm.model):
        raise RuntimeError
    assert not any("forward" in m.__dict__ for m in lalm.model.modules() if "lora" in type(m).__module__)
