"""Pre-training speech: many voices saying sentences of a neutral grammar, in two ways.

Most clips have prosody that follows no emotion. The voices that no domain has also speak with emotions, in the world of
`world.py`, with labels of which a part is wrong. Half of the first kind and all of the second pass the channels of
domain `wild`. Held-out talkers and the sentence bank of the corpus are never used. One shard per voice; a shard that
exists is kept, so the command can be stopped and run again. Needs espeak-ng (`pip install emolab[voices]`).
"""

from __future__ import annotations

import csv
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from emolab_synth import channel, describe_voice, prosody, seeds, talkers, text, voice
from emolab_synth.espeak import Speech, synth_bank
from tqdm.auto import tqdm

from data_scripts.pretraining import grammar, shards, world

TOKEN_SECONDS = 0.04
PHONES = ("", *"aeiouIEUVO03@A&", *"wjrl", *"mnN", *"bdgptk?", *"vDzZfTsShx")  # first letter of espeak-ng's mnemonic
OUTSIDE = {v.espeak for v in talkers.VOICES.values()}  # what the domains hear: these voices never speak with emotions


def _heard() -> tuple[tuple[str, int, float, float], ...]:
    """(espeak-ng voice, rate, F0 shift, warp): voices of the training talkers, and those of `voices.csv`."""
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        others = [(r["espeak"], int(r["rate"]), float(r["f0_shift"]), float(r["warp"])) for r in csv.DictReader(file)]
    own = [v for v in talkers.VOICES.values() if v.split == "train"]
    return (*((v.espeak, v.rate, v.f0_shift, v.warp) for v in own), *others)


VOICES = _heard()
"""What a model may hear in pre-training. None is spoken by a validation or test talker of either domain."""
HELD_OUT = 2  # voices of the emotional world that only measure


@dataclass(frozen=True)
class VoiceJob:
    """One shard: a voice of espeak-ng (or a base voice that is held out, for the report), its sentences, how each is
    rendered ("home", "wild", "world"), and where it goes."""

    name: str
    espeak: str
    rate: int
    f0_shift: float
    warp: float
    texts: tuple[str, ...]
    renders: tuple[str, ...]
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
    """`n` sentences of the world."""
    return tuple(world.sentence(rng) for _ in range(n))


def has_feeling(words: str) -> bool:
    """Whether a sentence of `sentences` holds a clause that expresses something."""
    return said_emotion(words) != "neutral"


def said_emotion(words: str) -> str:
    """The emotion that the clauses of a sentence express, "neutral" where there is none."""
    for emotion, clauses in grammar.CLAUSES.items():
        if any(clause.lower() in words.lower() for clause in clauses):
            return emotion
    return "neutral"


def _home(job: VoiceJob, rng: np.random.Generator) -> tuple[prosody.Prosody, voice.Room, float, float, None]:
    higher = rng.normal(0, 1.2)  # higher voices come from shorter vocal tracts
    warp = job.warp * float(np.clip(1 + 0.025 * higher + rng.normal(0, 0.015), 0.88, 1.12))
    room = voice.sample_room(rng, "b" if rng.random() < 0.3 else "a")
    return prosody.sample_any(rng), room, job.f0_shift + higher, warp, None


def _wild(
    job: VoiceJob, rng: np.random.Generator, spoken: prosody.Prosody
) -> tuple[prosody.Prosody, voice.Room, float, float, channel.Channel]:
    shift, warp, _ = talkers.wild_variation(rng)
    return spoken, channel.sample_wild_room(rng), job.f0_shift + shift, job.warp * warp, channel.sample_channel(rng)


def _feeling(rng: np.random.Generator, words: str) -> tuple[prosody.Prosody, dict[str, Any]]:
    """Prosody of an emotional clip and its labels. Where the words feel, the voice agrees, is neutral, or disagrees."""
    says, chance = said_emotion(words), rng.random()
    emotion = str(rng.choice(list(prosody.PROFILES)))
    if says != "neutral" and chance < 0.7:
        emotion = says if chance < 0.35 else "neutral"
    style = prosody.sample_style(rng)
    strength = float(rng.uniform(0.35, 1.0))
    expressive = float(rng.uniform(0.6, 1.3))
    spoken = prosody.sample_prosody(
        emotion, strength, rng, expressive, "wild", prosody.WILD_CUE_SD, prosody.WILD_SPREAD, style=style
    )
    label = world.heard(world.felt(emotion, says), rng)
    return spoken, {"voice_emotion": emotion, "label": label, "says": says}


def _render(
    seed: seeds.Seed, job: VoiceJob, kind: str, words: str, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, Any]]:
    extra: dict[str, Any] = {"kind": kind}
    if kind == "home":
        spoken, room, shift, warp, path = _home(job, rng)
    elif kind == "wild":
        calm = rng.random() < 0.25  # ordinary neutral speech: a habit and no more
        free = prosody.sample_prosody("neutral", 1.0, rng, 1.0, "wild", style=prosody.sample_style(rng))
        spoken, room, shift, warp, path = _wild(job, rng, free if calm else prosody.sample_any(rng))
    else:
        spoken, labels = _feeling(rng, words)
        spoken, room, shift, warp, path = _wild(job, rng, spoken)
        extra |= labels
    utterance = voice.utter(seed, spoken, rng, shift, warp)
    if path is None:
        wave = voice.record(utterance.wave, spoken, rng, room)
    else:
        wave = channel.record_wild(utterance.wave, spoken, rng, room, path)
    truth = voice.ground_truth(utterance, TOKEN_SECONDS, room.lead, len(wave) / voice.SAMPLE_RATE)
    frames = np.stack([truth[k] for k in ("semitones", "f0", "voiced", "energy", "tilt")], 1).astype(np.float32)
    attributes = describe_voice.describe(spoken)
    return wave, {
        "frames": frames,
        "phones": truth["phone"].astype(np.int8),
        "clip": list(spoken.dict().values()),
        "attributes": [words.index(getattr(attributes, k)) for k, words in describe_voice.ATTRIBUTES.items()],
        **extra,
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
        for kind in job.renders:
            wave, row = _render(seed, job, kind, words, rng)
            waves.append(wave)
            rows.append({**row, "text": words})
    for row, mel in zip(rows, mel_of(waves), strict=True):
        row["mel"] = torch.from_numpy(mel)
        row["frames"], row["phones"] = torch.from_numpy(row["frames"]), torch.from_numpy(row["phones"])
    return shards.save(rows, job.out)


def jobs(folder: Path, sentences_each: int) -> list[VoiceJob]:
    """One job per pre-training voice, and one per held-out base voice of domain a.

    "val" voices guide, "test" voices are only reported; "world" voices are held out of the emotional world.
    """
    rng = np.random.default_rng(11)
    plain, out = ("home", "wild"), []
    outside = [v for v in VOICES if v[0] not in OUTSIDE]
    for i, v in enumerate(VOICES):
        split = "world" if v in outside[-HELD_OUT:] else "train"
        kinds = (*plain, "world") if v in outside else plain
        name = f"{split}-{i:02d}"
        out.append(VoiceJob(name, *v, sentences(sentences_each, rng), kinds, i, folder / f"{name}.pt"))
    for i, base in enumerate(v for v in talkers.VOICES.values() if v.domain == "a" and v.split in ("val", "test")):
        said = sentences(40, rng)
        if base.split == "test":
            said = tuple(s.text for s in text.sentences_of(base.id, base.split, base.domain))
        name = f"{base.split}-{base.id}"
        who = (base.espeak, base.rate, base.f0_shift, base.warp)
        out.append(VoiceJob(name, *who, said, plain, 1000 + i, folder / f"{name}.pt"))
    return sorted(out, key=lambda job: (job.name.startswith("train"), -job.seed))  # what measures comes first


def make(folder: Path, sentences_each: int = 60, workers: int = 2) -> list[Path]:
    """All shards under `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    todo = jobs(folder, sentences_each)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(tqdm(pool.map(make_shard, todo), total=len(todo), desc="voices"))


def load(folder: Path, split: str) -> list[dict[str, Any]]:
    """All rows of the shards of a split."""
    rows = shards.load(folder, split)
    for row in rows:
        row["feeling"] = has_feeling(row["text"])
        row.setdefault("says", said_emotion(row["text"]))
    return rows
