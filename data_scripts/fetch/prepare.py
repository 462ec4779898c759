"""The one command behind every script in `data_scripts/`: get a corpus, or say how; then check what is there."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pooch
import typer

from emolab.corpora import info, load
from emolab.errors import CorpusError, EmolabError

from .download import Archive, Downloader
from .sources import SOURCES, Source
from .unpack import unpack

RECORD = ".emolab-fetched.json"  # in the corpus's folder: what was downloaded, from where, its hash
POINTER = re.compile(rb"version https://git-lfs[^\n]*\noid sha256:([0-9a-f]{64})\nsize (\d+)\n")


def prepare(
    name: str,
    folder: Path,
    archives: Sequence[Path] = (),
    url: str | None = None,
    video: bool = False,
    keep: bool = False,
    downloader: Downloader | None = None,
    source: Source | None = None,
) -> dict[str, Any]:
    """Get a corpus into `folder` and load it; a summary. Whatever is there already is not fetched again.

    `archives` are files that a person downloaded, used instead of fetching; `url` is tried before the known mirrors.
    Raises CorpusError that says what to do if the corpus cannot be had by a script, a download fails, or what is there
    does not have the published layout.
    """
    source, downloader = source or SOURCES[name], downloader or Downloader()
    record = _read_record(folder)
    for path in archives:
        _unpack_once(path, path.name, folder, record, (), "given by hand")
    if not archives:
        for archive in (*source.archives, *(source.video if video else ())):
            _get(archive, folder, record, url, keep, downloader)
        if source.lfs:
            _resolve_pointers(folder, source.lfs, downloader)
    try:
        corpus, report = load(name, folder)
    except CorpusError as error:
        if source.archives or archives:
            raise
        raise CorpusError(f"{info(name).title} cannot be downloaded by a script. {source.steps} ({error})") from error
    return {
        **report.summary(),
        "expected": info(name).size,
        "licence": info(name).licence,
        "folder": str(folder),
        "n": len(corpus),
        "complete": len(corpus) >= info(name).size,
        "files": record,
    }


def _get(
    archive: Archive, folder: Path, record: dict[str, Any], url: str | None, keep: bool, downloader: Downloader
) -> None:
    if archive.name in record:
        return
    if url is not None:
        archive = replace(archive, urls=(url, *archive.urls))
    fetched = downloader.fetch(archive, folder)
    _unpack_once(fetched.path, archive.name, folder, record, archive.inner, fetched.url, fetched.verified)
    if not keep:
        fetched.path.unlink()


def _unpack_once(
    path: Path,
    name: str,
    folder: Path,
    record: dict[str, Any],
    inner: tuple[str, ...],
    url: str,
    verified: bool = False,
) -> None:
    """Unpack an archive and note it, unless the same one was unpacked before."""
    if not path.is_file():
        raise CorpusError(f"{path}: no such archive")
    sha256 = pooch.file_hash(str(path), "sha256")
    if record.get(name, {}).get("sha256") == sha256:
        return
    files = unpack(path, folder, inner)
    record[name] = {"url": url, "size": path.stat().st_size, "sha256": sha256, "verified": verified, "files": files}
    (folder / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorpusError(f"{path}: not JSON ({error}); delete it to fetch again") from error
    return record if isinstance(record, dict) else {}


def _resolve_pointers(folder: Path, bases: tuple[str, ...], downloader: Downloader) -> None:
    """Replace Git LFS pointers by their files, each checked against the size and SHA-256 in its pointer."""
    from tqdm import tqdm

    pointers = list(_pointers(folder))
    with ThreadPoolExecutor(max_workers=4) as pool:
        jobs = [pool.submit(_resolve, folder, path, pointer, bases, downloader) for path, pointer in pointers]
        try:
            for job in tqdm(jobs, desc="files behind Git LFS pointers", delay=1):
                job.result()
        finally:
            for job in jobs:
                job.cancel()


def _pointers(folder: Path) -> Iterable[tuple[Path, re.Match[bytes]]]:
    for path in sorted(folder.rglob("*.wav")):
        if path.stat().st_size < 1024 and (pointer := POINTER.match(path.read_bytes())):
            yield path, pointer


def _resolve(
    folder: Path, path: Path, pointer: re.Match[bytes], bases: tuple[str, ...], downloader: Downloader
) -> None:
    below = Path(*path.relative_to(folder).parts[1:])  # without the archive's own top folder
    urls = tuple(f"{base}/{quote(below.as_posix())}" for base in bases)
    archive = Archive(f"{path.name}.lfs", urls, int(pointer[2]), f"sha256:{pointer[1].decode()}")
    downloader.fetch(archive, path.parent).path.replace(path)


def main(name: str, arguments: Sequence[str] | None = None) -> None:
    """Command line of `data_scripts/<name>.py`. Exits with status 1 on an error or an incomplete corpus."""
    about = info(name)
    source = SOURCES[name]
    how = "Downloads, checks and unpacks it." if source.archives else f"Cannot be downloaded: {source.steps}"
    parser = argparse.ArgumentParser(
        description=f"{about.title} ({about.url}). Licence: {about.licence}. {how} "
        "Safe to repeat: what is there is not fetched again."
    )
    parser.add_argument("folder", type=Path, help="where the corpus is, or is to be")
    parser.add_argument("--archive", type=Path, action="append", default=[], help="an archive you downloaded yourself")
    parser.add_argument("--keep", action="store_true", help="keep the downloaded archives")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    if source.archives:
        parser.add_argument("--url", help="an address to try first, such as a mirror near you")
    if source.video:
        parser.add_argument("--video", action="store_true", help="fetch the video archives too")
    options = vars(parser.parse_args(arguments))
    typer.echo(f"{about.title}. Licence: {about.licence}. {about.url}", err=True)
    try:
        result = prepare(
            name,
            options["folder"],
            options["archive"],
            options.get("url"),
            options.get("video", False),
            options["keep"],
        )
    except EmolabError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(1) from error
    typer.echo(json.dumps(result, ensure_ascii=False) if options["json"] else _sentence(result))
    if not result["complete"]:
        typer.echo(
            f"incomplete: {result['n']} of {result['expected']} samples; to fetch again, delete "
            f"{options['folder'] / RECORD} and repeat",
            err=True,
        )
        raise SystemExit(1)


def _sentence(result: dict[str, Any]) -> str:
    skipped = ", ".join(f"{n} {reason}" for reason, n in result["skipped"].items()) or "nothing"
    unchecked = [name for name, entry in result["files"].items() if not entry["verified"]]
    warning = f" No published hash for {', '.join(unchecked)}: seen values are in {RECORD}." if unchecked else ""
    counts = f"{result['n']} samples, {result['expected']} in a complete copy"
    return f"{result['folder']}: {counts}; not used: {skipped}.{warning}"
