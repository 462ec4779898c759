"""What a media file's header says, without decoding: for tables of durations and for early refusals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emolab.media.files import AV_OPTIONS, av_url, is_soundfile, read_head, regular_file, unreadable


@dataclass(frozen=True)
class MediaInfo:
    """Header facts. `seconds` is None where the header does not say; audio and video fields are 0 where absent."""

    seconds: float | None
    rate: int = 0
    channels: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0


def probe(path: str | Path) -> MediaInfo:
    """Read a recording's or a video's header. Raises MediaError as `load_audio` does for files that are no media."""
    path = regular_file(path)
    if is_soundfile(read_head(path)):
        import soundfile as sf

        try:
            info = sf.info(str(path))
        except (sf.LibsndfileError, TypeError):
            return _probe_av(path)  # a codec that only PyAV knows
        return MediaInfo(info.duration if info.frames < 2**62 else None, info.samplerate, info.channels)
    return _probe_av(path)


def _probe_av(path: Path) -> MediaInfo:
    import av

    try:
        with av.open(av_url(path), options=AV_OPTIONS, metadata_errors="replace") as container:
            audio = next((s for s in container.streams.audio if s.codec_context is not None), None)
            video = next((s for s in container.streams.video if s.codec_context is not None), None)
            seconds = container.duration / av.time_base if container.duration else None
            return MediaInfo(
                seconds,
                (audio.rate or 0) if audio else 0,
                (audio.channels or 0) if audio else 0,
                (video.width or 0) if video else 0,
                (video.height or 0) if video else 0,
                float(video.average_rate or 0) if video else 0.0,
            )
    except (av.FFmpegError, ValueError, OSError) as error:
        raise unreadable(path, "audio or video", str(getattr(error, "strerror", None) or error)) from error
