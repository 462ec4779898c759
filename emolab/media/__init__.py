"""Audio and video in: 16 kHz mono float32 waves, RGB frames, content hashes and a bounded feature cache.

>>> from emolab.media import load_audio, load_frames
>>> wave = load_audio("clip.m4a")                       # float32 (n,), 16 kHz, mono
>>> frames = load_frames("clip.mp4", fps=4)             # uint8 (F, H, W, 3)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emolab.errors import MediaError
from emolab.media.audio import MAX_SECONDS, SAMPLE_RATE, load_audio
from emolab.media.cache import FeatureCache, content_hash, media_key
from emolab.media.check import AudioCheck, check_audio
from emolab.media.files import is_folder
from emolab.media.frames import IMAGES, load_frames, spread
from emolab.media.probe import probe
from emolab.media.usable import usable
from emolab.samples import EmotionSample

__all__ = [
    "MAX_SECONDS",
    "SAMPLE_RATE",
    "AudioCheck",
    "FeatureCache",
    "MediaError",
    "audio_of",
    "check_audio",
    "content_hash",
    "frame_seconds",
    "frames_of",
    "load_audio",
    "load_frames",
    "media_key",
    "probe",
    "usable",
]


def audio_of(sample: EmotionSample) -> np.ndarray:
    """A sample's wave, float32 (n,) at 16 kHz: `extra["waveform"]` if it is there, else its audio file; of a window
    of a long clip (`extra["audio_window"]`, seconds), that part.

    Raises MediaError if the sample has no audio, or one that cannot be used.
    """
    wave = sample.extra.get("waveform")
    if wave is not None:
        wave = np.asarray(wave, dtype=np.float32)
        if wave.ndim != 1 or not wave.size or not np.isfinite(wave).all():
            raise MediaError(
                f"{sample.id}: extra['waveform'] must be a non-empty, finite, one-dimensional array "
                f"at 16 kHz, got shape {wave.shape}"
            )
        return _windowed(wave, sample)
    if sample.audio is None:
        raise MediaError(f"{sample.id}: this sample has no audio; check `sample.audio` before asking for it")
    return _windowed(load_audio(sample.audio), sample)


def _windowed(wave: np.ndarray, sample: EmotionSample) -> np.ndarray:
    window = sample.extra.get("audio_window")
    if window is None:
        return wave
    start, end = (round(second * SAMPLE_RATE) for second in window)
    if start >= len(wave):
        raise MediaError(f"{sample.id}: its window starts at {window[0]:g} s, and the recording ends before")
    return wave[start:end]


def frames_of(sample: EmotionSample, fps: float | None = None, max_frames: int | None = None) -> np.ndarray:
    """A sample's frames, uint8 (F, H, W, 3): `extra["frames"]` if it is there, else its video file, folder or strip.

    `fps` applies to files that carry time stamps; `max_frames` to all. Of a window of a long clip
    (`extra["video_window"]`, seconds), a file with time stamps gives that part. Raises MediaError if there is no usable
    video.
    """
    frames = sample.extra.get("frames")
    if frames is not None:
        frames = np.asarray(frames)
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not frames.size:
            raise MediaError(
                f"{sample.id}: extra['frames'] must be uint8 (F, H, W, 3), got {frames.dtype} {frames.shape}"
            )
        return frames[spread(len(frames), max_frames)]
    if sample.video is None:
        raise MediaError(f"{sample.id}: this sample has no video; check `sample.video` before asking for it")
    return load_frames(sample.video, fps, max_frames, sample.extra.get("video_window"))


def frame_seconds(sample: EmotionSample, fps: float, max_frames: int | None = None) -> float:
    """How many seconds lie between two frames that `frames_of(sample, fps, max_frames)` gives.

    That is 1 / `fps` (or 1 / `extra["fps"]`), and longer where a clip has more frames than `max_frames`, because the
    frames that are kept are spread over the whole clip.
    """
    rate, given = float(sample.extra.get("fps", fps)), sample.extra.get("frames")
    if given is not None:
        count = len(given)
    elif sample.video is None:
        return 1 / rate
    else:
        path = Path(sample.video)
        window = sample.extra.get("video_window")
        if is_folder(path):
            count = sum(f.suffix.lower() in IMAGES and not f.name.startswith(".") for f in path.iterdir())
        elif path.suffix.lower() in IMAGES:
            count = len(load_frames(path))
        else:
            rate = fps
            seconds = probe(path).seconds if window is None else window[1] - window[0]
            count = round((seconds or 0) * fps)
    return max(1.0, count / max_frames if max_frames else 1.0) / rate
