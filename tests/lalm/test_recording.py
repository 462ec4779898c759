"""Recorded decoding steps: on a tape that does what a CUDA graph does, they give the tokens of the plain path."""

from __future__ import annotations

import logging
from weakref import WeakKeyDictionary

import pytest
import torch
from lalm_helpers import FAMILIES, PROMPT, samples_for, tiny_random
from torch.utils._pytree import tree_map

from benchmarks.launches import Launches, Tape, model, per_token, taped
from emolab.lalm import accel, sampling
from emolab.lalm.accel import recording
from emolab.lalm.quantise import add_lora

SETTINGS = {"n": 6, "max_new_tokens": 40, "temperature": 0.8, "seed": 3}


@pytest.fixture
def fresh(monkeypatch):
    monkeypatch.setattr(recording, "failed", WeakKeyDictionary())


@pytest.fixture(params=FAMILIES)
def lalm(request, fresh, monkeypatch):
    """A model with adapters that answer, of whose tokens every ninth ends a row."""
    lalm = tiny_random(request.param, seed=2)
    add_lora(lalm, rank=4)
    for name, parameter in lalm.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, 0, 0.05, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(type(lalm), "eos_ids", list(range(0, len(lalm.tokenizer), 9)))
    return lalm


def test_a_replayed_step_gives_the_plain_paths_tokens_and_logprobs(lalm, monkeypatch, caplog):
    """Buffers grow from 4 to 40 places, and rows leave: each time a step of another shape is recorded."""
    monkeypatch.setattr(sampling, "FIRST_RECORDED", 4)
    batch = lalm.encode(samples_for(lalm), PROMPT)
    plain = lalm.generate(batch, **SETTINGS)
    with taped() as tapes, caplog.at_level(logging.WARNING):
        recorded = lalm.generate(batch, **SETTINGS)
    assert torch.equal(recorded.ids, plain.ids) and torch.equal(recorded.mask, plain.mask)
    assert (recorded.logprobs - plain.logprobs).abs().max() < 1e-5
    assert not caplog.text and 3 <= len(tapes) < int(plain.mask.sum(-1).max()) / 2


def done(cache, forward, tokens):
    """What each step does: operations, shapes, and every argument that is no tensor."""
    found = []
    for token in tokens:
        cache.step()
        with Tape() as tape:
            forward.step(token)
        said = lambda x: tuple(x.shape) if isinstance(x, torch.Tensor) else x  # noqa: E731
        found.append([(str(f), str(tree_map(said, (args, kwargs)))) for f, args, kwargs, _ in tape.done])
    return found


@pytest.mark.parametrize("constant", [True, False])
def test_consecutive_steps_do_the_same_on_the_same_shapes(constant):
    """With constant steps; those of the CPU grow by a token, which shows that the comparison sees it."""
    lalm = tiny_random("qwen2_audio")
    batch = lalm.encode(samples_for(lalm, 2), PROMPT)
    with torch.no_grad():
        _, prompt, mask = sampling._prefill(lalm, batch)
        cache = sampling.DecodeCache(prompt, mask, batch.positions[:, :, -1], 3, 16, constant)
        forward = sampling.Forward(lalm, cache)
        first, second, third = done(cache, forward, torch.randint(20, 40, (3, 6)))
    assert (first == second == third) == constant


def test_where_a_recording_fails_decoding_goes_on_and_says_so_once(fresh, monkeypatch, caplog):
    lalm = tiny_random("qwen2_audio")
    batch = lalm.encode(samples_for(lalm), PROMPT)
    plain = lalm.generate(batch, **SETTINGS)
    monkeypatch.setattr(sampling, "recorder_for", lambda lalm: "recorded")
    with caplog.at_level(logging.WARNING):  # this PyTorch has no CUDA: recording raises
        found = [lalm.generate(batch, **SETTINGS) for _ in range(2)]
    assert all(torch.equal(one.ids, plain.ids) for one in found)
    assert caplog.text.count("decoding goes on launch by launch") == 1
    assert list(recording.failed) == [lalm.decoder], "another model's steps are recorded all the same"


def test_a_recorded_step_has_no_grouped_product_of_experts(fresh):
    """On most cards, and in float32 on all, such a product reads its groups' sizes on the host."""
    lalm = tiny_random("qwen3_omni")
    before = lalm.base.get_experts_implementation()
    assert "grouped_mm" in before.values(), "the family's experts are grouped by default"
    with taped() as tapes:
        lalm.generate(lalm.encode(samples_for(lalm), PROMPT), n=2, max_new_tokens=4, seed=0)
    names = {str(func) for tape in tapes for func, *_ in tape.done}
    assert names and not [name for name in names if "grouped" in name]
    assert lalm.base.get_experts_implementation() == before


def test_who_records_is_said(fresh, monkeypatch):
    lalm = tiny_random()
    assert accel.describe(lalm)["decoding"].startswith("launch by launch: only a CUDA card")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(type(lalm), "device", torch.device("cuda", 0))
    assert recording.recorder_for(lalm).startswith("recorded")
    with torch.autocast("cuda"):
        assert "autocast" in recording.recorder_for(lalm)
    with monkeypatch.context() as patch:
        patch.setenv(accel.VARIABLE, "0")
        assert recording.recorder_for(lalm) == "off (EMOLAB_ACCEL=0)"
    recording.failed[lalm.decoder] = "why"
    assert recording.recorder_for(lalm) == "launch by launch: why"


def test_a_recorded_token_takes_few_launches():
    lalm = model("qwen2_audio", 2, four_bit=True, lora=True)
    launched = sum(per_token(lalm).values())
    with taped():
        outside = sum(per_token(lalm).values())
    assert outside < 30 < 200 < launched
    with Launches() as counted:
        torch.ones(3).view(3, 1).add_(1)
    assert dict(counted.found) == {"ones": 1, "add_": 1}, "a view launches nothing"
