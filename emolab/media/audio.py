"""Audio of any common format as 16 kHz mono float32, read in blocks so that no header can make it eat memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile as sf
import soxr

from emolab.errors import MediaError
from emolab.media.files import MAX_SECONDS, is_soundfile, open_av, read_head, regular_file, too_long, unreadable
from emolab.media.probe import LOST_SECONDS, check_whole, truncated

if TYPE_CHECKING:
    from av import AudioStream
    from av.container import InputContainer

SAMPLE_RATE = 16_000
MIN_SECONDS = 0.025  # one analysis frame
RATES = (4_000, 384_000)
MAX_PEAK = 8.0  # full scale is 1; above this the samples are integers stored as floats


def load_audio(path: str | Path, max_seconds: float = MAX_SECONDS) -> np.ndarray:
    """Read a recording as float32 (n,), 16 kHz, mono (the mean of its channels), full scale at 1.0.

    Anything libsndfile or PyAV reads: wav, flac, ogg, mp3, m4a, mp4, avi… Silence loads (see `check_audio`).
    Raises MediaError, naming the file and what to do, if it is missing, empty, not a regular file, not audio, truncated
    (by more than 0.05 s where samples are counted, 0.2 s and 2 % elsewhere), shorter than 0.025 s, longer than
    `max_seconds` (found before or while decoding, never after), sampled below 4 or above 384 kHz, or if it holds NaN,
    infinity or values above 8 times full scale.
    """
    return decoded(path, max_seconds)[0]


def decoded(path: str | Path, max_seconds: float = MAX_SECONDS) -> tuple[np.ndarray, int, int]:
    """What `load_audio` gives, and the file's own sample rate and number of channels; the file is opened once."""
    path = regular_file(path)
    check_whole(path)
    blocks, rate = open_blocks(path, max_seconds)
    wave, channels = _resample(path, blocks, rate)
    check_length(path, len(wave) / SAMPLE_RATE)
    return wave, rate, channels


def check_length(path: Path, seconds: float, max_seconds: float = MAX_SECONDS) -> None:
    """Raise MediaError for a recording without samples, shorter than one analysis frame, or too long."""
    if not seconds:
        raise MediaError(f"{path}: holds no samples; record or copy it again")
    if seconds < MIN_SECONDS:
        raise MediaError(
            f"{path}: holds {seconds:.3f} s of audio, less than {MIN_SECONDS} s; record it again or leave it out"
        )
    if seconds > max_seconds:
        raise too_long(path, seconds, max_seconds)


def open_blocks(path: Path, max_seconds: float) -> tuple[Iterator[np.ndarray], int]:
    """A recording as float32 blocks (n, channels) at its own rate, and that rate.

    The blocks raise MediaError as `load_audio` says, except for the checks that need the whole wave.
    """
    if is_soundfile(read_head(path)):
        opened = _soundfile_blocks(path, max_seconds)
        if opened is not None:
            return opened
    return _av_blocks(path, max_seconds)


def check_rate(path: Path, rate: int, channels: int) -> None:
    """Raise MediaError for a sample rate or a channel count that no recording of speech has."""
    if not RATES[0] <= rate <= RATES[1]:
        raise MediaError(
            f"{path}: a sample rate of {rate} Hz, expected {RATES[0]} to {RATES[1]}; the header is wrong "
            "or this is not speech, export it again at 16000 Hz"
        )
    if channels < 1:
        raise MediaError(f"{path}: the header states no channel; export it again")


def _soundfile_blocks(path: Path, max_seconds: float) -> tuple[Iterator[np.ndarray], int] | None:
    try:
        file = sf.SoundFile(str(path))
    except (sf.LibsndfileError, TypeError):  # TypeError: a name that ends in .raw
        return None  # a codec that only PyAV knows, or a corrupt file, which PyAV then names
    rate, promised = file.samplerate, file.frames
    try:
        check_rate(path, rate, file.channels)
        if promised > max_seconds * rate and promised < 2**62:  # libsndfile's mark for an unknown length
            raise too_long(path, promised / rate, max_seconds)
    except BaseException:
        file.close()
        raise
    return _read_soundfile(path, file, promised, max_seconds), rate


def _read_soundfile(path: Path, file: sf.SoundFile, promised: int, max_seconds: float) -> Iterator[np.ndarray]:
    rate, done = file.samplerate, 0
    with file:
        while True:
            try:
                block = file.read(max(1, min(rate * 10, 4_000_000 // file.channels)), dtype="float32", always_2d=True)
            except sf.LibsndfileError as error:
                raise unreadable(path, "audio", f"decoding stopped at {done / rate:.2f} s: {error}") from error
            if not len(block):
                break
            done += len(block)
            if done > max_seconds * rate:
                raise too_long(path, done / rate, max_seconds)
            yield block
    if done and promised < 2**62 and promised - done > LOST_SECONDS * rate:
        raise truncated(path, done / rate, promised / rate)


def _av_blocks(path: Path, max_seconds: float) -> tuple[Iterator[np.ndarray], int]:
    import av

    try:
        container = open_av(path)
    except (av.FFmpegError, ValueError, OSError) as error:
        raise unreadable(path, "audio", str(getattr(error, "strerror", None) or error)) from error
    try:
        if not container.streams.audio:
            raise MediaError(f"{path}: holds no audio track; use it as video only, or give another file")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise unreadable(path, "audio", "its codec is unknown")
        check_rate(path, stream.rate or 0, stream.channels or 0)
        promised = float(stream.duration * stream.time_base) if stream.duration else 0.0
        if promised > max_seconds:
            raise too_long(path, promised, max_seconds)
    except BaseException:
        container.close()
        raise
    return _read_av(path, container, stream, promised, max_seconds), int(stream.rate)


def _read_av(
    path: Path, container: InputContainer, stream: AudioStream, promised: float, max_seconds: float
) -> Iterator[np.ndarray]:
    import av

    rate, done, broken = int(stream.rate), 0, ""
    with container:
        resampler = av.AudioResampler(format="fltp")
        try:
            for frame in container.decode(stream):
                if frame.sample_rate != rate:
                    raise unreadable(path, "audio", f"its rate changes from {rate} to {frame.sample_rate} Hz")
                for part in resampler.resample(frame):
                    done += part.samples
                    if done > max_seconds * rate:
                        raise too_long(path, done / rate, max_seconds)
                    yield part.to_ndarray().T
        except (av.FFmpegError, ValueError) as error:
            broken = str(getattr(error, "strerror", None) or error)
    if broken:
        raise unreadable(path, "audio", f"decoding stopped at {done / rate:.2f} s: {broken}")
    if done and promised - done / rate > max(LOST_SECONDS * 4, 0.02 * promised):  # codec delay and padding stay below
        raise truncated(path, done / rate, promised)


def _resample(path: Path, blocks: Iterator[np.ndarray], rate: int) -> tuple[np.ndarray, int]:
    """Mix blocks (n, channels) to mono and resample them to 16 kHz, checking every sample; also how many channels."""
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ") if rate != SAMPLE_RATE else None
    parts, done, channels = [], 0, 0
    for block in blocks:
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            at = (done + int(np.argmin(finite))) / rate
            raise MediaError(
                f"{path}: holds NaN or infinite samples (the first at {at:.3f} s); export it again as "
                "16-bit wav or leave it out"
            )
        if (peak := float(np.abs(block).max(initial=0.0))) > MAX_PEAK:
            raise MediaError(
                f"{path}: float samples up to {peak:.3g}, full scale is 1; divide them by 32768 or export "
                "it again as 16-bit wav"
            )
        done, channels = done + len(block), block.shape[1]
        mono = block.mean(axis=1, dtype=np.float32)
        parts.append(stream.resample_chunk(mono) if stream else mono)
    if not done:
        raise MediaError(f"{path}: holds no samples; record or copy it again")
    if stream:
        parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts), channels
