"""What would fail on a card fails here: everything that runs a model, under a pretended GPU."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from lalm_helpers import PROMPT, samples_for, tiny_random
from pretend_cuda import Mode, Pretended, to_card

from emolab.lalm import LALM, accel
from emolab.lalm.quantise import add_lora
from emolab.training.sft import SFTSettings, cold_start

FAMILIES = ("qwen2_audio", "qwen2_5_omni")


@pytest.fixture(params=FAMILIES)
def pair(request, monkeypatch):
    """(a model in bf16 with adapters on the CPU, the same on the pretended GPU)."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (8 << 30, 8 << 30))
    for name in ("memory_reserved", "memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: 0)
    made = []
    for _ in range(2):
        lalm = tiny_random(request.param)
        lalm.model.to(torch.bfloat16)
        torch.manual_seed(0)
        add_lora(lalm, rank=4)
        for name, parameter in lalm.model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, 0, 0.05)
        made.append(lalm)
    to_card(made[1].model)
    Mode.waits.clear()
    return tuple(made)


def test_the_model_says_where_it_is(pair):
    with Mode():
        assert pair[1].device == torch.device("cuda", 0) and isinstance(pair[1].table.weight, Pretended)
        assert accel.describe(pair[1])["folding"] == "off: nothing to fold"


def test_scores_and_gradients_are_those_of_the_cpu(pair):
    cpu, card = pair
    samples = samples_for(cpu, 3)
    batch = cpu.encode(samples, PROMPT)
    expected = cpu.label_scores(batch, ["happy", "sad"])
    expected.sum().backward()
    with Mode():
        moved = card.encode(samples, PROMPT)
        scores = card.label_scores(moved, ["happy", "sad"])
        scores.sum().backward()
    assert isinstance(moved.embeds, Pretended) and float((scores.detach().inner - expected.detach()).abs().max()) < 0.05
    pairs = zip(cpu.model.named_parameters(), card.model.parameters(), strict=True)
    for (name, ours), theirs in pairs:
        if ours.grad is not None:
            apart = float((theirs.grad.inner - ours.grad).abs().max())
            assert apart < 0.05 * max(1.0, float(ours.grad.abs().max())), name


def waits_of(lalm: LALM, samples: list, steps: int) -> Counter:
    """What the host waits for while `steps` tokens are decoded."""
    with Mode():
        batch = lalm.encode(samples, PROMPT)
        Mode.waits.clear()
        lalm.generate(batch, n=2, max_new_tokens=steps, seed=0)
        return Counter(Mode.waits)


def test_a_decoding_step_waits_for_nothing(pair, monkeypatch):
    _, card = pair
    monkeypatch.setattr(type(card), "eos_ids", property(lambda self: [1 << 20]))  # nothing ends early
    samples = samples_for(card, 2)
    few, many = waits_of(card, samples, 3), waits_of(card, samples, 7)
    assert few == many, "no wait belongs to a step"
    assert sum((waits_of(card, samples, 17) - many).values()) <= 2 * 2, "two looks at who has ended, every 8 steps"


@pytest.mark.parametrize("checkpointing", [False, True])
def test_fine_tuning_runs(pair, checkpointing):
    _, card = pair
    settings = SFTSettings(epochs=1, batch_size=2, gradient_checkpointing=checkpointing, micro_batches=2)
    with Mode():
        rows = cold_start(card, samples_for(card, 3), ["<answer>sad</answer>"] * 3, PROMPT, settings, progress=False)
    assert len(rows) == 2 and all(row["grad_norm"] > 0 for row in rows)


def test_a_tensor_left_on_the_cpu_is_found(pair):
    """Three removed moves: of the mask, of the position ids, of the completions."""
    _, card = pair
    with Mode():
        batch = card.encode(samples_for(card, 2), PROMPT)
        done = card.generate(batch, n=1, max_new_tokens=3, seed=0)
        for broken in (
            lambda: card.generate(replace(batch, mask=batch.mask.cpu()), max_new_tokens=2),
            lambda: card.generate(replace(batch, positions=batch.positions.cpu()), max_new_tokens=2),
            lambda: card.logprobs(batch, replace(done, ids=done.ids.cpu())),
        ):
            with pytest.raises(RuntimeError, match=r"found cuda:0 and cpu, at lalm/"):
                broken()
