"""Downloads that survive a bad network: mirrors, resume, retries, size and hash; a web page is no archive.

`pooch` keeps what is there, checks hashes and puts a file under its name only when it is whole. The transfer itself is
ours, because pooch's starts a broken one (MELD has 11 GB) from the beginning, waits for ever on a server that drips,
and writes what has no stated length until the disk is full.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import shutil
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pooch

from emolab.errors import CorpusError

CHUNK = 1 << 18
OVERLAP = 1 << 14  # bytes at the end of a part that are fetched again, to see that the file is still the same
MOST = 100 << 30  # bytes of a download whose server states no length
SPARE = 1 << 30  # bytes that such a download leaves free on the disk
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
    """How patient to be: seconds without a byte, tries per mirror, seconds before the first retry (doubling), and the
    slowest transfer that is waited for (bytes a second, over `window` seconds)."""

    timeout: float = 60.0
    tries: int = 5
    pause: float = 2.0
    slowest: float = 1024.0
    window: float = 120.0

    def fetch(self, archive: Archive, folder: str | Path) -> Fetched:
        """Download into `folder` under the archive's name, or find it there already.

        A broken transfer goes on where it stopped if the server allows it. Raises CorpusError that lists what went
        wrong with each mirror; a wrong or half file never stays under the final name.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        final = folder / archive.name
        there = final.is_file()
        if there and ((archive.size and final.stat().st_size != archive.size) or not _matches(final, archive.digest)):
            final.unlink()
            there = False
        if there:
            return _fetched(final, "already there", archive)
        problems = []
        logging.getLogger("pooch").setLevel(logging.WARNING)
        for url in archive.urls:
            part = folder / f".{archive.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part"

            def transfer(url: str, output: Any, _: Any, part: Path = part) -> None:
                self._transfer(url, part, archive)
                if archive.size is not None and part.stat().st_size != archive.size:
                    size = part.stat().st_size
                    part.unlink()
                    raise _NextMirror(f"it has {size} bytes, expected {archive.size}")
                part.replace(output)

            try:
                pooch.retrieve(url, archive.digest, fname=archive.name, path=folder, downloader=transfer)
            except (_NextMirror, ValueError) as error:  # ValueError: another hash than expected, or no web address
                problems.append(f"{url}: {' '.join(str(error).split())}")
                continue
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
        start = max(0, have - OVERLAP)
        request = urllib.request.Request(url, headers={**HEADERS, **({"Range": f"bytes={start}-"} if start else {})})
        with urllib.request.urlopen(request, timeout=self.timeout) as response:
            stated = str(response.headers.get("Content-Range", ""))
            if response.status != 206:
                start = 0
            elif stated and not stated.startswith(f"bytes {start}-"):
                raise ValueError(f"asked for the bytes from {start}, it sent {stated}")
            length = response.headers.get("Content-Length")
            total = archive.size or (start + int(length) if length else None)
            _check_space(part.parent, (total or 0) - start)
            done = self._save(response, part, start, total, archive)
        return total is None or done == total

    def _save(self, response: Any, part: Path, start: int, total: int | None, archive: Archive) -> int:
        """Append a response to `part` from `start`; the size reached. Stops at a web page, past the size, and where
        the bytes that are there already come differently or too slowly."""
        from tqdm import tqdm

        limit = total if total is not None else min(MOST, start + max(0, shutil.disk_usage(part.parent).free - SPARE))
        done, since, reached = start, time.monotonic(), start
        known = part.read_bytes()[start:] if start else b""  # at most OVERLAP bytes
        with (
            part.open("r+b" if start else "wb") as file,
            tqdm(desc=archive.name, total=total, initial=start, unit="B", unit_scale=True, delay=1) as bar,
        ):
            file.seek(start)
            while chunk := response.read1(CHUNK):
                if done == 0 and _is_page(chunk, archive.name):
                    file.truncate(0)
                    raise _NextMirror("it answered with a web page, not with the file")
                if known[: len(chunk)] != chunk[: len(known)]:
                    file.truncate(0)
                    raise ValueError("the file changed there since the last try")
                known = known[len(chunk) :]
                done += len(chunk)
                if done > limit:
                    file.truncate(0)
                    expected = (
                        f"the {total} bytes expected" if total is not None else "the disk holds, without a length"
                    )
                    raise _NextMirror(f"it sent more than {expected}")
                file.write(chunk)
                bar.update(len(chunk))
                if time.monotonic() - since > self.window:
                    if done - reached < self.slowest * self.window:
                        raise _NextMirror(f"it sent {done - reached} bytes in {self.window:g} s")
                    since, reached = time.monotonic(), done
            file.truncate(done)
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


def _matches(path: Path, digest: str | None) -> bool:
    kind, _, expected = (digest or "").partition(":")
    return digest is None or pooch.file_hash(str(path), kind) == expected


def _fetched(path: Path, url: str, archive: Archive) -> Fetched:
    return Fetched(path, url, path.stat().st_size, pooch.file_hash(str(path), "sha256"), archive.digest is not None)
