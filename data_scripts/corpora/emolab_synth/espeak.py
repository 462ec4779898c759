"""Neutral speech of new sentences through espeak-ng, in a process of its own. Optional: `pip install emolab[voices]`.

espeak-ng is free software under the GNU GPL v3; this package neither contains nor links it. A subprocess
(`espeak_worker`) loads the library, from the wheel `espeakng-loader` or from the system, and hands back sound. A fresh
process per voice gives the same bytes every time (espeak-ng carries wave phase and noise from call to call), and keeps
its crashes out of the caller.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emolab.errors import SynthError

INSTALL = (
    "new sentences need espeak-ng: pip install emolab[voices] "
    "(or install libespeak-ng with your system's package manager)"
)


@dataclass(frozen=True)
class Phone:
    """A sound: start and end in seconds, espeak-ng's mnemonic, stress 0 (none), 1 (secondary) or 2 (primary)."""

    start: float
    end: float
    label: str
    stress: int


@dataclass(frozen=True)
class Word:
    """A word and its onset in seconds."""

    start: float
    text: str


@dataclass
class Speech:
    """A neutral utterance: `wave` (n,) float32 in [-1, 1] at `rate` Hz, and what is said when."""

    wave: np.ndarray
    rate: int
    phones: list[Phone] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)


def spoken(text: str) -> str:
    """The text with full stops only: "!" and "?" would put an intonation into a neutral seed."""
    return text.replace("!", ".").replace("?", ".")


def synth_bank(voice: str, rate: int, texts: Sequence[str]) -> list[Speech]:
    """Neutral speech of every text in one voice, by one fresh espeak-ng process; the same call gives the same bytes.

    Args: `voice` language and variant of espeak-ng, such as "en-us+f3"; `rate` words per minute.
    Raises: SynthError when espeak-ng is not installed, does not know the voice, or dies.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bank.npz"
        job = json.dumps({"voice": voice, "rate": rate, "texts": [spoken(t) for t in texts], "out": str(path)})
        command = [sys.executable, "-P", str(Path(__file__).with_name("espeak_worker.py"))]
        done = subprocess.run(command, input=job.encode(), capture_output=True)
        if done.returncode == 3:
            raise SynthError(INSTALL)
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise SynthError(f"espeak-ng failed on voice {voice!r} (exit {done.returncode}): {reason[0]}")
        with np.load(path) as bank:
            return [_speech(bank[f"wave{i}"], json.loads(bank[f"marks{i}"].tobytes())) for i in range(len(texts))]


def _speech(wave: np.ndarray, marks: dict) -> Speech:
    return Speech(
        wave.astype(np.float32) / 32768,
        marks["rate"],
        [Phone(*p) for p in marks["phones"]],
        [Word(*w) for w in marks["words"]],
    )
