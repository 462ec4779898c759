"""What is wrong, or only odd, with a recording: the report behind `predict`'s warnings and `corpus verify --decode`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emolab.errors import MediaError
from emolab.media.audio import MAX_SECONDS, SAMPLE_RATE, decoded

SILENT_DB = -60.0  # a room's noise lies above this, digital silence and a muted microphone below
CLIPPED_SHARE = 0.001
SHORT_SECONDS = 0.3
LONG_SECONDS = 30.0


@dataclass(frozen=True)
class AudioCheck:
    """A recording's facts and findings. `error` says why it cannot be used; `warnings` what a user should know."""

    path: str
    error: str | None = None
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    rate: int = 0
    channels: int = 0
    peak: float = 0.0
    rms_db: float = float("-inf")
    silent: bool = False
    clipped: bool = False

    @property
    def ok(self) -> bool:
        """Whether it loads and is not silent."""
        return self.error is None and not self.silent

    def summary(self) -> dict[str, Any]:
        """JSON-ready (an infinite level becomes None)."""
        return {**asdict(self), "ok": self.ok, "rms_db": self.rms_db if np.isfinite(self.rms_db) else None}


def check_audio(path: str | Path, max_seconds: float = MAX_SECONDS) -> AudioCheck:
    """Decode a recording and report on it. Never raises for a bad file: `error` carries `load_audio`'s message."""
    try:
        wave, rate, channels = decoded(path, max_seconds)
    except MediaError as error:
        return AudioCheck(str(path), error=str(error))
    return check_wave(wave, str(path), rate, channels)


def check_wave(wave: np.ndarray, name: str = "", rate: int = SAMPLE_RATE, channels: int = 1) -> AudioCheck:
    """Report on a 16 kHz mono wave (n,). `rate` and `channels` are those of the file it came from."""
    seconds = len(wave) / SAMPLE_RATE
    peak = float(np.abs(wave).max(initial=0.0))
    level = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))) if len(wave) else 0.0
    rms_db = 20 * float(np.log10(level)) if level > 0 else float("-inf")
    silent = rms_db < SILENT_DB
    clipped = bool(peak > 0.99 and np.mean(np.abs(wave) >= 0.99 * peak) > CLIPPED_SHARE)
    warnings = {
        f"silent (level {rms_db:.0f} dB below full scale): an answer about it means nothing": silent,
        "clipped: it was recorded too loud": clipped,
        f"short ({seconds:.2f} s)": seconds < SHORT_SECONDS,
        f"long ({seconds:.0f} s): it is cut into windows of the length that the model takes": seconds > LONG_SECONDS,
        f"sampled at {rate} Hz: nothing above {rate // 2} Hz can be heard": 0 < rate < SAMPLE_RATE,
        f"{channels} channels, mixed to one": channels > 1,
    }
    told = tuple(text for text, true in warnings.items() if true)
    return AudioCheck(name, None, told, seconds, rate, channels, peak, rms_db, silent, clipped)
