"""Pre-training speech: many voices saying sentences of a neutral grammar, with prosody that follows no emotion.

Held-out talkers and the sentence bank of the corpus are never used. One shard per voice; a shard that exists is kept,
so the
command can be stopped and run again. Needs espeak-ng (`pip install emolab[voices]`).
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from data_scripts.pretraining import shards
from emolab.synth import describe_voice, prosody, seeds, talkers, text, voice
from emolab.synth.espeak import Speech, synth_bank
from emolab.synth.text_grammar import CLAUSES

TOKEN_SECONDS = 0.04
PHONES = ("", *"aeiouIEUVO03@A&", *"wjrl", *"mnN", *"bdgptk?", *"vDzZfTsShx")  # first letter of espeak-ng's mnemonic
EMOTIONAL_TEXTS = 0.25  # share of sentences whose words (never voices) express something


@dataclass(frozen=True)
class VoiceJob:
    """One shard: a voice of espeak-ng (or a base voice that is held out, for the report), its sentences, and where it
    goes."""

    name: str
    espeak: str
    rate: int
    f0_shift: float
    warp: float
    texts: tuple[str, ...]
    renders: int
    seed: int
    out: Path


def fine_phones(seed: seeds.Seed, speech: Speech) -> seeds.Seed:
    """The seed with phones by letter instead of by class: what a transcription needs."""
    edge, hop = 0.025, 0.005  # the silence that `seeds.analyse` puts around a seed; its frame
    phone = np.zeros(len(seed), np.int8)
    for p in speech.phones:
        phone[int((p.start + edge) / hop) : int((p.end + edge) / hop)] = (
            PHONES.index(p.label[0]) if p.label[0] in PHONES else 0
        )
    return replace(seed, phone=phone)


def sentences(n: int, rng: np.random.Generator) -> tuple[str, ...]:
    """`n` sentences of the grammar, some with emotional words."""
    feelings = tuple(prosody.PROFILES)[1:]
    return tuple(
        text.random_emotional(feelings[int(rng.integers(len(feelings)))], rng)
        if rng.random() < EMOTIONAL_TEXTS
        else text.random_sentence(rng)
        for _ in range(n)
    )


def has_feeling(words: str) -> bool:
    """Whether a sentence of `sentences` holds a clause that expresses something."""
    return any(clause.lower() in words.lower() for clauses in CLAUSES.values() for clause in clauses)


def _render(seed: seeds.Seed, job: VoiceJob, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, Any]]:
    higher = rng.normal(0, 1.2)  # higher voices come from shorter vocal tracts
    warp = job.warp * float(np.clip(1 + 0.025 * higher + rng.normal(0, 0.015), 0.88, 1.12))
    spoken, room = prosody.sample_any(rng), voice.sample_room(rng, "b" if rng.random() < 0.3 else "a")
    utterance = voice.utter(seed, spoken, rng, job.f0_shift + higher, warp)
    wave = voice.record(utterance.wave, spoken, rng, room)
    truth = voice.ground_truth(utterance, TOKEN_SECONDS, room.lead, len(wave) / voice.SAMPLE_RATE)
    frames = np.stack([truth[k] for k in ("semitones", "f0", "voiced", "energy", "tilt")], 1).astype(np.float32)
    attributes = describe_voice.describe(spoken)
    return wave, {
        "frames": frames,
        "phones": truth["phone"].astype(np.int8),
        "clip": list(spoken.dict().values()),
        "attributes": [words.index(getattr(attributes, k)) for k, words in describe_voice.ATTRIBUTES.items()],
        "description": attributes.sentence(rng),
    }


def mel_of(waves: list[np.ndarray]) -> list[np.ndarray]:
    """Log-mel of each wave (128, frames) float16, as the model's feature extractor makes it, without padding."""
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor(feature_size=128)
    return [
        extractor(w, sampling_rate=16000, padding="longest", return_tensors="np").input_features[0].astype(np.float16)
        for w in waves
    ]


def make_shard(job: VoiceJob) -> Path:
    """Render one shard (skipped if it exists) and write it atomically."""
    if job.out.exists():
        return job.out
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng([7, job.seed])
    rows: list[dict[str, Any]] = []
    waves: list[np.ndarray] = []
    for words, speech in zip(job.texts, synth_bank(job.espeak, job.rate, list(job.texts)), strict=True):
        seed = fine_phones(seeds.analyse(speech, words), speech)
        for _ in range(job.renders):
            wave, row = _render(seed, job, rng)
            waves.append(wave)
            rows.append({**row, "text": words})
    for row, mel in zip(rows, mel_of(waves), strict=True):
        row["mel"] = torch.from_numpy(mel)
        row["frames"], row["phones"] = torch.from_numpy(row["frames"]), torch.from_numpy(row["phones"])
    return shards.save(rows, job.out)


def jobs(folder: Path, sentences_each: int, renders: int) -> list[VoiceJob]:
    """One job per pre-training voice, and one per held-out base voice: "val" voices guide, "test" voices are only
    reported."""
    rng = np.random.default_rng(11)
    out = [
        VoiceJob(f"train-{i:02d}", *v, sentences(sentences_each, rng), renders, i, folder / f"train-{i:02d}.pt")
        for i, v in enumerate(talkers.PRETRAIN_VOICES)
    ]
    for i, v in enumerate(v for v in talkers.VOICES.values() if v.domain == "a" and v.split in ("val", "test")):
        said = (
            tuple(s.text for s in text.sentences_of(v.id, v.split, v.domain))
            if v.split == "test"
            else sentences(40, rng)
        )
        name = f"{v.split}-{v.id}"
        out.append(VoiceJob(name, v.espeak, v.rate, v.f0_shift, v.warp, said, 2, 1000 + i, folder / f"{name}.pt"))
    return out


def make(folder: Path, sentences_each: int = 130, renders: int = 3, workers: int = 2) -> list[Path]:
    """All shards under `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    todo = jobs(folder, sentences_each, renders)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(tqdm(pool.map(make_shard, todo), total=len(todo), desc="voices"))


def load(folder: Path, split: str) -> list[dict[str, Any]]:
    """All rows of the shards of a split."""
    rows = shards.load(folder, split)
    for row in rows:
        row["feeling"] = has_feeling(row["text"])
    return rows
