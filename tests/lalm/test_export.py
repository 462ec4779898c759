"""A trained model in other tools: merged for stock transformers, renamed for vLLM, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from emolab_synth.embedded import embedded_corpus
from lalm_helpers import FAMILIES, PROMPT, samples_for, stock_inputs, tiny_random
from safetensors import safe_open

from emolab.emotions import LABEL_SETS
from emolab.errors import ModelError
from emolab.lalm import load_model
from emolab.lalm.checkpoint import load_checkpoint, save_checkpoint
from emolab.lalm.export import merge, serve_line, to_vllm
from emolab.lalm.quantise import add_lora
from emolab.lalm.tiny import TINY_FOLDER, shipped_adapter
from emolab.media import audio_of, frame_seconds, frames_of
from emolab.prompts import Prompt
from emolab.recipes import RECIPES
from emolab.samples import EmotionSample
from emolab.training.runs import resolved

ENGINE = json.loads((Path(__file__).parent / "vllm_names.json").read_text(encoding="utf-8"))["families"]
TOKENS = 12


def trained(lalm: Any, rank: int = 4) -> Any:
    """The model with adapters that change its answers."""
    if not hasattr(lalm.model, "peft_config"):
        add_lora(lalm, rank=rank)
    generator = torch.Generator().manual_seed(3)
    for name, parameter in lalm.model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.1, generator=generator)
    return lalm


@pytest.fixture(scope="module", params=FAMILIES)
def made(request: Any, tmp_path_factory: Any) -> tuple[str, Any, Path]:
    """A family's name, its model with adapters, and the checkpoint that it was saved as."""
    folder = tmp_path_factory.mktemp(request.param)
    lalm = trained(load_model(tiny_random(request.param, seed=4).save(folder / "base")))
    note = {"model": str(folder / "base"), "quantise": None, "prompt": "direct", "modalities": ["audio", "text"]}
    return request.param, lalm, save_checkpoint(folder / "checkpoint", lalm, note)


def stock_answers(out: Path, kind: str, batch: Any, inputs: list[dict[str, torch.Tensor]], pad: int) -> list[list[int]]:
    """Greedy answers of the transformers class that reads the folder, one prompt at a time."""
    model, report = getattr(transformers, kind).from_pretrained(out, dtype=torch.float32, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    answers = []
    for i, extra in enumerate(inputs):
        ids = batch.input_ids[i][batch.mask[i].bool()][None]
        found = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=TOKENS, **extra
        )
        answers.append([t for t in found[0, ids.shape[1] :].tolist() if t != pad])
    return answers


def our_answers(lalm: Any, batch: Any) -> list[list[int]]:
    done = lalm.generate(batch, n=1, max_new_tokens=TOKENS, greedy=True)
    rows = zip(done.ids[:, 0].tolist(), done.mask.sum(-1)[:, 0].tolist(), strict=True)
    return [[t for t in row[:size] if t != lalm.pad_id] for row, size in rows]


def test_a_merged_model_answers_the_same_in_stock_transformers(made: Any, tmp_path: Path) -> None:
    family, lalm, checkpoint = made
    out = merge(checkpoint, tmp_path / "merged")
    samples = samples_for(lalm)
    batch = lalm.encode(samples, PROMPT)
    expected = our_answers(lalm, batch)
    with lalm.reference():
        assert our_answers(lalm, batch) != expected, "the adapters must matter"
    lalm.name = f"tiny-random-{family}"
    inputs = [stock_inputs(lalm, [sample]) for sample in samples]
    assert stock_answers(out, lalm.transformers_class, batch, inputs, lalm.pad_id) == expected
    again, note = load_checkpoint(out)
    assert our_answers(again, again.encode(samples, PROMPT)) == expected and note["quantise"] is None
    assert {"config.json", "generation_config.json", "chat_template.jinja", "README.md"} <= {
        p.name for p in out.iterdir()
    }
    with pytest.raises(ModelError, match="is there already"):
        merge(checkpoint, out)


def test_adapters_of_a_4_bit_model_are_merged_into_its_4_bit_weights(tmp_path: Path) -> None:
    base = tiny_random("qwen2_audio", seed=4).save(tmp_path / "base")
    lalm = trained(load_model(base, quantise="nf4"))
    checkpoint = save_checkpoint(tmp_path / "checkpoint", lalm, {"model": str(base), "quantise": "nf4"})
    out = merge(checkpoint, tmp_path / "merged")
    samples = samples_for(lalm)
    batch = lalm.encode(samples, PROMPT)
    again, dense = load_model(out), load_model(base)
    assert "quantization_config" not in json.loads((out / "config.json").read_text())
    weights = [m.decoder.layers[0].mlp.up_proj.weight for m in (again, dense)]
    assert weights[0].dtype == torch.float32 and weights[0].shape == weights[1].shape
    assert our_answers(again, again.encode(samples, PROMPT)) == our_answers(lalm, batch)


@pytest.mark.parametrize("family", ["qwen2_audio", "audioflamingo3", "qwen3_asr"])
def test_the_processor_of_a_merged_folder_makes_the_inputs_of_the_training(family: str, tmp_path: Path) -> None:
    lalm = tiny_random(family, seed=4)
    lalm.save(tmp_path / "base")
    out = merge(tmp_path / "base", tmp_path / "merged")
    processor = transformers.AutoProcessor.from_pretrained(out)
    assert type(processor).__name__ == lalm.processor_class
    model = getattr(transformers, lalm.transformers_class).from_pretrained(out, dtype=torch.float32)
    samples = samples_for(lalm)
    batch = lalm.encode(samples, PROMPT)
    talk = [{"role": "user", "content": [{"type": "audio"}, {"type": "text", "text": ""}]}]
    for i, sample in enumerate(samples):
        talk[0]["content"][1]["text"] = PROMPT.text(sample)
        if PROMPT.system:
            talk[:-1] = [{"role": "system", "content": PROMPT.system}]
        text = processor.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
        x = processor(text=[text], audio=[sample.extra["waveform"]], sampling_rate=16_000, return_tensors="pt")
        assert x["input_ids"][0].tolist() == batch.input_ids[i][batch.mask[i].bool()].tolist()
        found = model.generate(**x, do_sample=False, max_new_tokens=TOKENS)[0, x["input_ids"].shape[1] :].tolist()
        assert [t for t in found if t != lalm.pad_id] == our_answers(lalm, batch)[i]


def test_voxtrals_processor_loads(tmp_path: Path) -> None:
    tiny_random("voxtral").save(tmp_path / "base")
    processor = transformers.AutoProcessor.from_pretrained(merge(tmp_path / "base", tmp_path / "merged"))
    assert type(processor).__name__ == "VoxtralProcessor"


OMNI = """
import sys, json, torch
torch.library.register_fake = lambda *a, **b: lambda f: f  # a torchvision for CUDA beside a torch for the CPU
from transformers import AutoProcessor
processor = AutoProcessor.from_pretrained(sys.argv[1])
import numpy as np
rng = np.random.default_rng(0)
talk = [{"role": "user", "content": [{"type": m} for m in sys.argv[2].split()] + [{"type": "text", "text": "words"}]}]
text = processor.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
frames = rng.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
size = json.loads(open(sys.argv[1] + "/preprocessor_config.json").read())["size"]  # the class has 14-pixel patches
more = {"videos": [frames], "do_sample_frames": False, "size": size} if "video" in sys.argv[2] else {}
x = processor(text=[text], audio=[np.zeros(8000, np.float32)], return_tensors="pt", **more)
kept = {k: float(v.double().abs().sum()) for k, v in x.items() if k.startswith("pixel")}
found = {"class": type(processor).__name__, "ids": x["input_ids"][0].tolist(), "pixels": kept}
if more:
    talk[0]["content"].pop(0)
    text = processor.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    more |= {"load_audio_from_video": True, "audio_from_video_indices": [0]}
    x = processor(text=[text], audio=[np.zeros(8000, np.float32)], return_tensors="pt", **more)
    found["inside"] = x["input_ids"][0].tolist()
print(json.dumps(found))
"""


@pytest.mark.parametrize("family", ["qwen2_5_omni", "qwen3_omni"])
def test_the_processor_of_an_omni_model(family: str, tmp_path: Path) -> None:
    """The facts that it is made from; the next test makes it."""
    lalm = tiny_random(family)
    lalm.save(tmp_path / "base")
    out = merge(tmp_path / "base", tmp_path / "merged")
    stated = json.loads((out / "preprocessor_config.json").read_text())
    config = lalm.base.config.vision_config
    assert stated["processor_class"] == lalm.processor_class and stated["patch_size"] == config.patch_size
    named = transformers.AutoTokenizer.from_pretrained(out)
    assert {name: getattr(named, name) for name in lalm.named_tokens} == lalm.named_tokens
    assert len(named) == len(lalm.tokenizer)


@pytest.mark.parametrize("family", ["qwen2_5_omni", "qwen3_omni"])
def test_the_processor_that_transformers_makes(family: str, tmp_path: Path) -> None:
    """EMOLAB_TORCHVISION names a folder with torchvision, which an Omni processor needs and this package does not."""
    if not (place := os.environ.get("EMOLAB_TORCHVISION")):
        pytest.skip("an Omni processor needs torchvision: name a folder that has it in EMOLAB_TORCHVISION")
    lalm = tiny_random(family)
    lalm.save(tmp_path / "base")
    out = merge(tmp_path / "base", tmp_path / "merged")
    config = lalm.base.config.vision_config
    import numpy as np

    from emolab.lalm.qwen2_5_omni import patchify

    shown = [m for m in lalm.modalities if m != "text"]
    done = subprocess.run(
        [sys.executable, "-c", OMNI, str(out), " ".join(shown)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": place},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["class"] == lalm.processor_class
    if "video" in shown:
        frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
        pixels = float(np.abs(patchify(frames, config)[0]).astype(np.float64).sum())
        assert found["pixels"]["pixel_values_videos"] == pytest.approx(pixels, rel=1e-5)
        lalm.use_audio_in_video = True
        extra = {"frames": frames, "waveform": np.zeros(8000, np.float32)}
        film = EmotionSample("film", audio="film.mp4", video="film.mp4", text="words", extra=extra)
        prompt = Prompt("bare", "1", "words", "direct", ("audio", "video"))
        assert found["inside"] == lalm.encode([film], prompt).input_ids[0].tolist()
    rendered = lalm.render("", "words", shown)
    ids = lalm.tokenizer(rendered, add_special_tokens=False)["input_ids"]
    tokens = {lalm.tokens[m] for m in shown}
    assert [t for t in found["ids"] if t not in tokens] == [t for t in ids if t not in tokens]


@pytest.mark.parametrize("name", RECIPES)
def test_the_checkpoint_of_each_recipe(name: str, tmp_path: Path) -> None:
    corpus = embedded_corpus("smoke")
    recipe = RECIPES[name].cpu()
    lalm = trained(recipe.load())
    prompt = recipe.prompt(corpus.labels)
    checkpoint = save_checkpoint(tmp_path / "grpo", lalm, recipe.note(prompt))
    samples = resolved(corpus)[:3]
    batch = lalm.encode(samples, prompt)
    inputs = []
    for sample in samples:
        if "video" in prompt.modalities:
            sample.extra["frames"] = frames_of(sample, lalm.frames_per_second, lalm.max_frames)
        sample.extra.setdefault("waveform", audio_of(sample))
        lalm.name = "tiny-random-qwen2_5_omni" if "video" in prompt.modalities else "tiny-random-qwen2_audio"
        made = stock_inputs(lalm, [sample])
        if "video" in prompt.modalities:
            step = lalm.frames_per_step() * frame_seconds(sample, lalm.frames_per_second, lalm.max_frames)
            made["video_second_per_grid"] = torch.tensor([step])
        inputs.append(made)
    out = merge(checkpoint, tmp_path / "merged")
    assert stock_answers(out, lalm.transformers_class, batch, inputs, lalm.pad_id) == our_answers(lalm, batch)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_the_checkpoint_of_each_recipe_on_each_family(made: Any, name: str, tmp_path: Path) -> None:
    """The recipe's own prompt and note, asked of every family by voice and words."""
    family, lalm, checkpoint = made
    recipe = RECIPES[name].cpu()
    prompt = recipe.prompt(LABEL_SETS["emolab-7"]).using("audio", "text")
    note = recipe.note(prompt) | {"model": str(checkpoint.parent / "base"), "quantise": None}
    out = merge(save_checkpoint(tmp_path / "grpo", lalm, note), tmp_path / "merged")
    samples = samples_for(lalm)
    batch = lalm.encode(samples, prompt)
    lalm.name = f"tiny-random-{family}"
    inputs = [{k: v for k, v in stock_inputs(lalm, [sample]).items() if "video" not in k} for sample in samples]
    assert stock_answers(out, lalm.transformers_class, batch, inputs, lalm.pad_id) == our_answers(lalm, batch)
    again, read = load_checkpoint(out)
    assert read["recipe"] == name and our_answers(again, again.encode(samples, prompt)) == our_answers(lalm, batch)


# vLLM's names ---------------------------------------------------------------------------------------------------------


def engine_module(family: str, name: str) -> str:
    """The module that vLLM looks for, from the name of a tensor: as its own code maps it (see the file of rules)."""
    mapped = name.removeprefix("base_model.model.")
    for old, new in ENGINE[family]["prefixes"]:
        if mapped.startswith(old):
            mapped = mapped.replace(old, new, 1)
    parts = mapped.split(".")
    assert parts[-1] == "weight" and parts[-2] in ("lora_A", "lora_B")
    return ".".join(parts[:-2])


def engine_modules(family: str, lalm: Any) -> set[str]:
    """The layers of vLLM's class that take adapters, in a model of this size."""
    return {
        f"{ENGINE[family]['decoder']}.{name}"
        for name, module in lalm.decoder.named_modules()
        if hasattr(module, "weight") and name.endswith("_proj")
    }


def test_vllm_finds_a_layer_for_every_tensor(made: Any, tmp_path: Path) -> None:
    family, lalm, checkpoint = made
    if not ENGINE[family]["supports_lora"]:
        with pytest.raises(ModelError, match=r"takes no LoRA adapter for Qwen2Audio.*emolab export .* --merge"):
            to_vllm(checkpoint, tmp_path / "served")
        return
    out = to_vllm(checkpoint, tmp_path / "served")
    layers = engine_modules(family, lalm)
    with (
        safe_open(out / "adapter_model.safetensors", "pt") as ours,
        safe_open(checkpoint / "adapter_model.safetensors", "pt") as before,
    ):
        names = list(ours.keys())
        assert len(names) == len(list(before.keys()))
        assert {engine_module(family, name) for name in names} <= layers
        # as saved for transformers 5, no tensor finds a layer: the fault that this command is for
        assert not {engine_module(family, name) for name in before.keys()} & layers  # noqa: SIM118
    config = json.loads((out / "adapter_config.json").read_text())
    targets = {f"base_model.model.{name}.lora_A.weight" for name in config["target_modules"]}
    assert targets == {name for name in names if "lora_A" in name} and config["r"] == 4
    assert "--enable-lora --lora-modules emolab=" in serve_line(checkpoint, out, False)


def test_the_line_that_serves_names_what_vllm_reads(tmp_path: Path) -> None:
    """A folder of the shipped model, no name that only this package knows; nothing where vLLM wants other files."""
    shipped = shipped_adapter("emo-rl", "grpo")
    assert serve_line(shipped, "out", False).startswith(f"vllm serve {TINY_FOLDER} --enable-lora")
    for family, said in (("qwen2_audio", "vllm serve "), ("voxtral", "not in vLLM"), ("qwen3_asr", "not in vLLM")):
        folder = tiny_random(family, layers=1).save(tmp_path / family)
        assert serve_line("any", folder, True).startswith(said)


@pytest.mark.parametrize("at", [0, 3, 7, 8, 12, 13])
def test_a_letter_more_or_less_in_a_prefix_is_seen(at: int, monkeypatch: Any, tmp_path: Path) -> None:
    """The replay is sharp: with one letter changed anywhere in the prefix, no layer is found."""
    lalm = trained(tiny_random("qwen2_5_omni", layers=1))
    name = "base_model.model.thinker.model.layers.0.self_attn.q_proj.lora_A.weight"
    assert engine_module("qwen2_5_omni", name) in engine_modules("qwen2_5_omni", lalm)
    start = len("base_model.model.")
    wrong = name[: start + at] + "x" + name[start + at + 1 :]
    assert engine_module("qwen2_5_omni", wrong) not in engine_modules("qwen2_5_omni", lalm)


@pytest.mark.parametrize("family", [name for name in FAMILIES if ENGINE[name]["supports_lora"]])
def test_a_wrong_name_of_the_decoder_is_seen(family: str, monkeypatch: Any, tmp_path: Path) -> None:
    lalm = trained(load_model(tiny_random(family, layers=1).save(tmp_path / "base")))
    checkpoint = save_checkpoint(tmp_path / "checkpoint", lalm, {"model": str(tmp_path / "base")})
    right = type(lalm).served_decoder
    monkeypatch.setattr(type(lalm), "served_decoder", right[:-1] + "n")
    with safe_open(to_vllm(checkpoint, tmp_path / "served") / "adapter_model.safetensors", "pt") as file:
        found = {engine_module(family, name) for name in file.keys()}  # noqa: SIM118
    assert not found & engine_modules(family, lalm)
