"""What would fail on a card fails here: everything that runs a model, under a pretended GPU.

The families of `ALSO` have other towers, a mixture of experts, or weights in 4 bits, and walk the tests in which that
matters. bitsandbytes' operators run as they do on a CPU; what their CUDA kernels do is not tested here.
"""

from __future__ import annotations

import inspect
import re
import textwrap
import traceback
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pretend_cuda
import pytest
import torch
import transformers
from lalm_helpers import PROMPT, answering_adapters, samples_for, tiny_random
from pretend_cuda import Mode, Pretended, to_card
from torch.utils.checkpoint import checkpoint

from benchmarks.tiny_models import quantise_model
from emolab.attribution.game import Background, Game, Masker
from emolab.attribution.methods import METHODS, attribute
from emolab.lalm import LALM, Completions, accel, sampling
from emolab.lalm.accel import packing, recording
from emolab.lalm.quantise import is_quantised
from emolab.training.sft import SFTSettings, fine_tune

FAMILIES = ("qwen2_audio", "qwen2_5_omni")
ALSO = ("qwen3_asr", "qwen3_omni", "qwen2_audio in 4 bits")


def made(family: str) -> LALM:
    """A model in bf16 with adapters that change its answers."""
    lalm = tiny_random(family.split()[0])
    lalm.model.to(torch.bfloat16)
    if "4 bits" in family:
        quantise_model(lalm)
    return answering_adapters(lalm)


def on_both(family: str, monkeypatch: pytest.MonkeyPatch) -> tuple[LALM, LALM]:
    """(a model on the CPU, the same on the pretended GPU)."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (8 << 30, 8 << 30))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "pretended")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (8, 0))
    for name in ("memory_reserved", "memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: 0)
    again = partial(checkpoint, context_fn=lambda: (nullcontext(), Mode()))  # a layer that is run again in backward
    monkeypatch.setattr(transformers.modeling_utils, "checkpoint", again)
    cpu, card = made(family), made(family)
    to_card(card.model)
    Mode.waits.clear()
    return cpu, card


@pytest.fixture(params=FAMILIES)
def pair(request, monkeypatch):
    return on_both(request.param, monkeypatch)


@pytest.fixture(params=(*FAMILIES, *ALSO))
def wide(request, monkeypatch):
    """The same of more families."""
    return on_both(request.param, monkeypatch)


def test_the_model_says_where_it_is(pair):
    with Mode():
        assert pair[1].device == torch.device("cuda", 0) and isinstance(pair[1].table.weight, Pretended)
        assert accel.describe(pair[1])["folding"] == "off: nothing to fold"


def test_scores_and_gradients_are_those_of_the_cpu(wide):
    cpu, card = wide
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


def test_a_decoding_step_waits_for_nothing(wide, monkeypatch):
    _, card = wide
    monkeypatch.setattr(type(card), "eos_ids", property(lambda self: [1 << 20]))  # nothing ends early
    samples = samples_for(card, 2)
    few, many = waits_of(card, samples, 3), waits_of(card, samples, 7)
    assert few == many, "no wait belongs to a step"
    assert sum((waits_of(card, samples, 17) - many).values()) <= 2 * 2, "two looks at who has ended, every 8 steps"


def test_a_step_that_is_to_be_recorded_waits_for_nothing(wide, monkeypatch):
    """And no tensor of it is on the CPU: here its steps run where a card would replay them."""
    cpu, card = wide
    monkeypatch.setattr(type(card), "eos_ids", property(lambda self: [1 << 20]))
    samples = samples_for(card, 2)
    plain = cpu.generate(cpu.encode(samples, PROMPT), n=2, max_new_tokens=7, greedy=True)
    with Mode():
        launched = card.generate(card.encode(samples, PROMPT), n=2, max_new_tokens=7, greedy=True)
    monkeypatch.setattr(sampling, "recorder_for", lambda lalm: "recorded")
    monkeypatch.setattr(recording, "record", lambda step, token: step)
    few, many = waits_of(card, samples, 3), waits_of(card, samples, 7)
    assert few == many
    with Mode():
        done = card.generate(card.encode(samples, PROMPT), n=2, max_new_tokens=7, greedy=True)
    assert torch.equal(done.ids.inner, launched.ids.inner)
    if type(card).__name__ != "Qwen3Omni":  # its random experts leave two tokens equally likely in bf16
        assert torch.equal(done.ids.inner, plain.ids)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_fine_tuning_runs(wide, checkpointing):
    _, card = wide
    settings = SFTSettings(epochs=1, batch_size=2, gradient_checkpointing=checkpointing, micro_batches=2)
    with Mode():
        rows = fine_tune(card, samples_for(card, 3), ["<answer>sad</answer>"] * 3, PROMPT, settings, progress=False)
    assert len(rows) == 2 and all(row["grad_norm"] > 0 for row in rows)


def test_a_step_of_fine_tuning_waits_five_times_however_many_clips_it_has(wide):
    """For the lengths of a packed row, for its media, for the loss, for the norm (as TRL, two), and for no clip."""
    _, card = wide
    samples = samples_for(card, 4)
    found = []
    for steps in (1, 3):
        with Mode():
            card.encode(samples, PROMPT)  # towers run once
            Mode.waits.clear()
            settings = SFTSettings(epochs=steps, batch_size=4)
            fine_tune(card, samples, ["<answer>sad</answer>"] * 4, PROMPT, settings, progress=False)
            found.append(sum(Mode.waits.values()))
    assert found[1] - found[0] == 2 * 5


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


def test_the_scales_of_a_4_bit_weight_left_on_the_cpu_are_found(monkeypatch):
    _, card = on_both("qwen2_audio in 4 bits", monkeypatch)
    assert is_quantised(card)
    weight = next(p for p in card.decoder.parameters() if type(p).__name__ == "Params4bit")
    weight.quant_state.absmax = weight.quant_state.absmax.inner
    with Mode(), pytest.raises(RuntimeError, match=r"found cuda:0 and cpu, at lalm/"):
        card.label_scores(card.encode(samples_for(card, 1), PROMPT), ["happy", "sad"])


def test_the_towers_of_qwen3_wait_for_the_lengths_of_chunks_and_a_clip_passes_them_once(monkeypatch):
    """Transformers makes a tensor of numbers that are on the card; ours are the copies into the cache."""
    _, card = on_both("qwen3_asr", monkeypatch)
    samples = samples_for(card, 2)
    with Mode():
        card.encode(samples, PROMPT)
        assert {kind for (kind, _), n in Mode.waits.items() if n} >= {"tensor of numbers", "to cpu"}
        Mode.waits.clear()
        card.encode(samples, PROMPT)
    assert not Mode.waits, "what the towers gave is in the cache"


@pytest.fixture
def theirs(monkeypatch):
    """TRL and accelerate take the pretended card for theirs."""
    import accelerate

    cuda = torch.device("cuda", 0)
    made = transformers.TrainingArguments.device.fget
    monkeypatch.setattr(accelerate.Accelerator, "device", property(lambda self: cuda))
    monkeypatch.setattr(transformers.TrainingArguments, "device", property(lambda self: (made(self), cuda)[1]))


def every_other(completions, **columns):
    """Rewards that differ within a group."""
    return [float(i % 2) for i in range(len(completions))]


def whose() -> str:
    """The package of the innermost frame, of those that run a step."""
    names = re.compile(r"site-packages/(trl|accelerate|transformers/(?:masking_utils|trainer))|/(emolab)/")
    frames = (names.search(frame.filename) for frame in reversed(traceback.extract_stack()))
    found = next(match for match in frames if match)
    return found[1] or found[2]


def test_a_step_of_grpo_waits_as_often_as_the_page_says(pair, theirs, tmp_path, monkeypatch):
    """docs/large_runs.md counts a step's waits: ours, two in transformers' mask, and those of the trainers beneath."""
    from emolab.training.grpo import AudioGRPOTrainer, grpo_config

    _, card = pair
    monkeypatch.setattr(pretend_cuda, "place", whose)
    counted = []
    for steps in (3, 1, 3):  # in the first, the towers run
        sizes = {"prompts_per_step": 2, "group_size": 2, "max_completion_length": 5}
        args = grpo_config(tmp_path / str(len(counted)), **sizes, max_steps=steps, learning_rate=1e-6)
        with Mode():
            Mode.waits.clear()
            AudioGRPOTrainer(card, samples_for(card, 4), PROMPT, every_other, args).train()
        counted.append(Counter(Mode.waits))
    found = Counter()
    for (_, package), times in (counted[2] - counted[1]).items():
        found[package] += times / 2
    beneath = found["trl"] + found["accelerate"] + found["transformers/trainer"]
    assert found["emolab"] == 6 + 2 + 11 and found["transformers/masking_utils"] == 2 and beneath == 32
    page = Path(__file__).parents[2].joinpath("docs", "large_runs.md").read_text(encoding="utf-8")
    assert f"| GRPO: TRL, accelerate and transformers' trainer | {beneath:.0f} |" in page
    assert f"has {found.total():.0f} of them: 8 around its batch of answers, 2 of its packed row" in page


def test_a_step_of_grpo_runs(wide, theirs, tmp_path):
    """Through TRL and accelerate: two micro-batches, two iterations."""
    from emolab.training.grpo import AudioGRPOTrainer, grpo_config

    _, card = wide
    sizes = {"prompts_per_step": 2, "group_size": 2, "micro_batches": 2, "num_iterations": 2}
    args = grpo_config(
        tmp_path, **sizes, max_steps=2, max_completion_length=5, learning_rate=1e-3, gradient_checkpointing=True
    )
    before = {n: p.detach().inner.clone() for n, p in card.model.named_parameters() if "lora_B" in n}
    with Mode():
        trainer = AudioGRPOTrainer(card, samples_for(card, 4), PROMPT, every_other, args)
        trainer.train()
    assert trainer.state.log_history[0]["grad_norm"] > 0
    after = dict(card.model.named_parameters())
    assert all(isinstance(after[n], Pretended) for n in before)
    assert any(not torch.equal(after[n].detach().inner, old) for n, old in before.items())


@pytest.mark.parametrize("method", METHODS)
def test_attribution_runs(pair, method):
    cpu, card = pair
    sample, donors = samples_for(cpu, 1)[0], samples_for(cpu, 3, seed=1)
    found = []
    for lalm, mode in ((cpu, nullcontext()), (card, Mode())):
        with mode:
            game = Game(lalm, sample, Masker("swap", Background.encode(lalm, donors, PROMPT), n=2), prompt=PROMPT)
            found.append(attribute(game, method, steps=2).values)
    assert np.isfinite(found[1]).all() and np.abs(found[1] - found[0]).max() < 0.5


def test_a_prediction_runs(wide):
    from emolab.evaluate.predict import predict

    _, card = wide
    with Mode():
        found = predict(card, samples_for(card, 1)[0], prompt=PROMPT, max_new_tokens=4, calibration="contextual")
    assert sum(found["distribution"].values()) == pytest.approx(1, abs=1e-3)


def changed(owner, name, old, new, monkeypatch):
    """Exchange a function of a class or module for the same one with `new` for `old` in its source."""
    found = vars(owner)[name]
    function = getattr(found, "__func__", found)
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1, f"{name} has {old!r} {source.count(old)} times"
    names: dict = {}
    future = "from __future__ import annotations\n"
    exec(compile(future + source.replace(old, new), name, "exec"), function.__globals__, names)
    monkeypatch.setattr(owner, name, names[name])


REMOVED = {
    "the mask of a prompt": (
        LALM,
        "_collate",
        "(x.to(self.device) for x in (mask, input_ids, media))",
        "(mask, input_ids.to(self.device), media.to(self.device))",
        "rollout",
    ),
    "what is drawn": (
        sampling.Chooser,
        "__init__",
        "(part + 1) * rows].to(device)",
        "(part + 1) * rows]",
        "rollout",
    ),
    "where tokens stand": (packing, "_integers", "else made).to(device)", "else made)", "scores"),
    "the tokens of answers": (Completions, "from_texts", "ids.to(device)", "ids", "scores"),
    "who is masked": (Game, "embeddings", "(kept).to(self.batch.embeds.device)", "(kept)", "attribution"),
}


@pytest.mark.parametrize("what", REMOVED)
def test_removing_one_move_to_the_device_fails(pair, monkeypatch, what):
    """The test of the tests: each of these moves is needed on a card, and none of them on a CPU."""
    cpu, card = pair
    owner, name, old, new, part = REMOVED[what]
    changed(owner, name, old, new, monkeypatch)

    def walk(lalm):
        batch = lalm.encode(samples_for(lalm, 2), PROMPT)
        if part == "scores":
            lalm.label_scores(batch, ["happy", "sad"])
        elif part == "rollout":
            lalm.generate(batch, n=2, max_new_tokens=3, seed=0)
        else:
            attribute(Game(lalm, samples_for(lalm, 1)[0], Masker("silence"), prompt=PROMPT))

    walk(cpu)
    with Mode(), pytest.raises((RuntimeError, TypeError), match="cuda:0"):
        walk(card)
