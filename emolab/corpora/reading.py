"""Text and CSV files as people save them, and the suffixes of recordings."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from emolab.errors import CorpusError

AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".m4a")
VIDEO = (".mp4", ".avi", ".mov", ".mkv", ".flv", ".webm")


def read_text(path: Path, encodings: tuple[str, ...] = ("utf-8-sig", "gb18030", "cp1252")) -> str:
    """A text file in the first encoding that fits (UTF-16 by its mark). Raises CorpusError if none does."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}); check the layout of the corpus") from error
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ("utf-16",)
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CorpusError(f"{path}: not text in {' or '.join(encodings)}; restore the file, or save it as UTF-8")


def read_csv(
    path: Path,
    columns: Iterable[str] = (),
    encodings: tuple[str, ...] = ("utf-8-sig", "cp1252", "gb18030"),
    delimiter: str = ",",
) -> list[dict[str, str]]:
    """Rows of a CSV file as dicts.

    Raises CorpusError that names the file, the line and the column: one is missing, or named twice, or a row has more
    values than there are columns (as an unquoted comma in a text makes it).
    """
    reader = csv.reader(io.StringIO(read_text(path, encodings), newline=""), delimiter=delimiter, strict=True)
    rows: list[dict[str, str]] = []
    names: list[str] = []
    needed = tuple(columns)
    try:
        for row in reader:
            if not row or (len(row) == 1 and not row[0].strip()):
                continue
            values = [value.strip() for value in row]
            if not names:
                names = _header(path, values, needed)
                continue
            if len(values) > len(names):
                raise CorpusError(
                    f"{path}, line {reader.line_num}: has {len(values)} values for {len(names)} columns; put a text "
                    f"that holds {'commas' if delimiter == ',' else repr(delimiter)} in double quotes"
                )
            if short := [name for name in needed if names.index(name) >= len(values)]:
                raise CorpusError(f"{path}, line {reader.line_num}: no value for column {short[0]!r}; complete the row")
            rows.append(dict(zip(names, values + [""] * (len(names) - len(values)), strict=True)))
    except csv.Error as error:
        line = 1 if not names else max(1, reader.line_num)
        raise CorpusError(f"{path}, line {line}: not readable as CSV ({error}); repair the row") from error
    if not names:
        _header(path, [], needed)
    return rows


def _header(path: Path, names: list[str], needed: tuple[str, ...]) -> list[str]:
    if absent := [name for name in needed if name not in names]:
        raise CorpusError(f"{path}: column {absent[0]!r} is missing; it has {', '.join(names) or 'no header'}")
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise CorpusError(f"{path}: column {twice[0]!r} is named twice; rename one")
    return names
