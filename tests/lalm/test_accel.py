"""The door to acceleration: each fast path against the plain one, and what it says about itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from lalm_helpers import PROMPT, samples_for, tiny_random

from benchmarks.tiny_models import FAMILIES, quantise_model
from emolab.lalm import accel, sampling
from emolab.lalm.accel import folding
from emolab.lalm.accel.attention import TreeAttention, kernel_for
from emolab.lalm.accel.packing import pack, packed_logprobs, synchronises
from emolab.lalm.batch import FlatCompletions
from emolab.lalm.plain import plain_logits, plain_logprobs
from emolab.lalm.quantise import add_lora


def adapted(quantised: bool, **options):
    lalm = tiny_random(seed=3, **options)
    if quantised:
        quantise_model(lalm)
    torch.manual_seed(0)
    add_lora(lalm, rank=4)
    for name, parameter in lalm.model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.2, generator=torch.Generator().manual_seed(len(name)))
    return lalm


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_packed_scores_equal_plain_ones_with_gradients(family):
    lalm = adapted(False, family=family)
    batch = lalm.encode(samples_for(lalm, 2), PROMPT)
    done = lalm.generate(batch, n=3, max_new_tokens=5, seed=0)
    results = []
    for path in (packed_logprobs, plain_logprobs):
        lalm.model.zero_grad()
        scores, entropy = path(lalm, batch, done.flat(), None, True, 0.7)
        scores.sum().backward()
        grads = [p.grad.clone() for p in lalm.model.parameters() if p.grad is not None]
        results.append([scores.detach(), entropy, *grads])
    assert len(results[0]) == len(results[1]) > 10
    for ours, theirs in zip(*results, strict=True):
        assert (ours - theirs).abs().max() < 1e-4 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("seed", range(4))
def test_shared_beginnings_change_no_score_and_no_gradient(seed):
    lalm, draw = adapted(False), torch.Generator().manual_seed(seed)
    batch = lalm.encode(samples_for(lalm, 3), PROMPT)
    ids = torch.randint(20, 22, (12, 5), generator=draw)  # of two tokens: many are equal, or begin alike
    sizes, owner = torch.randint(0, 6, (12,), generator=draw), torch.randint(0, 3, (12,), generator=draw)
    flat = FlatCompletions(ids, (torch.arange(5) < sizes[:, None]).long(), owner)
    beginnings = {(o, *row[:k]) for o, row, s in zip(owner.tolist(), ids.tolist(), sizes.tolist(), strict=True)
                  for k in range(1, s)}  # fmt: skip
    row = pack(batch, flat)
    assert row is not None and len(row.layout.inside) == len(beginnings) < int((sizes - 1).clamp(min=0).sum())
    weights, results = torch.randn(12, 5, generator=draw), []
    for path in (packed_logprobs, plain_logprobs):
        lalm.model.zero_grad()
        scores, entropy = path(lalm, batch, flat, None, True, 0.7)
        (scores * weights).sum().backward()
        grads = [p.grad.clone() for p in lalm.model.parameters() if p.grad is not None]
        results.append([scores.detach(), entropy, *grads])
    for ours, theirs in zip(*results, strict=True):
        assert (ours - theirs).abs().max() < 1e-4 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("family", ["qwen2_audio", "qwen2_5_omni"])
def test_completions_that_are_equal_so_far_are_one_row(family, monkeypatch):
    lalm = adapted(False, family=family)
    batch = lalm.encode(samples_for(lalm, 3), PROMPT)
    likely = lalm.generate(batch, n=6, max_new_tokens=9, temperature=0.03, seed=1).ids.flatten().mode().values
    monkeypatch.setattr(type(lalm), "eos_ids", property(lambda self: [int(likely)]))  # so that answers end early
    found, rows = [], []
    step = sampling.Forward.step
    monkeypatch.setattr(
        sampling.Forward, "step", lambda self, token: (rows[-1].append(len(token)), step(self, token))[1]
    )
    for switch in ("1", "0"):
        monkeypatch.setenv(accel.VARIABLE, switch)
        rows.append([])
        found.append(lalm.generate(batch, n=6, max_new_tokens=9, temperature=0.03, seed=1))
    ours, plain = found
    assert torch.equal(ours.ids, plain.ids) and torch.equal(ours.mask, plain.mask) and ours.texts == plain.texts
    assert (ours.logprobs - plain.logprobs).abs().max() < 1e-4  # the temperature makes differences 33 times as large
    assert any(len({tuple(t) for t in row}) > 1 for row in ours.ids.tolist()), "some prompt's completions part"
    begun = [{int(t) for t in row[ends.sum(-1) > 1, 0]} for row, ends in zip(ours.ids, ours.mask, strict=True)]
    assert rows[0][0] == sum(map(len, begun)) < rows[1][0] <= 18
    assert sum(rows[0]) < sum(rows[1])


def test_what_is_sampled_is_the_likeliest_of_a_whole_forward():
    lalm = adapted(True)
    batch = lalm.encode(samples_for(lalm, 2), PROMPT)
    done = lalm.generate(batch, n=1, max_new_tokens=5, greedy=True)
    logits = plain_logits(lalm, batch, FlatCompletions(done.ids[:, 0], done.mask[:, 0], torch.arange(2)))
    mask = done.mask[:, 0].bool()
    assert torch.equal(logits[:, :-1].argmax(-1)[mask], done.ids[:, 0][mask])


@pytest.mark.parametrize("quantised", [False, True])
def test_folded_decoding_is_the_same_decoding(quantised, monkeypatch):
    lalm = adapted(quantised)
    batch = lalm.encode(samples_for(lalm, 2), PROMPT)
    ours = lalm.generate(batch, n=2, max_new_tokens=6, seed=0)
    with lalm.reference():
        without = lalm.generate(batch, n=2, max_new_tokens=6, seed=0)
        assert (lalm.logprobs(batch, without) - without.logprobs).abs().max() < 1e-4
    monkeypatch.setenv(accel.VARIABLE, "0")
    plain = lalm.generate(batch, n=2, max_new_tokens=6, seed=0)
    assert torch.equal(ours.ids, plain.ids) and (ours.logprobs - plain.logprobs).abs().max() < 1e-4
    assert not torch.equal(ours.logprobs, without.logprobs)


def test_a_folded_decoder_is_another_tree_that_shares_what_is_not_folded():
    lalm = adapted(True)
    kinds = {name: type(m) for name, m in lalm.decoder.named_modules()}
    with accel.folded(lalm):
        folded = lalm.running_decoder
        assert folded is not lalm.decoder and {type(folded.layers[0].mlp.up_proj)} == {torch.nn.Linear}
        assert folded.norm.weight is lalm.decoder.norm.weight
    assert lalm.running_decoder is lalm.decoder
    assert {name: type(m) for name, m in lalm.decoder.named_modules()} == kinds
    assert not any("forward" in module.__dict__ for module in lalm.model.modules())
    with accel.folded(lalm, budget=0):
        assert lalm.running_decoder is lalm.decoder


def test_a_prediction_exchanges_no_forward(monkeypatch):
    lalm, exchanged = adapted(True), []
    set_attribute = torch.nn.Module.__setattr__
    monkeypatch.setattr(
        torch.nn.Module,
        "__setattr__",
        lambda self, name, value: (exchanged.append(name), set_attribute(self, name, value))[1],
    )
    batch = lalm.encode(samples_for(lalm, 2), PROMPT)
    lalm.generate(batch, max_new_tokens=4)
    lalm.label_scores(batch, ["happy", "sad"])
    assert "forward" not in exchanged


def test_only_wrappers_that_synchronise_are_called_whole():
    lalm = adapted(False)
    inner = lalm.model.get_base_model()
    assert not synchronises(inner, inner) and not synchronises(lalm.model, inner)
    assert synchronises(torch.nn.Sequential(lalm.model), inner)


def test_it_says_what_it_does_and_can_be_switched_off(monkeypatch):
    lalm = adapted(True)
    said = accel.describe(lalm)
    assert said["attention"] == "flash (cpu)" and "14 layers" in said["folding"] and said["packing"].startswith("on")
    assert "nothing to fold" in accel.describe(tiny_random())["folding"]
    batch = lalm.encode(samples_for(lalm, 2), PROMPT)
    done = lalm.generate(batch, n=2, max_new_tokens=4, seed=0)
    fast = lalm.logprobs(batch, done)
    monkeypatch.setenv(accel.VARIABLE, "0")
    assert set(accel.describe(lalm).values()) == {"off (EMOLAB_ACCEL=0)"} and not folding.folded_layers(lalm)
    assert (lalm.logprobs(batch, done) - fast).abs().max() < 1e-5


def test_which_kernel_where():
    assert kernel_for("cpu", torch.float32, 20) == "flash (cpu)"
    assert kernel_for("cuda", torch.bfloat16, 128) == "flash (cuda)"
    for device, dtype, size in (("cuda", torch.float32, 128), ("cuda", torch.float16, 20), ("mps", torch.float16, 64)):
        assert kernel_for(device, dtype, size).startswith("dense: ")


def test_the_cuda_kernels_are_called_with_arguments_that_they_take():
    """No card is needed: PyTorch checks names, types and shapes of its CUDA kernels on the meta device."""
    from test_attention import layout_of

    layout, mask = layout_of([5, 3], [[3, 1, 4], [2]])
    query, key, value = (torch.empty(1, n, len(mask), 16, dtype=torch.bfloat16, device="meta") for n in (4, 2, 2))
    layout.own, layout.back, layout.inside = (x.to("meta") for x in (layout.own, layout.back, layout.inside))
    context = SimpleNamespace(save_for_backward=lambda *given: setattr(context, "saved_tensors", given))
    out = TreeAttention.forward(context, query, key, value, layout, 0.25)
    grads = TreeAttention.backward(context, torch.empty_like(out))
    for given, grad in zip((query, key, value), grads, strict=False):
        assert grad is not None and grad.shape == given.shape


@pytest.mark.parametrize("every", [1, 3, 8])
def test_looking_seldom_at_who_has_ended_changes_no_answer(every, monkeypatch):
    lalm = adapted(False)
    batch = lalm.encode(samples_for(lalm, 3), PROMPT)
    likely = lalm.generate(batch, n=4, max_new_tokens=12, seed=1).ids.flatten().mode().values
    monkeypatch.setattr(type(lalm), "eos_ids", property(lambda self: [int(likely)]))  # so that answers end early
    ours = lalm.generate(batch, n=4, max_new_tokens=12, seed=1)
    assert len(set(ours.mask.sum(-1).flatten().tolist())) > 2
    monkeypatch.setattr(sampling, "look_every", lambda device: every)
    again = lalm.generate(batch, n=4, max_new_tokens=12, seed=1)
    assert torch.equal(ours.ids, again.ids) and torch.equal(ours.mask, again.mask)
    assert (ours.logprobs - again.logprobs).abs().max() < 1e-5


@pytest.mark.parametrize("size", [1, 2])
def test_decoding_in_parts_gives_the_same_answers(size, monkeypatch):
    lalm = adapted(False)
    batch = lalm.encode(samples_for(lalm, 3), PROMPT)
    whole = lalm.generate(batch, n=2, max_new_tokens=6, seed=1)
    monkeypatch.setattr(sampling, "prompts_at_once", lambda *_: size)
    parts = lalm.generate(batch, n=2, max_new_tokens=6, seed=1)
    assert torch.equal(whole.ids, parts.ids) and whole.texts == parts.texts
    assert (whole.logprobs - parts.logprobs).abs().max() < 1e-5
