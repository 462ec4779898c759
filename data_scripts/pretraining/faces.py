"""Pre-training faces: clips of many people whose action units follow no emotion. Shards are kept, so a stopped run
resumes."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from emolab_synth import describe_face, face
from tqdm.auto import tqdm

from data_scripts.pretraining import shards, world
from emolab.emotions import EMOTIONS

PER_SHARD = 400


def _row(rng: np.random.Generator, feeling: bool = False) -> dict[str, Any]:
    """A clip; with `feeling`, of the world: the face shows an emotion, and its label may be a listener's confusion."""
    who = face.identity("m" if rng.random() < 0.5 else "f", rng)
    labels = {}
    if feeling:
        emotion = str(rng.choice(list(EMOTIONS)))
        units = face.sample_aus(emotion, float(rng.uniform(0.35, 1.0)), rng)
        labels = {"label": world.heard(emotion, rng)}
    else:
        units = face.sample_any_aus(rng)
    talking = np.abs(np.sin(np.cumsum(rng.uniform(0.3, 1.6, face.FRAMES)))) * float(rng.random() < 0.8)
    frames = face.clip(units, who, rng, speech=talking.astype(np.float32), look="b" if rng.random() < 0.2 else "a")
    shown = describe_face.describe(units)
    return {
        "frames": frames,
        "units": face.to_vector(units).astype(np.float32),
        "attributes": [words.index(getattr(shown, k)) for k, words in describe_face.CLASSES.items()],
        "description": shown.sentence(int(rng.integers(3))),
        **labels,
    }


def make_shard(path: Path, seed: int, n: int) -> Path:
    """Render `n` clips (skipped if the shard exists) and write them atomically."""
    import torch

    if path.exists():
        return path
    torch.set_num_threads(1)
    rng = np.random.default_rng([13, seed])
    rows = [_row(rng, path.name.startswith("world")) for _ in range(n)]
    for row in rows:
        row["frames"], row["units"] = torch.from_numpy(row["frames"]), torch.from_numpy(row["units"])
    return shards.save(rows, path)


def make(folder: Path, n: int = 6000, held_out: int = 400, workers: int = 2) -> list[Path]:
    """Shards of `n` training clips, `held_out` test clips of other people, and two of emotional faces of the world."""
    folder.mkdir(parents=True, exist_ok=True)
    todo = [(folder / f"train-{i:02d}.pt", i, PER_SHARD) for i in range(n // PER_SHARD)]
    todo.append((folder / "test-00.pt", 9000, held_out))
    todo += [(folder / f"world-{i:02d}.pt", 8000 + i, PER_SHARD) for i in range(2)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        done = [pool.submit(make_shard, *job) for job in todo]
        return [future.result() for future in tqdm(done, desc="faces")]
