"""Make `likeness.npz` of the shipped model: which clips are like those that it was trained on.

    python data_scripts/likeness.py

The statistics are of the splits train and val of the embedded corpus; the threshold is cross-fitted over voices and
sentences. `benchmarks/results/likeness.json` notes the share of clips beyond the threshold among held-out speakers of
both domains, sounds that are no speech, and held-out speech in other conditions. Run it again after the towers of the
shipped model have changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from emolab_synth.embedded import embedded_corpus
from scipy import signal

from emolab.evaluate.results import provenance
from emolab.lalm import load_model
from emolab.lalm.likeness import Likeness, embeddings
from emolab.lalm.tiny import TINY_FOLDER
from emolab.media import SAMPLE_RATE, audio_of
from emolab.samples import Corpus, EmotionSample, resolve

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "likeness.json"
TRAINING, TESTED, CHANGED = 1000, 120, 60
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def voices(corpus: Corpus, most: int, seed: int = 0, **where: str) -> list[EmotionSample]:
    """At most `most` clips with a voice, drawn by `seed`, with absolute paths."""
    found = [s for s in corpus.where(**where) if s.audio]
    order = np.random.default_rng(seed).permutation(len(found))[:most]
    return [resolve(found[i], corpus.root) for i in order]


def waves(found: Sequence[np.ndarray], name: str) -> list[EmotionSample]:
    """Waves as samples."""
    return [EmotionSample(f"{name} {i}", extra={"waveform": np.asarray(w, np.float32)}) for i, w in enumerate(found)]


def no_speech() -> dict[str, list[np.ndarray]]:
    """Two seconds each of sounds that nobody speaks."""
    rng, t = np.random.default_rng(0), np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    chords = [sum(0.05 * np.sin(2 * np.pi * f * k * t) for k in (1, 1.26, 1.5)) for f in (200, 300, 440)]
    return {
        "white noise": [rng.normal(0, 0.1, len(t)) for _ in range(10)],
        "tones": [0.2 * np.sin(2 * np.pi * f * t) for f in (100, 200, 440, 1000, 3000)],
        "chords": [np.asarray(c) for c in chords],
        "silence": [np.zeros(len(t))],
    }


def noisy(snr_db: float) -> Change:
    """White noise `snr_db` under the voice."""
    return lambda w, rng: w + rng.normal(size=len(w)) * np.sqrt(np.mean(w**2) / 10 ** (snr_db / 10))


def telephone(wave: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Only 300 to 3400 Hz."""
    return signal.sosfilt(signal.butter(4, [300, 3400], "band", fs=SAMPLE_RATE, output="sos"), wave)


def reverberant(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In a room whose echo falls by 60 dB in 0.7 s."""
    room = rng.normal(size=SAMPLE_RATE // 2) * np.exp(-np.arange(SAMPLE_RATE // 2) / 1600)
    room[0] = 5.0
    heard = signal.fftconvolve(wave, room)[: len(wave)]
    return 0.3 * heard / np.abs(heard).max()


CHANGES: dict[str, Change] = {
    "noise 20 dB below the voice": noisy(20.0),
    "noise 10 dB below the voice": noisy(10.0),
    "noise as loud as the voice": noisy(0.0),
    "telephone band": telephone,
    "reverberant room": reverberant,
    "one and a half times as fast and high": lambda w, _: signal.resample(w, round(len(w) / 1.5)),
    "0.7 times as fast and high": lambda w, _: signal.resample(w, round(len(w) / 0.7)),
    "backwards": lambda w, _: w[::-1],
    "clipped": lambda w, _: np.tanh(20 * w),
    "26 dB quieter": lambda w, _: 0.05 * w,
}


def main() -> None:
    """Fit, write, and measure what lies beyond the threshold."""
    corpus, model = embedded_corpus("course"), load_model("tiny-omni", device="cpu")
    training = voices(corpus, TRAINING, split="train") + voices(corpus, 200, split="val")
    known = Likeness.fit(model, training, f"{corpus.name}, splits train and val, {len(training)} clips")
    known.save(TINY_FOLDER)
    spoken = {f"held-out speakers, domain {d}": voices(corpus, TESTED, split="test", domain=d) for d in ("a", "b")}
    tested = {name: embeddings(model, part) for name, part in spoken.items()}
    tested |= {name: embeddings(model, waves(found, name)) for name, found in no_speech().items()}
    clean = [audio_of(s) for s in voices(corpus, CHANGED, seed=1, split="test", domain="a")]
    for name, change in CHANGES.items():
        rng = np.random.default_rng(0)
        tested[name] = embeddings(model, waves([change(w, rng) for w in clean], name))
    rows = []
    for name, found in tested.items():
        distances = np.array([known.distance(row) for row in found])
        beyond = float((distances > known.threshold).mean())
        rows.append({"clips": name, "n": len(found), "unlike": beyond, "median": float(np.median(distances))})
        print(f"{name:40s} n {len(found):4d}  unlike {beyond:.0%}  median distance {np.median(distances):.2f}")
    result = {
        "command": "python data_scripts/likeness.py",
        "threshold": known.threshold,
        "quantile": known.quantile,
        "training": len(training),
        "rows": rows,
        "provenance": provenance({"model": model.name, "towers": known.towers}, 0, "cpu"),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
