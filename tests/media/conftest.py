"""Makes more than a hundred media files that a careless reader chokes on, with what must come of each."""

from __future__ import annotations

import os
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from corpus_trees.media import clip, image

RATE = 16_000
TONE = (0.3 * np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE)).astype(np.float32)
CUTS = (4, 12, 20, 40, 60, 0.1, 0.5, 0.9, -1)
LOADS, FAILS, EITHER = "loads", "fails", "either"  # "either": enough may be left to be worth loading


@pytest.fixture(scope="session")
def hostile(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """The folder, and what must come of each file in it."""
    folder = tmp_path_factory.mktemp("hostile") / "files"
    return folder, make(folder)


def encode(wave: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str | None = None) -> bytes:
    buffer = BytesIO()
    sf.write(buffer, wave, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


def riff(
    rate: int = RATE,
    channels: int = 1,
    bits: int = 16,
    code: int = 1,
    data: bytes = b"\1\2" * RATE,
    size: int | None = None,
) -> bytes:
    """A WAV file with whatever its header is to say."""
    width = max(1, channels * bits // 8) & 0xFFFF
    form = struct.pack("<HHIIHH", code, channels, rate & 0xFFFFFFFF, (rate * width) & 0xFFFFFFFF, width, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def make(folder: Path) -> dict[str, str]:
    """Write the files; name → LOADS, FAILS or EITHER."""
    folder.mkdir(parents=True)
    expected = {
        **truncated(folder),
        **headers(folder),
        **shapes(folder),
        **contents(folder),
        **not_media(folder),
        **not_files(folder),
        **too_long(folder),
    }
    assert len(expected) >= 100
    return expected


def put(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)


def truncated(folder: Path) -> dict[str, str]:
    whole = {
        "wav": encode(TONE),
        "flac": encode(TONE, kind="FLAC"),
        "ogg": encode(TONE, kind="OGG"),
        "mp3": encode(TONE, kind="MP3"),
        "f32.wav": encode(TONE, subtype="FLOAT"),
        "mp4": clip(folder / "whole.mp4", 1.0).read_bytes(),
        "avi": clip(folder / "whole.avi", 1.0).read_bytes(),
    }
    expected = {"whole.mp4": LOADS, "whole.avi": LOADS}
    for (kind, content), cut in ((item, cut) for item in whole.items() for cut in CUTS):
        name = f"cut_{cut}.{kind}"
        put(folder, name, content[: cut if isinstance(cut, int) else int(cut * len(content))])
        lenient = kind in ("mp3", "ogg") or cut in (-1, 0.9)
        expected[name] = EITHER if lenient else FAILS
    return expected


def headers(folder: Path) -> dict[str, str]:
    bad = {
        "rate_0": riff(rate=0),
        "rate_1": riff(rate=1),
        "rate_huge": riff(rate=4_000_000_000),
        "channels_0": riff(channels=0),
        "channels_huge": riff(channels=65_535),
        "bits_0": riff(bits=0),
        "bits_7": riff(bits=7),
        "code_unknown": riff(code=0x7777),
        "size_huge": riff(size=0x7FFFFFF0),
        "no_data": riff()[:36],
        "zero_chunks": b"RIFF\x24\0\0\0WAVE" + bytes(4096),
        "magic_swapped": b"XIFF" + riff()[4:],
        "header_zeroed": bytes(44) + riff()[44:],
    }
    for name, content in bad.items():
        put(folder, f"{name}.wav", content)
    put(folder, "stream.wav", riff(size=0xFFFFFFFF))  # a writer to a pipe leaves the size open
    put(folder, "wrong_name.mp3", encode(TONE))  # a WAV file by another name is still a WAV file
    expected = {f"{name}.wav": FAILS for name in bad}
    return expected | {"size_huge.wav": EITHER, "bits_7.wav": EITHER, "stream.wav": LOADS, "wrong_name.mp3": LOADS}


def shapes(folder: Path) -> dict[str, str]:
    expected = {}
    for rate in (8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000):
        put(folder, f"rate_{rate}.wav", encode(np.tile(TONE, rate // RATE + 1)[: rate // 2], rate))
        expected[f"rate_{rate}.wav"] = LOADS
    for channels in (2, 3, 6, 8, 64):
        put(folder, f"channels_{channels}.wav", encode(np.tile(TONE[:, None], (1, channels))))
        expected[f"channels_{channels}.wav"] = LOADS
    for subtype in ("PCM_U8", "PCM_24", "PCM_32", "DOUBLE", "ULAW"):
        put(folder, f"{subtype}.wav", encode(TONE, subtype=subtype))
        expected[f"{subtype}.wav"] = LOADS
    return expected


def contents(folder: Path) -> dict[str, str]:
    broken = TONE.copy()
    broken[5_000] = np.nan
    endless = TONE.copy()
    endless[9_000] = np.inf
    waves = {
        "nan": (broken, FAILS),
        "inf": (endless, FAILS),
        "integer_scale": (TONE * 32_768, FAILS),
        "zero_samples": (TONE[:0], FAILS),
        "one_sample": (TONE[:1], FAILS),
        "silent": (TONE * 0, LOADS),
        "clipped": (np.clip(TONE * 20, -1, 1), LOADS),
        "offset": (TONE * 0 + 0.5, LOADS),
    }
    for name, (wave, _) in waves.items():
        put(folder, f"{name}.wav", encode(wave, subtype="FLOAT"))
    return {f"{name}.wav": outcome for name, (_, outcome) in waves.items()}


def not_media(folder: Path) -> dict[str, str]:
    files = {
        "zero_bytes.wav": b"",
        "text.wav": b"These are the minutes of the meeting.\n" * 30,
        "text.mp4": b"Hello\n" * 200,
        "page.mp3": b"<!DOCTYPE html><html><body>404</body></html>",
        "random.wav": os.urandom(5_000),
        "pointer.wav": b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n",
        "playlist.wav": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n",
        "zip.flac": b"PK\x03\x04" + bytes(200),
        "concat.mp4": b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        "nul.ogg": bytes(10_000),
        "umlaut.wav": "Grüße aus Köln, schöne Aufnahme.\n".encode() * 40,
    }
    for name, content in files.items():
        put(folder, name, content)
    image(folder / "picture.png").rename(folder / "picture.wav")
    clip(folder / "mute.mp4", audio=False)
    return dict.fromkeys([*files, "picture.wav", "mute.mp4"], FAILS)


def not_files(folder: Path) -> dict[str, str]:
    (folder / "folder.wav").mkdir()
    (folder / "device.wav").symlink_to("/dev/zero")
    (folder / "random.flac").symlink_to("/dev/urandom")
    (folder / "broken_link.wav").symlink_to(folder / "gone.wav")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    os.mkfifo(folder / "pipe.wav")
    return dict.fromkeys(
        [
            "folder.wav",
            "device.wav",
            "random.flac",
            "broken_link.wav",
            "loop.wav",
            "pipe.wav",
            "missing.wav",
            "x" * 300 + ".wav",
        ],
        FAILS,
    )


def too_long(folder: Path) -> dict[str, str]:
    hour = 3_600 * 8_000
    for name, size in (("hour.wav", hour), ("hour_stream.wav", 0xFFFFFFFF)):
        head = riff(rate=8_000, bits=8, data=b"", size=size)
        with (folder / name).open("wb") as file:
            file.write(head)
            file.truncate(len(head) + hour)  # a sparse file: 29 MB of silence that take no room
    with sf.SoundFile(folder / "hour.flac", "w", 8_000, 1) as flac:
        for _ in range(60):
            flac.write(np.zeros(60 * 8_000, np.int16))
    return dict.fromkeys(["hour.wav", "hour_stream.wav", "hour.flac"], FAILS)
