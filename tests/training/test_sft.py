"""Supervised fine-tuning: its loss, its order, what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from training_helpers import PROMPT, plain_logprobs, samples, small_lalm, weights

from benchmarks.tiny_models import tiny_random
from emolab.errors import TrainingError
from emolab.lalm import Completions
from emolab.lalm.quantise import adapters_in_float32
from emolab.training.sft import SFTSettings, fine_tune, learning_rate_at, supervised_loss

TARGETS = ["<answer>happy</answer>", "<answer>sad</answer>", "<answer>angry</answer>", "no"]


def test_the_loss_is_over_answer_tokens_alone() -> None:
    lalm = small_lalm()
    batch = lalm.encode(samples(4), PROMPT)
    answers = Completions.from_texts(lalm.tokenizer, [[t] for t in TARGETS], eos_id=lalm.eos_ids[0])
    ids = [row[0][mask[0].bool()].tolist() for row, mask in zip(answers.ids, answers.mask, strict=True)]
    scores, mask = plain_logprobs(lalm, batch, [0, 1, 2, 3], ids)
    got = supervised_loss(lalm, batch, answers)
    assert float(got.detach()) == pytest.approx(-float((scores * mask).sum() / mask.sum()), abs=1e-5)


def test_it_learns_the_same_from_the_same_seed() -> None:
    settings = SFTSettings(epochs=12, batch_size=4, learning_rate=2e-2)
    runs = []
    for _ in range(2):
        lalm = small_lalm()
        runs.append((fine_tune(lalm, samples(4), TARGETS, PROMPT, settings, progress=False), weights(lalm)))
    assert runs[0][0] == runs[1][0] and all(torch.equal(runs[0][1][k], runs[1][1][k]) for k in runs[0][1])
    losses = [row["loss"] for row in runs[0][0]]
    assert len(losses) == 12 and losses[-1] < 0.7 * losses[0]


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    settings = SFTSettings(learning_rate=1.0, warmup=0.2)
    rates = [learning_rate_at(i, 10, settings) for i in range(10)]
    assert (
        rates[:3] == [0.5, 1.0, 1.0]
        and rates == sorted(rates[:2]) + sorted(rates[2:], reverse=True)
        and rates[-1] < 0.1
    )


def test_what_it_refuses() -> None:
    lalm = small_lalm()
    with pytest.raises(TrainingError, match="4 samples and 1"):
        fine_tune(lalm, samples(4), ["a"], PROMPT, progress=False)
    with pytest.raises(TrainingError, match="noise-1: the target text is empty"):
        fine_tune(lalm, samples(2), ["a", " "], PROMPT, progress=False)
    frozen = tiny_random()
    frozen.model.requires_grad_(False)
    with pytest.raises(TrainingError, match="attach LoRA"):
        fine_tune(frozen, samples(1), ["a"], PROMPT, progress=False)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_micro_batches_and_checkpointing_take_the_same_steps(checkpointing: bool) -> None:
    results = []
    for changes in ({}, {"micro_batches": 3, "gradient_checkpointing": checkpointing}):
        lalm = small_lalm()
        settings = SFTSettings(epochs=3, batch_size=4, learning_rate=2e-2, **changes)
        rows = fine_tune(lalm, samples(4), TARGETS, PROMPT, settings, progress=False)
        assert len(rows) == 3 and not lalm.decoder.layers[0].gradient_checkpointing
        results.append((weights(lalm), rows))
    assert max((results[0][0][k] - v).abs().max().item() for k, v in results[1][0].items()) < 1e-4
    assert [r["loss"] for r in results[1][1]] == pytest.approx([r["loss"] for r in results[0][1]], abs=1e-5)


def test_float16_skips_a_step_that_overflows_and_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a card without bfloat16: the loss is scaled, and adapters stay in float32."""
    lalm, seen = small_lalm("qwen2_audio"), []
    lalm.model.half()
    adapters_in_float32(lalm.model)
    first = next(p for n, p in lalm.model.named_parameters() if "lora_B" in n)
    real = torch.amp.GradScaler.step

    def step(scaler: Any, *args: Any) -> Any:
        seen.append((scaler.get_scale(), weights(lalm)))
        return real(scaler, *args)

    monkeypatch.setattr(torch.amp.GradScaler, "step", step)
    handle = first.register_hook(lambda grad: grad * (1.0 if seen else torch.inf))
    settings = SFTSettings(epochs=6, batch_size=4, learning_rate=3e-3)
    rows = fine_tune(lalm, samples(4), ["<answer>sad</answer>"] * 4, PROMPT, settings, progress=False)
    handle.remove()
    assert [scale for scale, _ in seen[:2]] == [65536.0, 32768.0]
    assert all(torch.equal(seen[0][1][name], weight) for name, weight in seen[1][1].items()), "the first was skipped"
    assert rows[-1]["loss"] < rows[0]["loss"] and all(torch.isfinite(w).all() for w in weights(lalm).values())


def test_no_more_prompts_are_encoded_than_a_micro_batch_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    lalm, seen = small_lalm(), []
    real = type(lalm).encode
    monkeypatch.setattr(type(lalm), "encode", lambda self, s, *a, **k: (seen.append(len(s)), real(self, s, *a, **k))[1])
    settings = SFTSettings(epochs=1, batch_size=4, micro_batches=2)
    fine_tune(lalm, samples(12), ["a"] * 12, PROMPT, settings, progress=False)
    assert seen == [2] * 6, "the corpus is encoded a micro-batch at a time"


def test_a_full_card_splits_the_batch_and_says_so(monkeypatch, caplog):
    """The gradient is that of the whole batch, and later batches are split from the start."""
    from emolab.training import sft

    lalm, sizes = small_lalm(), []
    whole = sft.supervised_loss

    def small_card(model, prompts, *arguments, **options):
        sizes.append(len(prompts))
        if len(prompts) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return whole(model, prompts, *arguments, **options)

    asked = samples(8), ["<answer>sad</answer>"] * 8, PROMPT
    settings = SFTSettings(epochs=2, batch_size=8)
    expected = fine_tune(small_lalm(), *asked, settings, progress=False)
    monkeypatch.setattr(sft, "supervised_loss", small_card)
    rows = fine_tune(lalm, *asked, settings, progress=False)
    assert sizes == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2] and "split into 4 parts" in caplog.text
    assert [row["loss"] for row in rows] == pytest.approx([row["loss"] for row in expected], rel=1e-4)


def test_a_card_too_small_for_one_clip_names_the_settings(monkeypatch):
    from emolab.training import sft

    def no_card(*arguments, **options):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(sft, "supervised_loss", no_card)
    with pytest.raises(TrainingError, match=r"clip by clip \(CUDA out of memory\): raise `micro_batches`"):
        fine_tune(small_lalm(), samples(2), ["<answer>sad</answer>"] * 2, PROMPT, progress=False)
