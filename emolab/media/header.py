"""A cheap look at a media file's containers: enough to catch what is not media or was cut, without decoding.

It reads a few hundred bytes, so ten thousand files take a second or two. What it cannot see (a damaged frame in the
middle) only decoding finds.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from emolab.errors import MediaError
from emolab.media.files import is_soundfile, read_head, regular_file, unreadable

LOST_SECONDS = 0.05  # a recording may end this much before its header says
# Matroska, ASF, FLV, MP3 with tags, AMR, AC-3, MPEG program stream (two); then PNG, JPEG, BMP, WebP is in RIFF
MAGIC = (b"\x1aE\xdf\xa3", b"\x30\x26\xb2\x75", b"FLV", b"ID3", b"#!AMR", b"\x0bw", b"\0\0\1\xba", b"\0\0\1\xb3")
IMAGE = (b"\x89PNG", b"\xff\xd8\xff", b"BM")


def check_header(path: str | Path) -> None:
    """Raise MediaError for a file that is missing, empty, not media, or shorter than its container says."""
    path = regular_file(path)
    head = read_head(path)
    if head[:4] == b"RIFF":
        _check_riff(path, head)
    elif is_mp4(head):
        mp4_seconds(path)
    elif not (is_soundfile(head) or head.startswith((*MAGIC, *IMAGE)) or _is_mpeg(head)):
        raise unreadable(path, "audio or video")


def lost_wav_frames(path: Path) -> int:
    """Sample frames that a RIFF header promises and the file lacks; 0 for streams, whose writer knew no length."""
    size, width = path.stat().st_size, 1
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return 0
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


def truncated(path: Path, held: float, promised: float) -> MediaError:
    """The error for a recording that ends before its header says."""
    return MediaError(
        f"{path}: truncated, it holds {held:.2f} of the {promised:.2f} s that its header promises; "
        "copy or download it again"
    )


def is_mp4(head: bytes) -> bool:
    """Whether a file starts like MP4, M4A or MOV."""
    return head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")


def mp4_seconds(path: Path) -> float | None:
    """Length that an MP4's movie header states. Raises MediaError if a box is cut or the index (moov) is missing."""
    moov = _movie_box(path)
    at = moov.find(b"mvhd")
    if at < 0 or len(moov) < at + 36:
        return None
    if moov[at + 4] == 1:  # version 1: 64-bit times
        scale, length = struct.unpack(">IQ", moov[at + 24 : at + 36])
    else:
        scale, length = struct.unpack(">II", moov[at + 16 : at + 24])
    return length / scale if scale else None


def has_audio(path: Path) -> bool:
    """Whether a video's header names an audio track. True where only decoding would tell (Matroska and others)."""
    head = read_head(path, 24)
    if is_mp4(head):
        return re.search(rb"hdlr.{8}soun", _movie_box(path), re.DOTALL) is not None
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return b"auds" in read_head(path, 20 + min(int.from_bytes(head[16:20], "little"), 1 << 20))  # the header list
    return True


def _movie_box(path: Path) -> bytes:
    """The index (moov) of an MP4, up to 8 MiB of it. Raises MediaError if a box is cut or there is none."""
    size, at, movie = path.stat().st_size, 0, b""
    with path.open("rb") as file:
        for _ in range(10_000):  # boxes at the top level; a file made of empty ones must not keep us
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
            if kind == b"moov":
                movie = file.read(min(length, 8 << 20))
            at += length
    if not movie:
        raise MediaError(f"{path}: truncated or never finished, it has no index (moov); copy or download it again")
    return movie


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


def _is_mpeg(head: bytes) -> bool:
    """An MPEG audio or AAC frame, or a transport stream."""
    sync = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    return sync or (head[:1] == b"G" == head[188:189])
