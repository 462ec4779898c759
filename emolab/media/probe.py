"""What a media file's header says, without decoding: tracks, lengths, and whether the file is as long as it should be.

libsndfile and PyAV read the headers. Neither notices a file that was cut: libsndfile shortens a recording without a
word, and PyAV opens a film whose frames are missing. So the sizes that RIFF and MP4 containers state are compared with
the file's, from a few hundred bytes of it. A damaged frame in the middle only decoding finds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import soundfile as sf

from emolab.errors import MediaError
from emolab.media.files import is_soundfile, open_av, read_head, regular_file, unreadable
from emolab.media.frames import IMAGES, image_size

LOST_SECONDS = 0.05  # a recording may end this much before its header says


@dataclass(frozen=True)
class MediaInfo:
    """Header facts. `seconds` is None where the header does not say; audio and video fields are 0 where absent.

    `plain` is a wav of whole numbers: each sample stands in it as it is, so decoding finds nothing that its header and
    its size do not say.
    """

    seconds: float | None
    rate: int = 0
    channels: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0
    plain: bool = False


def probe(path: str | Path) -> MediaInfo:
    """Read a recording's, a video's or an image's header.

    Raises MediaError for a file that is missing, empty, not media, or shorter than its container says.
    """
    path = regular_file(path)
    if path.suffix.lower() in IMAGES:
        return MediaInfo(None, 0, 0, *image_size(path))
    check_whole(path)
    if is_soundfile(read_head(path)):
        try:
            info = sf.info(str(path))
        except (sf.LibsndfileError, TypeError):
            return _probe_av(path)  # a codec that only PyAV knows
        known = info.frames < 2**62
        plain = known and info.format in ("WAV", "WAVEX") and info.subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32")
        return MediaInfo(info.duration if known else None, info.samplerate, info.channels, plain=plain)
    return _probe_av(path)


def _probe_av(path: Path) -> MediaInfo:
    import av

    try:
        with open_av(path) as container:
            audio = next((s for s in container.streams.audio if s.codec_context is not None), None)
            video = next((s for s in container.streams.video if s.codec_context is not None), None)
            seconds = container.duration / av.time_base if container.duration else None
            sound = (audio.rate or 0, audio.channels or 0) if audio else (0, 0)
            size, fps = ((video.width or 0, video.height or 0), video.average_rate or 0) if video else ((0, 0), 0)
            return MediaInfo(seconds, *sound, *size, float(fps))
    except (av.FFmpegError, ValueError, OSError) as error:
        raise unreadable(path, "audio or video", str(getattr(error, "strerror", None) or error)) from error


def truncated(path: Path, held: float, promised: float) -> MediaError:
    """The error for a recording that ends before its header says."""
    return MediaError(
        f"{path}: truncated, it holds {held:.2f} of the {promised:.2f} s that its header promises; "
        "copy or download it again"
    )


def check_whole(path: Path) -> None:
    """Raise MediaError for a RIFF or MP4 file that is shorter than its container says."""
    head = read_head(path)
    if head[:4] == b"RIFF":
        _check_riff(path, head)
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
        _check_mp4(path)


def _check_riff(path: Path, head: bytes) -> None:
    size, promised = path.stat().st_size, int.from_bytes(head[4:8], "little") + 8
    if head[8:12] == b"WAVE":
        rate = int.from_bytes(head[24:28], "little") if head[12:16] == b"fmt " else 0
        lost = lost_wav_frames(path)
        if rate and lost > LOST_SECONDS * rate:
            held = max(0, size - 44) // max(1, int.from_bytes(head[32:34], "little"))
            raise truncated(path, held / rate, (held + lost) / rate)
    elif promised < 2**31 and size < 0.98 * promised:
        raise MediaError(
            f"{path}: truncated, it holds {size} of the {promised} bytes that its header promises; copy "
            "or download it again"
        )


def lost_wav_frames(path: Path) -> int:
    """Sample frames that a RIFF header promises and the file lacks; 0 for streams, whose writer knew no length."""
    size, width = path.stat().st_size, 1
    with path.open("rb") as file:
        file.seek(12)
        for _ in range(1000):  # chunks; a file made of empty ones must not keep us
            header = file.read(8)
            length = int.from_bytes(header[4:], "little")
            if len(header) < 8 or header[:4] == b"data":
                break
            if header[:4] == b"fmt ":
                width = max(1, int.from_bytes(file.read(14)[12:], "little"))
                file.seek(-14, 1)
            file.seek(length + length % 2, 1)
        if header[:4] != b"data" or length >= 0x7FFFF000:
            return 0
        return max(0, length - (size - file.tell())) // width


def _check_mp4(path: Path) -> None:
    """Walk the boxes at the top level: each must end within the file, and one must be the index (moov)."""
    size, at, indexed = path.stat().st_size, 0, False
    with path.open("rb") as file:
        for _ in range(10_000):  # a file made of empty boxes must not keep us
            if at + 8 > size:
                break
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            if length == 1:
                length = int.from_bytes(file.read(8), "big")
            length = size - at if length == 0 else length
            if length < 8 or at + length > size:
                raise MediaError(
                    f"{path}: truncated, its {kind.decode('latin-1')!r} box ends {at + length - size} "
                    "bytes after the file; copy or download it again"
                )
            indexed = indexed or kind == b"moov"
            at += length
    if not indexed:
        raise MediaError(f"{path}: truncated or never finished, it has no index (moov); copy or download it again")
