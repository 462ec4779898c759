"""Your own recordings: a table with a path and a label, or just a folder of audio files."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from emolab.corpora.reading import AUDIO, VIDEO, read_csv
from emolab.emotions import EMOLAB_7, LabelSet, label_set
from emolab.errors import CorpusError
from emolab.media.files import respelt
from emolab.media.usable import Check, look
from emolab.samples import Corpus, EmotionSample, LoadReport, printable, read_rows, sample_from_row

UTF8 = ("utf-8-sig",)  # guessing another encoding would garble names and texts without a word
PATH_COLUMNS = ("audio", "path", "file", "filename", "wav", "audio_path", "video")
LABEL_COLUMNS = ("emotion", "label", "emo", "gt")
TEXT_COLUMNS = ("text", "transcript", "transcription", "sentence", "utterance")
OTHER_COLUMNS = ("id", "speaker", "split", "language", "caption", "valence", "arousal", "dominance")
KNOWN = (*PATH_COLUMNS, *LABEL_COLUMNS, *TEXT_COLUMNS, *OTHER_COLUMNS)


def load_manifest(
    source: str | Path,
    root: str | Path | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    labels: LabelSet | Sequence[str] | None = EMOLAB_7,
    skip_bad: bool = False,
    check: Check = "header",
) -> tuple[Corpus, LoadReport]:
    """Load a .csv, .tsv, .jsonl or .parquet table, or a folder of recordings.

    A table needs a column of paths (one of `audio`, `path`, `file`, `filename`, `wav`, `audio_path`, `video`, or
    `path_column`), relative to `root` (default: the table's folder). A label (`emotion`, `label`, `emo`, or
    `label_column`) is forgiven its spelling ("Joy." is happy) but must be one of `labels`; with `labels=None` it stays
    as it is. Names of columns are read in any case. In a folder, a recording's label is the name of the nearest folder
    that names an emotion, or with `labels=None` of its own folder where none does.

    A missing or unusable file is reported and left out, and so is a row about the file of an earlier row. A row that
    lacks its path, an unknown label or a path out of the root raises CorpusError that names the row, or, with
    `skip_bad`, is reported too.
    """
    from tqdm.auto import tqdm

    source = Path(source)
    report = LoadReport(source.stem)
    known = None if labels is None else label_set(labels)
    if source.is_dir():
        rows: Iterator[tuple[str, dict[str, Any]]] = _folder_rows(source, known, report)
        base = source
    else:
        base = Path(root) if root is not None else source.parent
        rows = _table_rows(source, path_column, label_column, report)
    samples: dict[str, EmotionSample] = {}
    seen: dict[str, str] = {}
    for where, row in tqdm(rows, desc=f"{source.name}: rows", unit="row", unit_scale=True, delay=2, leave=False):
        try:
            sample = _found(_sample(where, row, base, known), base, report)
            if sample.id in samples:
                raise CorpusError(f"{where}: id {sample.id!r} occurs twice; make ids unique")
        except CorpusError as error:
            if not skip_bad:
                raise
            report.skip("bad row", str(error))
            continue
        file = str(sample.audio or sample.video)
        if (first := seen.setdefault(os.path.normpath(file), where)) != where:
            report.skip("file of an earlier row", f"{where}: {file} is the file of {first}")
        elif (kept := _tracks(sample, base / file, check, report)) is not None:
            samples[sample.id] = kept
    if not samples:
        raise CorpusError(f"{source}: nothing usable in it ({report.sentence() or 'no row, no recording'})")
    report.found = len(samples)
    return Corpus(base, list(samples.values()), source.stem, *(() if known is None else (known,))), report


def _tracks(sample: EmotionSample, file: Path, check: Check, report: LoadReport) -> EmotionSample | None:
    """The sample with the tracks that its file has; None, reported, if it cannot be used."""
    seen = look(file, check)
    if seen.reason:
        report.skip(seen.reason, seen.message)
        return None
    absent: dict[str, Any] = {m: None for m in ("audio", "video") if getattr(sample, m) and not getattr(seen, m)}
    if len(absent) == (2 if sample.video else 1):
        report.skip("nothing to show", f"{file}: a picture; name images of a face in a table of emolab's own")
        return None
    for modality in absent:
        report.notes.append(f"{printable(str(file))}: no {modality} track; the rest is kept")
    return replace(sample, **absent)


def _folder_rows(folder: Path, labels: LabelSet | None, report: LoadReport) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in (*AUDIO, *VIDEO) and not file.name.startswith("."):
            relative = file.relative_to(folder)
            if printable(relative.as_posix()) != relative.as_posix():
                report.skip("file name that is not UTF-8", relative.as_posix(), f"{file}: rename the file")
                continue
            names = list(reversed(relative.parent.parts))
            label = next((label for part in names if (label := (labels or EMOLAB_7).normalise(part))), None)
            if label is None and labels is None and names:
                label = names[0]
            yield str(file), {"path": relative.as_posix(), "label": label}


def _table_rows(
    table: Path, path_column: str | None, label_column: str | None, report: LoadReport
) -> Iterator[tuple[str, dict[str, Any]]]:
    if not table.is_file():
        raise CorpusError(f"{table}: no such file or folder; give a table or a folder of recordings")
    suffix = table.suffix.lower()
    if suffix not in (".csv", ".tsv", ".jsonl", ".parquet"):
        raise CorpusError(f"{table}: expected .csv, .tsv, .jsonl or .parquet, or a folder of recordings")
    delimiters = {".csv": ",", ".tsv": "\t"}
    rows = read_csv(table, (), UTF8, delimiters[suffix]) if suffix in delimiters else read_rows(table)
    names: dict[str, str] = {}
    for i, row in enumerate(rows, 1):
        where = f"{table}, row {i}"
        if not isinstance(row, dict):
            raise CorpusError(f"{where}: expected an object with columns, got {type(row).__name__}")
        if i == 1 or row.keys() - names.keys():
            names = _names(where, row, report if i == 1 else LoadReport(""))
        row = {names[key]: value for key, value in row.items()}
        path = _column(where, row, path_column, PATH_COLUMNS)
        label = _column(where, row, label_column, LABEL_COLUMNS, required=label_column is not None)
        yield where, {**row, "path": row.get(path), "label": row.get(label) if label else None}


def _names(where: str, row: dict[str, Any], report: LoadReport) -> dict[str, str]:
    """Column → the name that it is read by: a known one in any case ("Emotion"), else its own."""
    lower = {name: name.lower().strip() for name in map(str, row)}
    read = {name: low if low in KNOWN and low not in row else name for name, low in lower.items()}
    if len(set(read.values())) < len(read):
        twice = next(low for low in read.values() if list(read.values()).count(low) > 1)
        raise CorpusError(f"{where}: two columns are named {twice!r} but for capitals; rename one")
    report.notes += [f"column {name!r} is read as {low!r}" for name, low in read.items() if name != low]
    return read


def _column(where: str, row: dict[str, Any], wanted: str | None, usual: Sequence[str], required: bool = True) -> str:
    names = (wanted,) if wanted else usual
    found = next((name for name in names if name in row), "")
    if required and not found:
        raise CorpusError(f"{where}: needs a column {' or '.join(map(repr, names))}; it has {', '.join(map(str, row))}")
    return found


def _sample(where: str, row: dict[str, Any], root: Path, labels: LabelSet | None) -> EmotionSample:
    path, emotion = row["path"], _text(row["label"])
    if not path or not isinstance(path, str):
        raise CorpusError(f"{where}: no path; complete the row")
    if emotion is not None and labels is not None:
        spelt = labels.normalise(emotion)
        if spelt is None:
            raise CorpusError(f"{where}: unknown label {emotion!r}; expected one of {', '.join(labels)}")
        emotion = spelt
    values: dict[str, Any] = {name: _text(row[name]) for name in OTHER_COLUMNS if _text(row.get(name)) is not None}
    for name in ("valence", "arousal", "dominance"):
        if name in values:
            values[name] = _float(values[name], f"{where}, column {name!r}")
    media = {"video": path} if path.lower().endswith(VIDEO) else {}
    values |= media | {
        "audio": path,
        "text": next((text for name in TEXT_COLUMNS if (text := _text(row.get(name)))), None),
        "emotion": emotion,
        "id": values.get("id") or path,
        "corpus": "manifest",
    }
    return sample_from_row(values, where, root)


def _text(value: Any) -> str | None:
    """A cell as text; None where it is empty or, as pandas has it, NaN."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _found(sample: EmotionSample, base: Path, report: LoadReport) -> EmotionSample:
    """The sample with the path of its file as it is spelt on disk: other slashes, Unicode form or case are noted."""
    path = base / str(sample.audio)
    if os.path.lexists(path) or (other := respelt(path)) is None or not other.is_relative_to(base):
        return sample
    relative = other.relative_to(base).as_posix()
    report.notes.append(f"{printable(str(sample.audio))}: read as {relative!a}, as the file is named")
    return replace(sample, audio=relative, video=relative if sample.video else None)


def _float(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CorpusError(f"{where} must be a number, got {text!r}") from None
