"""What may be opened at all: a regular, non-empty file that looks like media."""

from __future__ import annotations

import os
import stat
import unicodedata
from pathlib import Path
from typing import Any

from emolab.errors import MediaError, PointerError, TooLongError

MAX_SECONDS = 600.0  # ten minutes: twenty times the longest clip that the models hear
WAVES, OTHERS = (b"RIFF", b"RIFX", b"RF64"), (b"riff", b"fLaC", b"OggS", b"FORM", b".snd", b"caff")
"""First bytes of containers that libsndfile reads: those that hold "WAVE" behind them, and others."""

# What PyAV may open: no playlists, no image patterns, nothing that makes FFmpeg read another file or the network.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mp3,ogg,flac,wav,aac,asf,flv,mpeg,mpegts,aiff,amr,caf,w64,ac3"
AV_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}


def regular_file(path: str | Path) -> Path:
    """The path of a regular, non-empty file. Raises MediaError that says what it is otherwise, without opening it."""
    path = Path(path)
    if (shown := str(path).encode("utf-8", "backslashreplace").decode()) != str(path):
        raise MediaError(f"{shown}: its name is not UTF-8; rename the file")
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise MediaError(f"{path}: a broken link; its target is gone, restore it") from None
        raise MediaError(f"{path}: no such file; {_near(path)}") from None
    except (OSError, ValueError) as error:  # too long a name, a loop of links, no permission, a NUL in the name
        raise MediaError(f"{path!s:.200}: cannot be reached ({error}); check the path and its permissions") from None
    if stat.S_ISDIR(status.st_mode):
        raise MediaError(f"{path}: a folder where a media file was expected; give a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{path}: not a regular file (a device, pipe or socket); copy its content to a file first")
    if status.st_size == 0:
        raise MediaError(f"{path}: empty (0 bytes); copy or download it again")
    return path


def _near(path: Path) -> str:
    """What to do about a path that leads to nothing: its file may be there under another spelling of the name."""
    found = respelt(path)
    if found is None:
        return "check the path"
    return f"there is {str(found)!a}; write the name as it is there (slashes, Unicode form, case)"


def respelt(path: Path) -> Path | None:
    """The file that a path means if slashes, the Unicode form or the case of its name are wrong; None without one."""
    text = str(path)
    for other in (text.replace("\\", "/"), *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))):
        if other != text and os.path.lexists(other):
            return Path(other)
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except (OSError, ValueError):
        return None
    wanted = unicodedata.normalize("NFC", path.name).casefold()
    same = [name for name in names if unicodedata.normalize("NFC", name).casefold() == wanted]
    return path.with_name(same[0]) if len(same) == 1 else None


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; False for one that cannot even be asked (too long a name, a loop of links)."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def read_head(path: Path, size: int = 512) -> bytes:
    """The first bytes of a file. Raises MediaError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def is_soundfile(head: bytes) -> bool:
    """Whether the first bytes are those of a container that libsndfile reads."""
    return head[:4] in OTHERS or (head[:4] in WAVES and head[8:12] == b"WAVE")


def unreadable(path: Path, wanted: str, detail: str = "") -> MediaError:
    """The error for a file that no decoder reads, saying what it seems to be."""
    head = read_head(path)
    if head.startswith(b"version https://git-lfs"):
        return PointerError(f"{path}: a Git LFS pointer, not the file itself; run `git lfs pull` in its folder")
    if head.lstrip()[:1] == b"<" and b"html" in head.lower():
        return MediaError(f"{path}: an HTML page, not {wanted}; a web page answered the download, fetch it again")
    if head and all(byte in b"\t\n\r\f" or byte >= 32 for byte in head) and not is_soundfile(head):
        try:
            head[:-3].decode("utf-8")
        except UnicodeDecodeError:
            pass  # bytes that only look printable: say the general thing below
        else:
            return MediaError(f"{path}: a text file, not {wanted}; give a recording (wav, flac, mp3, m4a, mp4, avi)")
    what = f" ({detail})" if detail else ""
    return MediaError(
        f"{path}: not readable as {wanted}{what}; it is corrupt or of an unknown format, "
        "convert it to wav, flac or mp4 or copy it again"
    )


def open_av(path: Path) -> Any:
    """A file that PyAV decodes; a colon in its name is never taken for a protocol, nor does it open anything else."""
    import av

    return av.open(f"file:{path.absolute()}", options=AV_OPTIONS, metadata_errors="replace")


def too_long(path: Path, seconds: float, max_seconds: float) -> TooLongError:
    """The error for a recording above the limit."""
    return TooLongError(
        f"{path}: {seconds / 60:.1f} minutes long, the limit is {max_seconds / 60:.1f}; cut it into "
        f"utterances, for example `ffmpeg -i {path.name} -ss 0 -t 30 cut.wav`"
    )
