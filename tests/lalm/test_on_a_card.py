"""On a real card (`pytest -m gpu`, a part of `make gpu`): a model computes there what it computes on the CPU."""

from __future__ import annotations

import os

import pytest
import torch
from lalm_helpers import FAMILIES, PROMPT, answering_adapters, ragged, samples_for, tiny_random

from benchmarks.meter import held_bytes, peak_bytes
from benchmarks.tiny_models import quantise_model
from emolab.lalm import accel
from emolab.lalm.accel.recording import recorder_for
from emolab.lalm.batch import FlatCompletions
from emolab.lalm.plain import plain_logprobs
from emolab.training.sft import SFTSettings, fine_tune

pytestmark = [pytest.mark.gpu]
# convolutions of the towers: a card would round them to ten bits
torch.backends.cudnn.allow_tf32 = False
DEVICE = os.environ.get("EMOLAB_TEST_DEVICE", "cuda")
"""The CPU tries these tests themselves."""


def adapted(family, dtype=torch.float32, quantised=False):
    """A tiny model with adapters that answer, on the CPU."""
    lalm = tiny_random(family)
    lalm.model.to(dtype)
    if quantised:
        lalm.model.to(DEVICE)
        quantise_model(lalm)
    return answering_adapters(lalm)


def moved(lalm):
    """The model itself, on the card."""
    lalm.cache.clear()
    lalm.model.to(DEVICE)
    return lalm


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


def test_scores_gradients_and_greedy_answers_equal_the_cpus(family):
    cpu, card = adapted(family), moved(adapted(family))
    found = []
    for lalm in (cpu, card):
        batch = lalm.encode(samples_for(lalm, 2), PROMPT)
        scores = lalm.label_scores(batch, ["happy", "sad"])
        scores.sum().backward()
        grads = [p.grad.cpu() for p in lalm.model.parameters() if p.grad is not None]
        found.append((scores.detach().cpu(), grads, lalm.generate(batch, max_new_tokens=8, greedy=True).texts))
    assert torch.allclose(found[0][0], found[1][0], atol=2e-3) and found[0][2] == found[1][2]
    for ours, theirs in zip(found[0][1], found[1][1], strict=True):
        assert torch.allclose(ours, theirs, atol=2e-3 * float(ours.abs().max() + 1))


def test_a_recorded_step_gives_the_tokens_of_the_plain_one(family, monkeypatch):
    lalm = moved(adapted(family))
    batch = lalm.encode(samples_for(lalm, 2), PROMPT)
    settings = {"n": 3, "max_new_tokens": 40, "seed": 0}
    recorded = lalm.generate(batch, **settings)
    assert DEVICE == "cpu" or recorder_for(lalm).startswith("recorded"), "nothing failed"
    monkeypatch.setenv(accel.VARIABLE, "0")
    plain = lalm.generate(batch, **settings)
    assert torch.equal(recorded.ids, plain.ids) and torch.allclose(recorded.logprobs, plain.logprobs, atol=2e-3)


def half():
    """The 16 bits that the card computes in."""
    fine = DEVICE == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if fine else torch.float16


def test_the_fast_path_equals_the_plain_one_in_half_precision(family):
    lalm = moved(adapted(family, half()))
    batch = lalm.encode(samples_for(lalm, 2), PROMPT)
    ids, mask = (x.to(DEVICE) for x in ragged(lalm, 6))
    flat = FlatCompletions(ids, mask, torch.arange(2, device=DEVICE).repeat_interleave(3))
    with torch.no_grad():
        fast = accel.logprobs(lalm, batch, flat)
        plain = plain_logprobs(lalm, batch, flat, None, False, 1.0)
    assert float((fast - plain).abs().max()) < 0.2
    assert accel.describe(lalm)["attention"]


def test_fine_tuning_in_four_bits_lowers_the_loss_and_its_memory_is_counted(family):
    lalm = adapted(family, half(), quantised=True)
    settings = SFTSettings(epochs=12, batch_size=4, learning_rate=1e-2)
    rows = []

    def train():
        targets = ["<answer>sad</answer>"] * 4
        rows.extend(fine_tune(lalm, samples_for(lalm, 4), targets, PROMPT, settings, progress=False))

    assert peak_bytes(train, lalm.device) > 0 and held_bytes(lalm.model) > 0
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_a_full_card_is_named_with_what_to_change(family):
    from emolab.errors import TrainingError
    from emolab.training.guards import naming_the_knobs

    with pytest.raises(TrainingError, match="micro_batches"), naming_the_knobs():
        torch.empty(1 << 45, dtype=torch.uint8, device=DEVICE)
