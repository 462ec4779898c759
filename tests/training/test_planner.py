"""The planner against what a real model holds and what autograd keeps in a real backward."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import typer
from training_helpers import PROMPT, samples
from typer.testing import CliRunner

from benchmarks.gpu import films
from benchmarks.tiny_models import tiny_random
from emolab.cli import plan as command
from emolab.errors import TrainingError
from emolab.lalm.accel.packing import packed_logprobs
from emolab.lalm.batch import FlatCompletions
from emolab.lalm.quantise import add_lora
from emolab.profiles import PROFILES
from emolab.recipes import RECIPES, get_recipe
from emolab.samples import EmotionSample
from emolab.training.planner import (
    CONTEXT_GB,
    KNOWN,
    Workload,
    activation_bytes,
    cast_bytes,
    choose,
    fit,
    peaks,
    plan,
    predict,
    size_from_config,
    size_of,
    size_of_model,
)


def test_weights_are_counted_exactly() -> None:
    lalm = tiny_random("qwen2_audio")
    size = size_from_config("tiny", lalm.model.config)
    assert size.decoder_weights + size.other_weights == sum(p.numel() for p in lalm.model.parameters())
    assert size.towers == sum(p.numel() for t in lalm.towers for p in t.parameters())


def test_known_sizes_are_those_of_the_published_models() -> None:
    billions = {k.split("/")[1]: round((v.decoder_weights + v.other_weights) / 1e9, 1) for k, v in KNOWN.items()}
    omni = {"Qwen2.5-Omni-7B": 8.9, "Qwen2.5-Omni-3B": 4.7}
    assert billions == {"Qwen2-Audio-7B-Instruct": 8.4, "Qwen3-ASR-1.7B-hf": 2.0, **omni}


def kept_bytes(lalm: object, completion: int, group: int) -> tuple[int, int]:
    """(bytes that autograd keeps in the decoder for one packed forward, prompt length)."""
    batch = lalm.encode(samples(1), PROMPT)  # type: ignore[attr-defined]
    ids = torch.randint(20, 300, (group, completion))
    weights = {p.untyped_storage().data_ptr() for p in lalm.model.parameters()}  # type: ignore[attr-defined]
    kept: dict[int, int] = {}

    def pack(x: torch.Tensor) -> torch.Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        out = packed_logprobs(
            lalm, batch, FlatCompletions(ids, torch.ones_like(ids), torch.zeros(group, dtype=torch.long))
        )  # type: ignore[arg-type]
        out.sum().backward()
    return sum(kept.values()), int(batch.lengths[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_activations_are_near_what_autograd_keeps(dtype: torch.dtype) -> None:
    counts = []
    for layers in (2, 4):
        lalm = tiny_random("qwen2_5_omni", layers=layers)
        lalm.model.to(dtype)
        add_lora(lalm, rank=8)
        counts.append(kept_bytes(lalm, 24, 8))
    size = size_from_config("tiny", tiny_random("qwen2_5_omni").model.config)
    load = Workload(1, 8, counts[0][1], 24, None, 8, bytes_per_value=dtype.itemsize)
    measured = (counts[1][0] - counts[0][0]) / 2
    assert activation_bytes(size, load) * load.packed_tokens + cast_bytes(size, load) == pytest.approx(
        measured, rel=0.01
    )


def test_what_grows_with_what() -> None:
    size = KNOWN["Qwen/Qwen2-Audio-7B-Instruct"]
    small, large = predict(size, Workload()), predict(size, Workload(prompts=2, group=16))
    assert large["weights"] == small["weights"] and large["logits"] <= 4 * 3 * 2**24 / 1e9
    assert large["activations"] > 3.5 * small["activations"] and large["cache"] > 3.5 * small["cache"]
    assert predict(size, Workload(checkpointing=True))["activations"] < 0.2 * small["activations"]
    assert predict(size, Workload(step_prompts=4))["cache"] == pytest.approx(4 * small["cache"])
    assert predict(size, Workload(quantise=None))["weights"] > 2 * small["weights"]


def test_the_largest_micro_batch_is_the_last_that_fits() -> None:
    size = KNOWN["Qwen/Qwen2.5-Omni-3B"]
    found = plan(size, Workload(checkpointing=True), 24.0)
    assert found.fits and found.largest >= 1
    assert plan(size, Workload(prompts=found.largest, checkpointing=True), 24.0).fits
    assert not plan(size, Workload(prompts=found.largest + 1, checkpointing=True), 24.0).fits
    assert plan(size, Workload(), 2.0).largest == 0


def test_the_command(tmp_path: object) -> None:
    app = typer.Typer()
    app.command()(command.plan)
    done = CliRunner().invoke(app, ["--gpu", "24", "--group", "8", "--json"])
    result = json.loads(done.stdout)
    assert (
        done.exit_code == 0
        and result["parts_gb"]["weights"] > 4
        and result["total_gb"] == max(result["update_gb"], result["rollout_gb"])
    )
    assert "update peak" in CliRunner().invoke(app, ["--checkpointing"]).stdout
    with pytest.raises(TrainingError, match="no known size"):
        size_of(str(tmp_path))


PROMPT_TOKENS = {False: 300, True: 900}  # audio and words; video too (six frames at 240 × 320 are 576 tokens)


@pytest.mark.parametrize("stage", ["cold_start", "sft", "grpo", "evaluation"])
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if profile.device == "cuda"])
def test_every_profile_holds_every_stage_of_every_recipe(name: str, recipe: str, stage: str) -> None:
    profile = PROFILES[name]
    settings = get_recipe(recipe).for_profile(profile)
    size, tokens = size_of(settings.model), PROMPT_TOKENS["video" in settings.modalities]
    load = Workload(
        group=settings.group_size if stage == "grpo" else 1,
        prompt_tokens=tokens,
        completion_tokens=settings.max_new_tokens,
        quantise=settings.quantise,
        lora_rank=settings.lora_rank,
        extra_adapter=stage == "grpo" and settings.beta > 0,
    )
    if stage == "evaluation":  # decoding splits its batch by the free memory: one clip must fit
        assert peaks(predict(size, load))[1] <= profile.memory_gb
        return
    found = choose(size, load, profile.memory_gb, settings.prompts_per_step if stage == "grpo" else settings.cold_batch)
    assert found.plan is not None and found.plan.total <= profile.memory_gb


REFUSED = {("gpu-8gb", 8), ("gpu-8gb", 16)}
"""Films of 1280 × 720 pixels, by seconds, that a profile cannot train on."""
FILM_RECIPES = [name for name, recipe in RECIPES.items() if "video" in recipe().modalities]


@pytest.mark.parametrize("seconds", films.SECONDS)
@pytest.mark.parametrize("recipe", FILM_RECIPES)
@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if films.sees(profile)])
def test_published_films_fit_or_are_refused_with_the_table(name: str, recipe: str, seconds: int) -> None:
    """A clip of MELD lasts 4 s or less, mostly, and fits every profile that sees."""
    profile, load = PROFILES[name], films.film_step(PROFILES[name], seconds, recipe)
    settings = get_recipe(recipe).for_profile(profile)
    steps = [(load, settings.prompts_per_step), (replace(load, group=1, extra_adapter=False), settings.cold_batch)]
    for step, prompts in steps:
        if (name, seconds) in REFUSED:
            with pytest.raises(TrainingError, match=r"does not fit into 8 GB(.|\n)*activations .* GB"):
                choose(size_of(settings.model), step, profile.memory_gb, prompts)
        else:
            found = choose(size_of(settings.model), step, profile.memory_gb, prompts)
            assert found.plan is not None and found.plan.total <= profile.memory_gb
    evaluated = replace(load, group=1, extra_adapter=False)
    assert peaks(predict(size_of(settings.model), evaluated))[1] <= profile.memory_gb, "every film can be answered"


def test_the_fewest_micro_batches_come_before_checkpointing() -> None:
    size, load = KNOWN["Qwen/Qwen2.5-Omni-3B"], Workload(group=6, completion_tokens=256)
    roomy, tight = choose(size, load, 80.0, 4), choose(size, load, 12.0, 4)
    assert (roomy.micro_batches, roomy.gradient_checkpointing) == (1, False)
    assert tight.micro_batches > 1 or tight.gradient_checkpointing
    with pytest.raises(TrainingError, match=r"does not fit into 4 GB(.|\n)*weights .* GB(.|\n)*prompts_per_step"):
        choose(size, load, 4.0, 4)
    assert choose(size, load, 80.0, 4, micro=2).micro_batches == 2, "what is given is not chosen"
    assert choose(size, load, 80.0, 4, again=True).gradient_checkpointing
    with pytest.raises(TrainingError, match="does not fit"):
        choose(size, load, tight.plan.total, 4, micro=1, again=False)


def test_fine_tuning_needs_no_room_for_a_rollout() -> None:
    """A film's prompt is long: the keys of a whole batch of them would not fit, and are never held at once."""
    size, load = KNOWN["Qwen/Qwen2.5-Omni-3B"], Workload(group=1, prompt_tokens=3000)
    found = choose(size, load, 8.5, 16)
    assert found.plan is not None and found.plan.rollout < found.plan.update <= 8.5


def test_a_loaded_model_is_asked_for_its_sizes() -> None:
    lalm = tiny_random("qwen2_5_omni")
    size = size_of_model(lalm)
    assert size.decoder_weights + size.other_weights == sum(p.numel() for p in lalm.model.parameters())
    add_lora(lalm, rank=4)
    options = {"prompts": 4, "group": 4, "completion_tokens": 8}
    assert fit(lalm, samples(4), PROMPT, **options).micro_batches == 1, "nothing is split on a CPU"
    found = fit(lalm, samples(4), PROMPT, gpu_gb=0.7, **options)
    assert found.plan is not None and found.plan.workload.lora_rank == 4 and found.plan.workload.prompt_tokens > 100
    with pytest.raises(TrainingError, match="does not fit"):
        fit(lalm, samples(4), PROMPT, gpu_gb=0.5, **options)
    twice = fit(lalm, samples(4), PROMPT, gpu_gb=0.7, reference=True, **options)
    assert twice.plan.parts["adapters"] == pytest.approx(found.plan.parts["adapters"] * 20 / 16)
    given = fit(lalm, samples(4), PROMPT, micro=2, again=True, **options)
    assert (given.micro_batches, given.gradient_checkpointing) == (2, True)


def test_a_faulty_clip_among_those_that_are_looked_at(tmp_path: Path) -> None:
    """Training leaves it out later, and names it."""
    (tmp_path / "bad.flac").write_bytes(b"fLaC nothing")
    lalm, options = tiny_random("qwen2_audio"), {"prompts": 1, "group": 2, "completion_tokens": 4, "gpu_gb": 2.0}
    clips = [EmotionSample("bad", audio=str(tmp_path / "bad.flac")), *samples(3)]
    assert fit(lalm, clips, PROMPT, **options).plan.workload == fit(lalm, clips[1:], PROMPT, **options).plan.workload


def test_a_card_has_what_others_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    lalm, seen = tiny_random(), []
    monkeypatch.setattr(
        "emolab.training.planner.choose", lambda size, load, gpu_gb, *args, **given: seen.append(gpu_gb)
    )
    monkeypatch.setattr(type(lalm), "device", torch.device("cuda"))
    monkeypatch.setattr(type(lalm), "encode", lambda *_: SimpleNamespace(input_ids=torch.zeros(1, 9)))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (3 * 10**9, 24 * 10**9))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda *_: 2 * 10**9)
    fit(lalm, samples(2), PROMPT, prompts=1, group=2, completion_tokens=4)
    assert seen == [pytest.approx(5 + CONTEXT_GB)]


def test_of_a_whole_omni_folder_the_thinker_is_counted(tmp_path: Path) -> None:
    thinker = tiny_random("qwen2_5_omni").base.config
    whole = SimpleNamespace(thinker_config=thinker, get_text_config=thinker.get_text_config)
    assert size_from_config("x", whole) == size_from_config("x", thinker)
