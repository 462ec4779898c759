"""Folding weights for decoding, and keeping 4-bit layers trainable."""

from __future__ import annotations

import logging

import pytest
import torch
from lalm_helpers import PROMPT, samples_for, tiny_random

from emolab.lalm import sampling
from emolab.lalm.quantise import adapters_in_float32, add_lora, folded, quantise_model


def adapted(quantised):
    lalm = tiny_random(seed=3)
    if quantised:
        quantise_model(lalm)
    add_lora(lalm, rank=4)
    for name, parameter in lalm.model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.2, generator=torch.Generator().manual_seed(len(name)))
    return lalm


@pytest.mark.parametrize("quantised", [False, True])
def test_folded_decoding_is_the_same_decoding(quantised, monkeypatch):
    lalm = adapted(quantised)
    batch = lalm.encode(samples_for(lalm, 2), PROMPT)
    ours = lalm.generate(batch, n=2, max_new_tokens=6, seed=0)
    with lalm.reference():
        without = lalm.generate(batch, n=2, max_new_tokens=6, seed=0)
        assert (lalm.logprobs(batch, without) - without.logprobs).abs().max() < 1e-4
    monkeypatch.setattr(sampling, "folded", lambda lalm: folded(lalm, budget=0))
    plain = lalm.generate(batch, n=2, max_new_tokens=6, seed=0)
    assert torch.equal(ours.ids, plain.ids) and (ours.logprobs - plain.logprobs).abs().max() < 1e-4
    assert not torch.equal(ours.logprobs, without.logprobs)
    left = [name for name, module in lalm.model.named_modules() if "forward" in module.__dict__]
    assert not left, "every layer has its own forward back"


def test_adapters_are_brought_back_to_float32():
    lalm = adapted(True)
    for parameter in lalm.model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.bfloat16)
    adapters_in_float32(lalm.model)
    assert {p.dtype for p in lalm.model.parameters() if p.requires_grad} == {torch.float32}


def test_bitsandbytes_does_not_ask_for_kernels(caplog):
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    with caplog.at_level(logging.WARNING, logger=logger.name):
        logger.warning("Failed to load CPU gemm_4bit_forward: please pip install kernels")
        logger.warning("something else")
    assert [r.getMessage() for r in caplog.records] == ["something else"]
