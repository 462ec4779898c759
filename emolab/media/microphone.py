"""Record from the microphone of this machine, through the optional package `sounddevice`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from emolab.errors import MediaError
from emolab.media.audio import SAMPLE_RATE

SECONDS = 5.0
LONGEST = 30.0


def record(seconds: float = SECONDS) -> np.ndarray:
    """Record a wave, float32 (n,), 16 kHz, mono. Raises MediaError where there is no sound device, or no sound."""
    if not 0.1 <= seconds <= LONGEST:
        raise MediaError(f"{seconds:g} seconds: record between 0.1 and {LONGEST:g}, which is what models hear at once")
    device = _sounddevice()
    try:
        taken = device.rec(round(seconds * SAMPLE_RATE), samplerate=SAMPLE_RATE, channels=1, dtype="float32")
        device.wait()
    except device.PortAudioError as error:
        raise MediaError(
            f"the microphone cannot be read ({error}); connect one and allow this program to use it, or record a file "
            "with another program and give that"
        ) from error
    wave: np.ndarray = taken[:, 0]
    if not np.any(wave):
        raise MediaError("the microphone gave only zeros; it is muted, or this program is not allowed to use it")
    return wave


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise MediaError("recording needs the package sounddevice: pip install 'emolab[mic]'") from error
    except OSError as error:  # its library is missing
        raise MediaError(
            f"recording needs the library PortAudio ({error}); install it, on Debian with: apt install libportaudio2"
        ) from error
    return sounddevice


def write_wave(path: str | Path, wave: np.ndarray) -> Path:
    """Write a 16 kHz wave (n,) as 16-bit wav or flac, by the ending. Raises MediaError where that is impossible."""
    path = Path(path)
    if path.suffix.lower() not in (".wav", ".flac"):
        raise MediaError(f"{path}: recordings are written as .wav or .flac")
    try:
        soundfile.write(path, wave, SAMPLE_RATE, subtype="PCM_16")
    except (OSError, soundfile.LibsndfileError) as error:
        raise MediaError(
            f"{path}: cannot be written ({error}); choose a folder that exists and can be written"
        ) from error
    return path
