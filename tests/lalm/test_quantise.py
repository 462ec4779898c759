"""Folding weights for decoding, and keeping 4-bit layers trainable."""

from __future__ import annotations

import logging

import torch
from lalm_helpers import tiny_random

from benchmarks.tiny_models import quantise_model
from emolab.lalm.quantise import adapters_in_float32, add_lora


def adapted(quantised):
    lalm = tiny_random(seed=3)
    if quantised:
        quantise_model(lalm)
    add_lora(lalm, rank=4)
    for name, parameter in lalm.model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.2, generator=torch.Generator().manual_seed(len(name)))
    return lalm


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
