"""Sounds that the embedded corpus does not hold: how often they are told from its clips, by the tower's distance.

`python -m data_scripts.pretraining.strangers MODEL --people PEOPLE --out strangers.json` embeds clips of each kind and
fits `emolab.lalm.likeness` on domain a's training clips. The threshold comes from training voices, each left out of
the fit in turn, because two validation voices are too few to say how far a new voice may lie. The table says which
share of each kind lies beyond the threshold: few of the domains, many of the strangers.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from emolab_synth.vocoder import SAMPLE_RATE

from data_scripts.pretraining.judge import rendered
from emolab.lalm import load_model
from emolab.samples import EmotionSample

SECONDS = 2.5


def silence(rng: np.random.Generator) -> np.ndarray:
    """A quiet room: noise at −80 to −60 dB."""
    return rng.normal(0, 10 ** (rng.uniform(-80, -60) / 20), int(SECONDS * SAMPLE_RATE))


def noise(rng: np.random.Generator) -> np.ndarray:
    """Coloured noise at −40 to −10 dB."""
    spectrum = np.fft.rfft(rng.standard_normal(int(SECONDS * SAMPLE_RATE)))
    hz = np.maximum(np.fft.rfftfreq(int(SECONDS * SAMPLE_RATE), 1 / SAMPLE_RATE), 50)
    wave = np.fft.irfft(spectrum / hz ** rng.uniform(0, 1.2))
    return wave / wave.std() * 10 ** (rng.uniform(-40, -10) / 20)


def music(rng: np.random.Generator) -> np.ndarray:
    """Broken chords of decaying partials, four notes a second."""
    t = np.arange(int(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    wave, root = np.zeros(len(t)), rng.uniform(110, 330)
    for k in range(int(SECONDS * 4)):
        since = np.maximum(t - k / 4, 0)
        pitch = root * 2 ** (rng.choice([0, 3, 4, 7, 12]) / 12)
        note = sum(np.sin(2 * np.pi * pitch * h * since) / h for h in range(1, 7))
        wave += note * np.exp(-4 * since) * (t >= k / 4)
    return wave / wave.std() * 10 ** (rng.uniform(-35, -15) / 20)


MADE: dict[str, Callable[[np.random.Generator], np.ndarray]] = {"silence": silence, "noise": noise, "music": music}


def made(kind: str, n: int = 40) -> list[EmotionSample]:
    """`n` sounds of a kind of MADE."""
    rng = np.random.default_rng([51, list(MADE).index(kind)])
    waves = [np.clip(MADE[kind](rng), -1, 1).astype(np.float32) for _ in range(n)]
    return [EmotionSample(f"{kind}-{i}", extra={"waveform": wave}) for i, wave in enumerate(waves)]


def people(folder: Path, split: str, calm: bool) -> list[EmotionSample]:
    """Neutral prompts, or acted calls, of a split of `people.csv`."""
    with (folder / "people.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == split and (r["emotion"] == "neutral") == calm]
    return [EmotionSample(r["path"], audio=str(folder / r["path"]), emotion=r["emotion"]) for r in rows]


def kinds(folder: Path | None) -> dict[str, list[EmotionSample]]:
    """Name to clips; "a train" and "a val" fit the distance and its threshold."""
    wanted = (("a", "train", 60), ("a", "val", 15), ("a", "test", 20), ("b", "test", 20))
    found = {f"{domain} {split}": rendered(split, domain, each) for domain, split, each in wanted}
    found |= {"wild test": rendered("test", "wild", 15, "wild"), **{kind: made(kind) for kind in MADE}}
    if folder is not None:
        for split in ("dev", "test"):
            found[f"people, neutral, {split}"] = people(folder, split, True)
            found[f"people, acted, {split}"] = people(folder, split, False)
    return found


def left_out(rows: np.ndarray, voices: list[str]) -> np.ndarray:
    """Distances (N,) of clips to the clips of all other voices, sorted."""
    from emolab.lalm.likeness import Likeness

    names, found = np.array(voices), []
    for name in sorted(set(voices)):
        rest = names != name
        others = Likeness.of(rows[rest], names[rest].tolist(), [None] * int(rest.sum()))
        found += [others.distance(row) for row in rows[names == name]]
    return np.sort(found)


def main(
    model: str,
    out: Annotated[Path, typer.Option(help="Where the table goes, as JSON.")],
    people_folder: Annotated[Path | None, typer.Option("--people", help="What data_scripts/people.py filled.")] = None,
    write: Annotated[Path | None, typer.Option(help="Folder to which the fitted likeness is written.")] = None,
) -> None:
    """Fit the distance, measure every kind, write the table."""
    from emolab.lalm.likeness import Likeness, embeddings, tower_identity

    lalm = load_model(model)
    clips = kinds(people_folder)
    vectors = {name: embeddings(lalm, samples) for name, samples in clips.items()}
    home, voices = vectors["a train"], [str(s.speaker)[:3] for s in clips["a train"]]
    words = [s.text for s in clips["a train"]]
    fitted = Likeness.of(home, voices, words, tower_identity(lalm), "the embedded corpus's domain a")
    fitted = replace(fitted, held_out=left_out(home, voices))
    table: dict[str, Any] = {"threshold": round(fitted.threshold, 2), "quantile": fitted.quantile}
    for name, rows in vectors.items():
        distances = np.array([fitted.distance(row) for row in rows])
        beyond = float((distances > fitted.threshold).mean())
        spread = [round(float(q), 2) for q in np.quantile(distances, (0.05, 0.5, 0.95))]
        table[name] = {"n": len(rows), "quantiles_5_50_95": spread, "beyond": round(beyond, 3)}
    out.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    typer.echo(json.dumps(table, indent=2))
    if write is not None:
        fitted.save(write)


if __name__ == "__main__":
    typer.run(main)
