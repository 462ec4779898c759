"""Unpacks zip and tar archives without trusting them: nothing is written outside the folder.

`tarfile`'s data filter and `zipfile` decide what a member may be. Bytes are counted here as they are written, because
neither stops a bomb, and a tar header that announces a name of a gigabyte is refused before it is read.
"""

from __future__ import annotations

import shutil
import stat
import tarfile
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from emolab.errors import CorpusError

MAX_RATIO = 200  # unpacked to packed bytes; audio and video pack far less
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError)
EXTENDED = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, b"X")
MAX_HEADER = 1 << 20  # bytes of a name or of pax fields
LEAST = 100 << 20  # below this an archive may unpack to anything


def unpack(archive: Path, folder: Path, inner: tuple[str, ...] = ()) -> int:
    """Unpack a .zip, .tar or .tar.gz into `folder`; the number of files.

    `inner` names archives in it that are unpacked where they lie, and removed.
    Raises CorpusError that names the member, and leaves `folder` as it was, if one has an absolute path, leads out with
    `..`, is a link or a device, or if the archive is damaged, encrypted, or unpacks to more than 200 times its size or
    than the disk holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / f".unpacking-{uuid.uuid4().hex[:8]}"
    try:
        count = _unpack_into(archive, work)
        for name in inner:
            for nested in sorted(work.rglob(name)):
                count += _unpack_into(nested, nested.parent) - 1
                nested.unlink()
        _merge(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return count


def _unpack_into(archive: Path, folder: Path) -> int:
    limit = min(max(LEAST, MAX_RATIO * archive.stat().st_size), shutil.disk_usage(archive.parent).free)
    written = count = 0
    try:
        for name, source in _members(archive):
            target = folder / _safe(archive, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with source as stream, target.open("wb") as file:
                while block := stream.read(1 << 20):
                    written += len(block)
                    if written > limit:
                        raise CorpusError(
                            f"{archive}: unpacks to more than {limit / 1e9:.1f} GB, which is a bomb or "
                            "more than the disk holds; look at it by hand"
                        )
                    file.write(block)
            count += 1
    except DAMAGE as error:
        raise CorpusError(f"{archive}: damaged or not an archive ({error}); delete it and download it again") from error
    return count


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """(name, opened file) of every regular file; links and devices are refused."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            infos = opened.infolist()
            for info in infos:  # all names before the first byte is written
                _safe(archive, info.filename)
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise CorpusError(f"{archive}: member {info.filename!r} is a link; do not trust this archive")
            for info in _progress(infos, archive):
                if not info.is_dir():
                    yield info.filename, opened.open(info)
        return
    with tarfile.open(archive, tarinfo=_Member) as opened_tar:
        for member in _progress(opened_tar, archive):
            if not (member.isreg() or member.isdir()):
                raise CorpusError(f"{archive}: member {member.name!r} is a link or a device; do not trust this archive")
            try:
                safe = tarfile.data_filter(member, "/nowhere")
            except tarfile.FilterError as error:
                raise _leads_out(archive, member.name) from error
            _safe(archive, member.name)
            if member.isreg() and (file := opened_tar.extractfile(safe)) is not None:
                yield member.name, file


class _Member(tarfile.TarInfo):
    """A member whose extended header (a long name, pax fields) is read only if it is of a size that one can have."""

    def _proc_member(self, opened: tarfile.TarFile) -> tarfile.TarInfo | None:
        if self.size > MAX_HEADER and self.type in EXTENDED:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        return super()._proc_member(opened)  # type: ignore[misc]


def _progress(items: Iterable[Any], archive: Path) -> Iterator[Any]:
    from tqdm import tqdm

    yield from tqdm(items, desc=f"unpacking {archive.name}", unit=" files", delay=2)


def _safe(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or (path.parts and path.parts[0].endswith(":")):
        raise _leads_out(archive, name)
    return path


def _leads_out(archive: Path, name: str) -> CorpusError:
    return CorpusError(
        f"{archive}: member {name!r:.200} leads out of the folder; do not trust this archive, "
        "nothing of it was unpacked"
    )


def _merge(source: Path, target: Path) -> None:
    """Move a tree into another, replacing files of the same name."""
    for item in sorted(source.rglob("*")):
        place = target / item.relative_to(source)
        if item.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            item.replace(place)
