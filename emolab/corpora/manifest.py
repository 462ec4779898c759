"""Your own recordings: a table with a path and a label, or just a folder of audio files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from emolab.corpora.builder import AUDIO, VIDEO, Check, media_fault, read_csv
from emolab.emotions import EMOTIONS, normalise_label
from emolab.errors import CorpusError
from emolab.media.header import has_audio
from emolab.samples import Corpus, EmotionSample, LoadReport, read_rows, sample_from_row

UTF8 = ("utf-8-sig",)  # guessing another encoding would garble names and texts without a word
PATH_COLUMNS = ("audio", "path", "file", "filename", "wav", "audio_path", "video")
LABEL_COLUMNS = ("emotion", "label", "emo")
TEXT_COLUMNS = ("text", "transcript", "sentence", "utterance")
OTHER_COLUMNS = ("speaker", "split", "language", "caption", "valence", "arousal", "dominance")


def load(
    source: str | Path,
    root: str | Path | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    labels: Sequence[str] | None = EMOTIONS,
    skip_bad: bool = False,
    check: Check = "header",
) -> tuple[Corpus, LoadReport]:
    """Load a .csv, .tsv, .jsonl or .parquet table, or a folder of recordings.

    A table needs a column of paths (one of `audio`, `path`, `file`, `filename`, `wav`, `audio_path`, `video`, or
    `path_column`), relative to `root` (default: the table's folder). A label (`emotion`, `label`, `emo`, or
    `label_column`) is forgiven its spelling ("Joy." is happy) but must be one of `labels`; with `labels=None` it stays
    as it is. In a folder, a recording's label is the name of the nearest folder that names an emotion, if any does.

    A missing or unusable file is reported and left out. A row that lacks its path, an unknown label or a path out of
    the root raises CorpusError that names the row, or, with `skip_bad`, is reported too.
    """
    source = Path(source)
    report = LoadReport(source.stem)
    if source.is_dir():
        rows: Iterator[tuple[str, dict[str, Any]]] = _folder_rows(source, labels)
        base = source
    else:
        base = Path(root) if root is not None else source.parent
        rows = _table_rows(source, path_column, label_column)
    samples: dict[str, EmotionSample] = {}
    for where, row in rows:
        try:
            sample = _sample(where, row, base, labels)
            if sample.id in samples:
                raise CorpusError(f"{where}: id {sample.id!r} occurs twice; make ids unique")
        except CorpusError as error:
            if not skip_bad:
                raise
            report.skip("bad row", str(error))
            continue
        file = base / str(sample.audio)
        fault = media_fault(file, check)
        if fault is not None:
            report.skip(*fault)
        elif sample.video and check != "exists" and not has_audio(file):
            report.notes.append(f"{file}: no audio track; kept as video only")
            samples[sample.id] = replace(sample, audio=None)
        else:
            samples[sample.id] = sample
    if not samples:
        first = next((items[0] for items in report.skipped.values()), "no row, no recording")
        raise CorpusError(f"{source}: nothing usable in it ({first})")
    report.found = len(samples)
    return Corpus(base, list(samples.values()), source.stem), report


def _folder_rows(folder: Path, labels: Sequence[str] | None) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in (*AUDIO, *VIDEO) and not file.name.startswith("."):
            relative = file.relative_to(folder)
            named = (normalise_label(part, labels or EMOTIONS) for part in reversed(relative.parent.parts))
            yield str(file), {"path": relative.as_posix(), "label": next((label for label in named if label), None)}


def _table_rows(table: Path, path_column: str | None, label_column: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    readers: dict[str, Callable[[], Any]] = {
        ".csv": lambda: read_csv(table, encodings=UTF8),
        ".tsv": lambda: read_csv(table, encodings=UTF8, delimiter="\t"),
        ".jsonl": lambda: read_rows(table),
        ".parquet": lambda: read_rows(table),
    }
    if not table.is_file():
        raise CorpusError(f"{table}: no such file or folder; give a table or a folder of recordings")
    if table.suffix.lower() not in readers:
        raise CorpusError(f"{table}: expected one of {', '.join(readers)}, or a folder of recordings")
    for i, row in enumerate(readers[table.suffix.lower()](), 1):
        where = f"{table}, row {i}"
        if not isinstance(row, dict):
            raise CorpusError(f"{where}: expected an object with columns, got {type(row).__name__}")
        path = _column(where, row, path_column, PATH_COLUMNS)
        label = _column(where, row, label_column, LABEL_COLUMNS, required=label_column is not None)
        yield where, {**row, "path": row.get(path), "label": row.get(label) if label else None}


def _column(where: str, row: dict[str, Any], wanted: str | None, usual: Sequence[str], required: bool = True) -> str:
    names = (wanted,) if wanted else usual
    found = next((name for name in names if name in row), "")
    if required and not found:
        raise CorpusError(f"{where}: needs a column {' or '.join(map(repr, names))}; it has {', '.join(map(str, row))}")
    return found


def _sample(where: str, row: dict[str, Any], root: Path, labels: Sequence[str] | None) -> EmotionSample:
    path, label = row["path"], row["label"]
    if not path or not isinstance(path, str):
        raise CorpusError(f"{where}: no path; complete the row")
    emotion = str(label) if label not in (None, "") else None
    if emotion is not None and labels is not None:
        emotion = normalise_label(emotion, labels)
        if emotion is None:
            raise CorpusError(f"{where}: unknown label {label!r}; expected one of {', '.join(labels)}")
    values: dict[str, Any] = {name: row[name] for name in OTHER_COLUMNS if row.get(name) not in (None, "")}
    for name in ("valence", "arousal", "dominance"):
        if isinstance(values.get(name), str):
            values[name] = _float(values[name], f"{where}, column {name!r}")
    if values.get("speaker") is not None:
        values["speaker"] = str(values["speaker"])
    text = next((row[name] for name in TEXT_COLUMNS if row.get(name)), None)
    media = "video" if path.lower().endswith(VIDEO) else "audio"
    values |= {
        media: path,
        "audio": path,
        "text": text,
        "emotion": emotion,
        "id": str(row.get("id") or path),
        "corpus": "manifest",
    }
    return sample_from_row(values, where, root)


def _float(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CorpusError(f"{where} must be a number, got {text!r}") from None
