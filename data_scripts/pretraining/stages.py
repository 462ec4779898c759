"""Stages of pre-training, each a function over the work folder: data, tokenizer, audio, vision, memory, align,
export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from emolab_synth import describe_face, describe_voice, prosody, text_words
from emolab_synth.plan import plan
from emolab_synth.realise import realise, to_sample
from torch import nn
from tqdm.auto import tqdm

from data_scripts.pretraining import align, faces, grammar, shards, towers, voices
from data_scripts.pretraining.loop import train
from data_scripts.pretraining.tiny_model import build_config, train_tokenizer
from emolab.emotions import EMOTIONS
from emolab.lalm.tiny import TINY_FOLDER
from emolab.prompts import PROMPTS


def make_data(work: Path, workers: int) -> None:
    """Render the speech and the faces."""
    voices.make(work / "voices", workers=workers)
    faces.make(work / "faces", n=2400, workers=workers)


def corpus_of_texts(work: Path) -> list[str]:
    """Everything that the model will read or write, for the tokenizer: seeded, held-out sentences left out."""
    rng = np.random.default_rng(3)
    rows = voices.load(work / "voices", "train")
    lines = [row["text"] for row in rows[::3]] + [align.voice_sentence(row, rng) for row in rows]
    seen = torch.load(work / "faces" / "train-00.pt", weights_only=True)
    lines += [align.face_sentence(row, rng) for row in seen] * 4
    lines += [str(to_sample(spec, realise(spec)).caption) for spec in plan("course", 0) if spec.split == "train"]
    lines += [words for words, _ in grammar.text_examples(3000, rng)]
    for _ in range(20):
        for word in text_words.EMOTION_WORDS:
            lines += list(align.meaning_of(word, rng))
    for prompt in PROMPTS.values():
        lines += [f'<|im_start|>user\nThe words: "{prompt.user}<|im_end|>\n<|im_start|>assistant\n'] * 40
    for emotion in EMOTIONS:
        lines += [f"<answer>{emotion}</answer>", f"the speaker sounds {emotion}", f"so the speaker is {emotion}"] * 60
    return lines


def make_tokenizer(work: Path) -> Any:
    """Train (or read) the tokenizer under `work/tokenizer`."""
    from transformers import AutoTokenizer

    folder = work / "tokenizer"
    if not folder.exists():
        train_tokenizer(corpus_of_texts(work)).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def new_model(work: Path) -> Any:
    """The model with its initial weights (seeded)."""
    from transformers import Qwen2_5OmniThinkerForConditionalGeneration

    torch.manual_seed(0)
    return Qwen2_5OmniThinkerForConditionalGeneration(build_config(make_tokenizer(work))).eval()


def voice_data(rows: list[dict[str, Any]]) -> towers.VoiceData:
    """Rows as ragged tensors; targets are scaled by fixed spans, so that every split is scaled alike."""
    low, high = np.array([prosody.RANGES[c] for c in prosody.CUES]).T
    centre, scale = torch.tensor((low + high) / 2).float(), torch.tensor((high - low) / 12**0.5).float()
    middle = torch.tensor([0.0, 7.3, 0.0, -10.0, -4.0])
    width = torch.tensor([6.0, 0.7, 1.0, 10.0, 4.0])
    mels, frames, phones = [], [], []
    for row in rows:
        n = int(towers.token_count(torch.tensor(row["mel"].shape[1])))
        padded = torch.nn.functional.pad(row["frames"], (0, 0, 0, max(0, n - len(row["frames"]))))[:n]
        mels.append(row["mel"])
        frames.append((padded - middle) / width)
        phones.append(torch.nn.functional.pad(row["phones"], (0, max(0, n - len(row["phones"]))))[:n])
    clip = (torch.tensor([row["clip"] for row in rows]) - centre) / scale
    return towers.VoiceData(
        mels,
        frames,
        phones,
        clip,
        torch.tensor([row["attributes"] for row in rows]),
        [len(v) for v in describe_voice.ATTRIBUTES.values()],
        len(voices.PHONES),
    )


def train_audio(work: Path, steps: int, batch: int = 40, lr: float = 1.5e-3) -> None:
    """Dense pre-training of the audio tower."""
    tower = new_model(work).model.audio_tower
    tower.config._attn_implementation = "eager"  # on CPU the fused kernel's backward costs three times as much
    data, held_out = voice_data(voices.load(work / "voices", "train")), voice_data(voices.load(work / "voices", "val"))
    modules = nn.ModuleDict({"tower": tower, "heads": towers.AudioHeads(tower.config.output_dim, data)})

    def loss_of(generator: torch.Generator) -> dict[str, torch.Tensor]:
        index = torch.randint(len(data), (batch,), generator=generator)
        return towers.audio_losses(tower, modules["heads"], data, index, generator)

    train(
        "audio",
        modules,
        loss_of,
        work,
        steps=steps,
        lr=lr,
        every=500,
        evaluate=lambda: towers.audio_scores(tower, modules["heads"], held_out, torch.arange(len(held_out))),
    )


def train_vision(work: Path, steps: int, batch: int = 32, lr: float = 1e-3) -> None:
    """Dense pre-training of the vision tower on action units and face attributes."""
    tower = new_model(work).model.visual
    tower.config._attn_implementation = "eager"
    data, held_out = (
        towers.face_data(shards.load(work / "faces", "train")),
        towers.face_data(shards.load(work / "faces", "test")),
    )
    sizes = [len(v) for v in describe_face.CLASSES.values()]
    width = towers.CELLS * tower.config.out_hidden_size
    heads = {"units": nn.Linear(width, data.units.shape[1]), "attributes": nn.Linear(width, sum(sizes))}
    modules = nn.ModuleDict({"tower": tower, **heads})

    def loss_of(generator: torch.Generator) -> dict[str, torch.Tensor]:
        index = torch.randint(len(data.frames), (batch,), generator=generator)
        return towers.face_losses(modules, data, index, sizes, generator)

    train(
        "vision",
        modules,
        loss_of,
        work,
        steps=steps,
        lr=lr,
        every=250,
        evaluate=lambda: towers.face_scores(modules, held_out, sizes),
    )


def state_of(work: Path, name: str, prefix: str) -> dict[str, torch.Tensor]:
    """The part of a stage's checkpoint under `prefix`."""
    state = torch.load(work / f"{name}.pt", weights_only=True)["modules"]
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def with_towers(work: Path) -> Any:
    """The model with its pre-trained towers, frozen."""
    model = new_model(work)
    model.model.audio_tower.load_state_dict(state_of(work, "audio", "tower."))
    model.model.visual.load_state_dict(state_of(work, "vision", "tower."))
    for tower in (model.model.audio_tower, model.model.visual):
        tower.requires_grad_(False)
    return model


@torch.no_grad()
def remember(model: Any, rows: list[dict[str, Any]], seen: list[dict[str, Any]]) -> align.Memory:
    """Tower outputs of all clips and faces, computed once."""
    audio: list[torch.Tensor] = []
    for start in tqdm(range(0, len(rows), 64), desc="audio embeddings"):
        hidden, counts = towers.tower_tokens(
            model.model.audio_tower, [r["mel"].float() for r in rows[start : start + 64]]
        )
        audio += [h.half() for h in hidden.split(counts.tolist())]
    video: list[torch.Tensor] = []
    for start in tqdm(range(0, len(seen), 64), desc="face embeddings"):
        video += list(
            towers.face_tokens(model.model.visual, torch.stack([r["frames"] for r in seen[start : start + 64]])).half()
        )
    return align.Memory(audio, [r["mel"].shape[1] for r in rows], rows, video, seen)


def train_alignment(work: Path, steps: int, batch: int = 48, lr: float = 2e-3) -> None:
    """The language model on its tasks, towers frozen."""
    _train_language("align", align.TASKS, with_towers(work), work, steps, batch, lr)


def train_formats(work: Path, steps: int, batch: int = 48, lr: float = 6e-4) -> None:
    """The forms of the completions, on what may be said of words, voices and faces; the tasks of before beside them."""
    model = with_towers(work)
    model.model.language_model.load_state_dict(state_of(work, "align", "language."))
    _train_language("formats", align.FORMATS, model, work, steps, batch, lr)


def _train_language(
    name: str, tasks: dict[str, float], model: Any, work: Path, steps: int, batch: int, lr: float
) -> None:
    tokenizer = make_tokenizer(work)
    memory = remember(model, voices.load(work / "voices", "train"), shards.load(work / "faces", "train"))
    held_out = remember(model, voices.load(work / "voices", "val"), shards.load(work / "faces", "test"))
    modules = nn.ModuleDict({"language": model.model.language_model})

    def loss_of(generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        drawn = rng.choice(list(tasks), batch, p=np.array(list(tasks.values())) / sum(tasks.values()))
        examples = [align.draw(memory, rng, str(task)) for task in drawn]
        return {"answer": align.answer_loss(model, examples, tokenizer, memory, float(rng.uniform(0.3, 0.8)))}

    @torch.no_grad()
    def evaluate() -> dict[str, float]:
        rng, scores = np.random.default_rng(5), {}
        for task in tasks:
            examples = [align.draw(held_out, rng, task) for _ in range(96)]
            scores[task] = round(float(align.answer_loss(model, examples, tokenizer, held_out, 0.5)), 4)
        return scores

    train(name, modules, loss_of, work, steps=steps, lr=lr, every=250, evaluate=evaluate)


def export(work: Path, folder: Path = TINY_FOLDER) -> Path:
    """Write the folder that the package ships, loadable by stock transformers: float16 weights, tokenizer,
    extractor."""
    from transformers import WhisperFeatureExtractor

    model = with_towers(work)
    model.model.language_model.load_state_dict(state_of(work, "formats", "language."))
    tokenizer = make_tokenizer(work)
    model.generation_config.pad_token_id, model.generation_config.eos_token_id = (
        tokenizer.pad_token_id,
        tokenizer.eos_token_id,
    )
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=128).save_pretrained(folder)
    return folder
