"""Hashes of content, and a cache of what was computed from it: bounded in memory and on disk.

Files are arrays (`.npy`), written to a part file and renamed, and read memory-mapped, so that several processes can
share a folder and the operating system keeps in memory what it has room for.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import threading
import time
import uuid
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from emolab.errors import MediaError
from emolab.media.files import is_folder, regular_file
from emolab.samples import EmotionSample

log = logging.getLogger("emolab.media")
DISK_BYTES = 20 << 30
"""What a cache takes on disk unless told otherwise; never more than half of what is free there."""
MAPPED = 1 << 16  # bytes from which a file is mapped into memory rather than read
DAY = 86_400


def content_hash(content: str | Path | np.ndarray) -> str:
    """A 128-bit BLAKE2 digest (hex) of a file's bytes, a folder's files, or an array.

    Names count for a folder, dtype and shape for an array. A file is read once for each (path, size, time of change).
    Raises MediaError if it cannot be read.
    """
    if isinstance(content, np.ndarray):
        digest = hashlib.blake2b(f"{content.dtype.str}{content.shape}".encode(), digest_size=16)
        digest.update(np.ascontiguousarray(content).tobytes())
        return digest.hexdigest()
    path = Path(content)
    if is_folder(path):
        digest = hashlib.blake2b(digest_size=16)
        for file in sorted(f for f in path.iterdir() if f.is_file()):
            digest.update(f"{file.name}\0{content_hash(file)}\0".encode())
        return digest.hexdigest()
    status = regular_file(path).stat()
    return _file_hash(str(path.absolute()), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1 << 17)
def _file_hash(path: str, size: int, changed: int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    try:
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    return digest.hexdigest()


def media_key(sample: EmotionSample, modality: str) -> str:
    """What tells a sample's audio or video from any other in a cache: the hash of its content, and its window.

    Raises MediaError if the sample has none, or its file cannot be read.
    """
    given = sample.extra.get("waveform" if modality == "audio" else "frames")
    if given is None and getattr(sample, modality) is None:
        raise MediaError(f"{sample.id}: this sample has no {modality}")
    content = content_hash(np.asarray(given) if given is not None else str(getattr(sample, modality)))
    window = sample.extra.get(f"{modality}_window")
    return content if window is None else f"{content}@{window[0]:g}-{window[1]:g}"


class FeatureCache:
    """Least-recently-used cache of arrays by key; thread-safe.

    In memory it holds anything with `nbytes` (numpy arrays, torch tensors), at most `max_bytes` in all; what is larger
    than that is handed through. With `directory`, numpy arrays are also kept on disk, at most `disk_bytes` in all. A
    damaged file there counts as absent and is replaced.

    >>> cache = FeatureCache(max_bytes=64 << 20)
    >>> features = cache.get(f"mel/{content_hash(path)}", lambda: mel(load_audio(path)))
    """

    def __init__(self, max_bytes: int, directory: str | Path | None = None, disk_bytes: int = DISK_BYTES) -> None:
        self.max_bytes, self.disk_bytes = max_bytes, disk_bytes
        self.directory = Path(directory) if directory is not None else None
        self.nbytes = 0
        self._items: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.RLock()
        self._writes = True
        self._room = 0  # bytes that may be written until the folder is looked through

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: str) -> bool:
        return key in self._items

    def get(self, key: str, compute: Callable[[], Any]) -> Any:
        """The value under `key`; computed, stored and returned if it is not there. Do not write to what it returns."""
        with self._lock:
            if (value := self.fetch(key)) is None:
                value = compute()
                self._write(key, value)
                self._keep(key, value)
            return value

    def fetch(self, key: str) -> Any:
        """The value under `key`, or None; one on disk is taken into memory."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
                return self._items[key]
        if (value := self._read(key)) is not None:
            self._keep(key, value)
        return value

    def clear(self) -> None:
        """Forget what is in memory; files on disk stay."""
        with self._lock:
            self._items.clear()
            self.nbytes = 0

    def _keep(self, key: str, value: Any) -> None:
        with self._lock:
            if value.nbytes > self.max_bytes or key in self._items:
                return
            self._items[key] = value
            self.nbytes += value.nbytes
            while self.nbytes > self.max_bytes:
                _, old = self._items.popitem(last=False)
                self.nbytes -= old.nbytes

    def _file(self, key: str) -> Path | None:
        if self.directory is None:
            return None
        return self.directory / f"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.npy"

    def _read(self, key: str) -> np.ndarray | None:
        file = self._file(key)
        try:
            if file is None or not (status := file.stat()).st_size:
                return None
            value: np.ndarray = np.load(file, "c" if status.st_size >= MAPPED else None, allow_pickle=False)
            if isinstance(value, np.memmap):
                value.reshape(-1).view(np.uint8)[::4096].max()  # reads the pages now
            if time.time() - status.st_mtime > DAY:
                with suppress(OSError):  # a folder that may only be read
                    os.utime(file)  # it was used: others go first
        except (ValueError, OSError, EOFError, zipfile.BadZipFile):
            return None  # absent, or damaged: computed and written anew
        return value

    def _write(self, key: str, value: Any) -> None:
        file = self._file(key)
        if file is None or not self._writes:
            return
        if not isinstance(value, np.ndarray):
            raise MediaError(
                f"the disk cache at {self.directory} keeps numpy arrays, got {type(value).__name__}; "
                "convert it or make the cache without a directory"
            )
        part = file.with_name(f".{uuid.uuid4().hex}.part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._make_room(file.parent, value.nbytes)
            with part.open("wb") as handle:
                np.save(handle, value, allow_pickle=False)
            part.replace(file)
        except OSError as error:
            self._writes = False
            told = f"{self.directory}: the cache cannot be written ({error.strerror}), and nothing more is kept there"
            log.warning("%s; make room, or name another folder in EMOLAB_BUILD", told)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _make_room(self, folder: Path, size: int) -> None:
        """Remove files until `size` bytes fit: those of earlier days first, then by name.

        Names are hashes. A fixed order among files of one day keeps a part of a corpus that is larger than the cache,
        where the least recently used file would always be the next one needed.
        """
        self._room -= size
        if self._room >= 0:
            return
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(OSError):  # another process removed it
                    status = entry.stat()
                    if entry.name.endswith(".npy") or time.time() - status.st_mtime > DAY:  # no part being written
                        found.append((int(status.st_mtime // DAY), entry.name, status.st_size))
        used = sum(part[2] for part in found)
        most = min(self.disk_bytes, (used + shutil.disk_usage(folder).free) // 2)
        self._room = max(0, most // 32 - size)  # several processes write between two looks
        for _, name, taken in sorted(found):
            if used + size + self._room <= most:
                break
            with suppress(OSError):  # another process removed it, or has it open (Windows)
                (folder / name).unlink()
            used -= taken
