"""Linear layers through oneDNN against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from lalm_helpers import PROMPT, samples_for, tiny_random
from torch import nn

from emolab.lalm import linear
from emolab.lalm.quantise import add_lora, quantise_model

needs_onednn = pytest.mark.skipif(not linear.available(), reason="this processor has no AVX-512")


@needs_onednn
@pytest.mark.parametrize("bias", [False, True])
def test_forward_and_every_gradient_equal_pytorch(bias):
    generator = torch.Generator().manual_seed(0)
    given = [torch.randn(shape, generator=generator) for shape in ((2, 37, 48), (64, 48), (64,), (2, 37, 64))]
    results = []
    for apply in (linear.Linear.apply, F.linear):
        x, weight, offset = (t.clone().requires_grad_() for t in given[:3])
        out = apply(x, weight, offset if bias else None)
        out.backward(given[3])
        results.append([out.detach(), x.grad, weight.grad, *([offset.grad] if bias else [])])
    for ours, theirs in zip(*results, strict=True):
        assert ours.shape == theirs.shape and (ours - theirs).abs().max() < 2e-5
    frozen = linear.Linear.apply(given[0].requires_grad_(), given[1], None)
    frozen.sum().backward()  # a weight without gradient gets none
    assert given[0].grad is not None and given[1].grad is None
    assert (linear.packed(given[1], given[2])(given[0]) - F.linear(*given[:3])).abs().max() < 2e-5


@needs_onednn
def test_four_bits_equal_bitsandbytes():
    layer = quantise_model(tiny_random(seed=1)).decoder.layers[0].mlp.gate_proj
    x = torch.randn(5, layer.in_features, generator=torch.Generator().manual_seed(0))
    results = []
    for apply in (lambda x: linear.Linear4bit.apply(x, layer), layer):
        mine = x.clone().requires_grad_()
        out = apply(mine)
        (out**2).sum().backward()
        results.append((out.detach(), mine.grad))
    for ours, theirs in zip(*results, strict=True):
        assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_what_it_is_used_for(monkeypatch):
    x, weight = torch.zeros(8, 256), torch.zeros(1024, 256)
    assert linear.suits(x, weight) and not linear.suits(x[:2], weight)  # too little to be worth it
    assert not linear.suits(x.double(), weight.double())
    with torch.autocast("cpu", torch.bfloat16):
        assert not linear.suits(x, weight)
    monkeypatch.setattr(linear, "available", lambda: True)
    model = tiny_random()
    add_lora(model, rank=4)
    with linear.fast_linears(model.decoder):
        found = [m for m in model.decoder.modules() if "forward" in m.__dict__]
        assert found and all(type(m) is nn.Linear for m in found), "LoRA layers run, and their parts are exchanged"
    assert not any("forward" in m.__dict__ for m in model.decoder.modules())
    model.model.activation_checkpointing_enable()
    model.model.train()
    with linear.fast_linears(model.decoder):
        assert not any("forward" in m.__dict__ for m in model.decoder.modules())


def test_without_it_the_answers_are_the_same(monkeypatch):
    lalm = tiny_random(hidden=256)
    batch = lalm.encode(samples_for(lalm), PROMPT)
    ours = lalm.generate(batch, n=2, max_new_tokens=4, seed=0)
    scores = lalm.logprobs(batch, ours)
    for module in ("linear", "quantise"):
        monkeypatch.setattr(f"emolab.lalm.{module}.available", lambda: False)
    lalm.cache.clear()
    again = lalm.encode(samples_for(lalm), PROMPT)
    theirs = lalm.generate(again, n=2, max_new_tokens=4, seed=0)
    assert (batch.embeds - again.embeds).abs().max() < 1e-4 and torch.equal(ours.ids, theirs.ids)
    assert (scores - lalm.logprobs(again, theirs)).abs().max() < 1e-4
