"""Downloads that survive a bad network: mirrors, resume, retries, size and hash; a web page is no archive."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emolab.errors import CorpusError

CHUNK = 1 << 18
RETRY_STATUS = {408, 425, 429, 500, 502, 503, 504}
HEADERS = {"User-Agent": "emolab (https://pypi.org/project/emolab)", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Archive:
    """A file to download. `digest` reads "sha256:…" or "md5:…"; None where none was published that we could check.

    `inner` names archives inside it that are unpacked too.
    """

    name: str
    urls: tuple[str, ...]
    size: int | None = None
    digest: str | None = None
    inner: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fetched:
    """What was downloaded, from where, and whether a known hash vouches for it."""

    path: Path
    url: str
    size: int
    sha256: str
    verified: bool

    def summary(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "path": self.path.name}


class _NextMirror(Exception):
    """This address will not do; the next one may."""


@dataclass(frozen=True)
class Downloader:
    """How patient to be: seconds without a byte, tries per mirror, seconds before the first retry (doubling)."""

    timeout: float = 60.0
    tries: int = 5
    pause: float = 2.0

    def fetch(self, archive: Archive, folder: str | Path) -> Fetched:
        """Download into `folder` under the archive's name, or find it there already.

        A broken transfer goes on where it stopped if the server allows it. Raises CorpusError that lists what went
        wrong with each mirror; a wrong or half file never stays under the final name.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        final = folder / archive.name
        if final.is_file():
            problem = _mismatch(final, archive)
            if problem is None:
                return _fetched(final, "already there", archive)
            final.unlink()
        problems = []
        for url in archive.urls:
            part = folder / f".{archive.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part"
            try:
                self._transfer(url, part, archive)
                problem = _mismatch(part, archive)
                if problem is not None:
                    part.unlink()
                    raise _NextMirror(problem)
            except _NextMirror as error:
                problems.append(f"{url}: {error}")
                continue
            part.replace(final)
            return _fetched(final, url, archive)
        raise CorpusError(
            f"{archive.name}: no mirror gave it ({'; '.join(problems)}); try later, or download it by "
            "hand and give it with --archive"
        )

    def _transfer(self, url: str, part: Path, archive: Archive) -> None:
        """Fill `part` from one address, resuming; raises _NextMirror when it is not to be had there."""
        if not url.startswith(("https://", "http://")):
            raise _NextMirror("not a web address")
        last = ""
        for attempt in range(self.tries):
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1))
            try:
                if self._attempt(url, part, archive):
                    return
                last = "the connection was cut"
            except urllib.error.HTTPError as error:
                if error.code == 416:  # our part is longer than the file: it changed there
                    part.unlink(missing_ok=True)
                elif error.code not in RETRY_STATUS:
                    raise _NextMirror(f"the server answered {error.code} {error.reason}") from error
                last = f"the server answered {error.code}"
            except (OSError, http.client.HTTPException, ValueError) as error:
                last = f"{type(error).__name__}: {error}"
        raise _NextMirror(f"{last} ({self.tries} tries)")

    def _attempt(self, url: str, part: Path, archive: Archive) -> bool:
        """One request; whether the file is complete after it."""
        have = part.stat().st_size if part.is_file() else 0
        if archive.size is not None and have == archive.size:
            return True
        request = urllib.request.Request(url, headers={**HEADERS, **({"Range": f"bytes={have}-"} if have else {})})
        with urllib.request.urlopen(request, timeout=self.timeout) as response:
            resumed = have > 0 and response.status == 206
            start = have if resumed else 0
            length = response.headers.get("Content-Length")
            total = archive.size or (start + int(length) if length else None)
            _check_space(part.parent, (total or 0) - start)
            done = _save(response, part, start, total, archive)
        return total is None or done == total


def _save(response: Any, part: Path, start: int, total: int | None, archive: Archive) -> int:
    """Append a response to `part` from `start`; the size reached. Stops at once at a web page or past the size."""
    from tqdm import tqdm

    done = start
    with (
        part.open("r+b" if start else "wb") as file,
        tqdm(desc=archive.name, total=total, initial=start, unit="B", unit_scale=True, delay=1) as bar,
    ):
        file.seek(start)
        while chunk := response.read(CHUNK):
            if done == 0 and _is_page(chunk, archive.name):
                file.truncate(0)
                raise _NextMirror("it answered with a web page, not with the file")
            done += len(chunk)
            if total is not None and done > total:
                file.truncate(0)
                raise _NextMirror(f"it sent more than the {total} bytes expected")
            file.write(chunk)
            bar.update(len(chunk))
    return done


def _is_page(head: bytes, name: str) -> bool:
    text = head[:512].lstrip().lower()
    return not name.endswith((".html", ".xml")) and text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml"))


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise CorpusError(
            f"{folder}: {needed / 1e9:.1f} GB to download, {free / 1e9:.1f} GB free; make room or choose another folder"
        )


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def file_digest(path: Path, kind: str = "sha256") -> str:
    """Hex digest of a file."""
    digest = hashlib.new(kind, usedforsecurity=False)
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def _mismatch(path: Path, archive: Archive) -> str | None:
    """How a file differs from what is known of it; None if it does not."""
    size = path.stat().st_size
    if archive.size is not None and size != archive.size:
        return f"it has {size} bytes, expected {archive.size}"
    if archive.digest is not None:
        kind, _, expected = archive.digest.partition(":")
        if (seen := file_digest(path, kind)) != expected:
            return f"its {kind} is {seen}, expected {expected}: it changed there or was damaged on the way"
    return None


def _fetched(path: Path, url: str, archive: Archive) -> Fetched:
    return Fetched(path, url, path.stat().st_size, file_digest(path), archive.digest is not None)
