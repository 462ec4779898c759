"""The second generation: the shipped model goes on learning in the wild domain and in the world of `world.py`.

Stages over the work folder: `listen` (the audio tower under randomised channels), `speak` (the language model, at a
constant learning rate, for as long as there is time), `settle` (the same tasks while the rate falls), `export`. Every
stage resumes; a longer `speak` followed by `settle --restart` goes on from where an earlier session stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from data_scripts.pretraining import align, shards, stages, towers, voices
from data_scripts.pretraining.loop import train
from emolab.lalm.tiny import TINY_FOLDER

WORLD_CLIPS = 400  # of the held-out voices of the world: what the evaluation during training uses


def shipped(folder: Path = TINY_FOLDER) -> tuple[Any, Any]:
    """The model of a folder in float32, and its tokenizer."""
    from transformers import AutoTokenizer, Qwen2_5OmniThinkerForConditionalGeneration

    model = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


def listen(work: Path, steps: int, batch: int = 32, lr: float = 5e-4) -> None:
    """The audio tower under every channel: fresh read-outs first, then tower and read-outs together."""
    model, _ = shipped()
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


def heard(work: Path) -> tuple[Any, Any]:
    """The shipped model, with the tower of `listen` where that stage was run; frozen towers; and the tokenizer."""
    model, tokenizer = shipped()
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
    name: str, start: str | None, work: Path, steps: int, batch: int, lr: float, schedule: str, minutes: float | None
) -> None:
    model, tokenizer = heard(work)
    if start is not None:
        model.model.language_model.load_state_dict(stages.state_of(work, start, "language."))
    memory, held_out = remembered(work, model, "train"), remembered(work, model, "held-out")
    tasks, modules = align.WORLD, nn.ModuleDict({"language": model.model.language_model})

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

    seed = {"speak": 0, "settle": 1}[name]
    options: dict[str, Any] = {"schedule": schedule, "minutes": minutes, "evaluate": evaluate, "seed": seed}
    train(name, modules, loss_of, work, steps=steps, lr=lr, every=100, **options)


def speak(work: Path, steps: int, minutes: float | None, batch: int = 48, lr: float = 1e-3) -> None:
    """The language model on the tasks of `align.WORLD`, towers frozen, at a constant learning rate."""
    _language("speak", None, work, steps, batch, lr, "constant", minutes)


def settle(work: Path, steps: int, restart: bool, batch: int = 48, lr: float = 1e-3) -> None:
    """The same while the learning rate falls, from the last checkpoint of `speak`."""
    if restart:
        (work / "settle.pt").unlink(missing_ok=True)
    _language("settle", "speak", work, steps, batch, lr, "fall", None)


def export(work: Path, folder: Path, stage: str = "settle") -> Path:
    """Write a folder as the package ships it (float16 weights, tokenizer, extractor), from a stage's checkpoint."""
    from transformers import WhisperFeatureExtractor

    model, tokenizer = heard(work)
    model.model.language_model.load_state_dict(stages.state_of(work, stage, "language."))
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=128).save_pretrained(folder)
    return folder
