"""The second generation: the shipped model goes on learning in the wild domain and in the world of `world.py`.

Stages over the work folder: `listen` (the audio tower under randomised channels), `speak` (the language model, at a
constant learning rate, for as long as there is time), `settle` (the same tasks while the rate falls), `export`. Every
stage resumes; a longer `speak` followed by `settle --restart` goes on from where an earlier session stopped.

The model that a work folder starts from is that of `start/` in it, else the shipped one. `grow` writes a `start/` with
more or wider layers that says the same as before, so that a longer pre-training has room to learn.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from data_scripts.pretraining import align, shards, stages, towers, voices
from data_scripts.pretraining.loop import train
from emolab.lalm.tiny import TINY_FOLDER

START = "start"
WORLD_CLIPS = 400  # of the held-out voices of the world: what the evaluation during training uses


def started(work: Path) -> tuple[Any, Any]:
    """The model that the work folder starts from, in float32, and its tokenizer."""
    from transformers import AutoTokenizer, Qwen2_5OmniThinkerForConditionalGeneration

    folder = work / START if (work / START).is_dir() else TINY_FOLDER
    model = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


def listen(work: Path, steps: int, batch: int = 32, lr: float = 5e-4) -> None:
    """The audio tower under every channel: fresh read-outs first, then tower and read-outs together."""
    model, _ = started(work)
    tower = model.model.audio_tower
    tower.config._attn_implementation = "eager"
    rows = voices.load(work / "voices", "train")
    data, held_out = stages.voice_data(rows), stages.voice_data(voices.load(work / "voices", "val"))
    heads = towers.AudioHeads(tower.config.output_dim, data)

    def losses(generator: torch.Generator, learn: bool) -> dict[str, torch.Tensor]:
        index = torch.randint(len(data), (batch,), generator=generator)
        with torch.set_grad_enabled(learn):
            hidden = towers.augmented_tokens(tower, data, index, generator)
        return towers.losses_of(*hidden, heads, data, index)

    def scores() -> dict[str, float]:
        return towers.audio_scores(tower, heads, held_out, torch.arange(len(held_out)))

    only = nn.ModuleDict({"heads": heads})
    train("heads", only, lambda g: losses(g, False), work, steps=80, lr=8e-3, every=80, evaluate=scores)
    both = nn.ModuleDict({"tower": tower, "heads": heads})
    train("listen", both, lambda g: losses(g, True), work, steps=steps, lr=lr, every=100, evaluate=scores)


def grown(model: Any, layers: int, intermediate: int) -> Any:
    """A copy of a model with more layers in its language model, each with a wider MLP, that says the same as before.

    New layers add nothing at first (their two output projections are zero), and neither do new hidden units. New layers
    are spread evenly among the old ones. Raises ValueError for sizes below the model's own.
    """
    config = copy.deepcopy(model.config)
    inner, old = config.text_config, model.model.language_model.layers
    if layers < len(old) or intermediate < inner.intermediate_size:
        raise ValueError(f"cannot shrink {len(old)} layers of {inner.intermediate_size} units")
    inner.num_hidden_layers, inner.intermediate_size = layers, intermediate
    inner.layer_types = [inner.layer_types[0]] * layers
    torch.manual_seed(0)
    bigger = type(model)(config).eval()
    rest = {k: v for k, v in model.state_dict().items() if "language_model.layers" not in k}
    bigger.load_state_dict(rest, strict=False)
    places = np.linspace(0, layers - 1, len(old)).round().astype(int).tolist()
    with torch.no_grad():
        for at, layer in enumerate(bigger.model.language_model.layers):
            layer.mlp.down_proj.weight.zero_()
            if at not in places:
                layer.self_attn.o_proj.weight.zero_()
                continue
            for name, value in old[places.index(at)].state_dict().items():
                layer.state_dict()[name][tuple(slice(n) for n in value.shape)].copy_(value)
    return bigger


def grow(work: Path, layers: int, intermediate: int) -> Path:
    """Write `start/` with a grown copy of the model that the work folder starts from."""
    model, tokenizer = started(work)
    return _written(grown(model, layers, intermediate), tokenizer, work / START)


def heard(work: Path) -> tuple[Any, Any]:
    """The started model, with the tower of `listen` where that stage was run; frozen towers; and the tokenizer."""
    model, tokenizer = started(work)
    if (work / "listen.pt").exists():
        model.model.audio_tower.load_state_dict(stages.state_of(work, "listen", "tower."))
    for tower in (model.model.audio_tower, model.model.visual):
        tower.requires_grad_(False)
    return model, tokenizer


def _faces(work: Path) -> list[dict[str, Any]]:
    return shards.load(work / "faces", "train") + shards.load(work / "faces", "world")


def remembered(work: Path, model: Any, split: str) -> align.Memory:
    """Tower outputs of a split ("train", or "held-out": validation voices and held-out voices of the world)."""
    path = work / f"memory-{split}.pt"
    if path.exists():
        return align.Memory(**torch.load(path, weights_only=True))
    if split == "train":
        rows, seen = voices.load(work / "voices", "train"), _faces(work)
    else:
        feeling = [r for r in voices.load(work / "voices", "world") if r["kind"] == "world"][:WORLD_CLIPS]
        rows, seen = voices.load(work / "voices", "val") + feeling, shards.load(work / "faces", "test")
    memory = stages.remember(model, rows, seen)
    drop = ("mel", "frames", "phones")  # the towers have heard and seen: only words and numbers are needed from here
    memory.voices = [{k: v for k, v in row.items() if k not in drop} for row in rows]
    memory.faces = [{k: v for k, v in row.items() if k != "frames"} for row in seen]
    names = ("audio", "audio_frames", "voices", "video", "faces")
    shards.save({name: getattr(memory, name) for name in names}, path)
    return memory


def _language(
    name: str, start: str | None, work: Path, mix: str, steps: int, batch: int, lr: float, minutes: float | None = None
) -> None:
    model, tokenizer = heard(work)
    if start is not None:
        model.model.language_model.load_state_dict(stages.state_of(work, start, "language."))
    memory, held_out = remembered(work, model, "train"), remembered(work, model, "held-out")
    tasks, modules = align.MIXES[mix], nn.ModuleDict({"language": model.model.language_model})

    def loss_of(generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        drawn = rng.choice(list(tasks), batch, p=np.array(list(tasks.values())) / sum(tasks.values()))
        examples = [align.draw(memory, rng, str(task)) for task in drawn]
        return {"answer": align.answer_loss(model, examples, tokenizer, memory, float(rng.uniform(0.3, 0.8)), 4)}

    @torch.no_grad()
    def evaluate() -> dict[str, float]:
        rng, scores = np.random.default_rng(5), {}
        for task in tasks:
            examples = [align.draw(held_out, rng, task) for _ in range(64)]
            scores[task] = round(float(align.answer_loss(model, examples, tokenizer, held_out, 0.5)), 4)
        return scores

    seed, schedule = {"speak": (0, "constant"), "settle": (1, "fall")}[name]
    options: dict[str, Any] = {"schedule": schedule, "minutes": minutes, "evaluate": evaluate, "seed": seed}
    train(name, modules, loss_of, work, steps=steps, lr=lr, every=100, **options)


def speak(work: Path, steps: int, minutes: float | None, batch: int = 48, mix: str = "long", lr: float = 1e-3) -> None:
    """The language model on a mix of tasks of `align.MIXES`, towers frozen, at a constant learning rate."""
    _language("speak", None, work, mix, steps, batch, lr, minutes)


def settle(work: Path, steps: int, restart: bool, batch: int = 48, mix: str = "long", lr: float = 1e-3) -> None:
    """The same while the learning rate falls, from the last checkpoint of `speak`."""
    if restart:
        (work / "settle.pt").unlink(missing_ok=True)
    _language("settle", "speak", work, mix, steps, batch, lr)


def export(work: Path, folder: Path, stage: str = "settle") -> Path:
    """Write a folder as the package ships it (float16 weights, tokenizer, extractor), from a stage's checkpoint."""
    model, tokenizer = heard(work)
    model.model.language_model.load_state_dict(stages.state_of(work, stage, "language."))
    return _written(model, tokenizer, folder)


def _written(model: Any, tokenizer: Any, folder: Path) -> Path:
    from transformers import WhisperFeatureExtractor

    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=128).save_pretrained(folder)
    return folder
