"""Hugging Face data sets as corpora: from the hub, from a folder, in memory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import CorpusError, MediaError
from emolab.media.files import regular_file
from emolab.paths import build_folder
from emolab.samples import Corpus, EmotionSample, LoadReport

if TYPE_CHECKING:
    import datasets

AUDIO_COLUMNS = ("audio", "file", "path", "wav", "audio_path", "filename")
LABEL_COLUMNS = ("emotion", "label", "emo", "labels", "major_emotion", "emotion_label", "class")
TEXT_COLUMNS = ("text", "transcript", "transcription", "sentence", "utterance")
SPEAKER_COLUMNS = ("speaker", "speaker_id", "spk", "actor", "actor_id")


def load(name: Path, check: str = "header") -> tuple[Corpus, LoadReport]:
    """`read_datasets` as a loader: `load_corpus("hf:NAME")`."""
    corpus = read_datasets(name.as_posix())
    return corpus, LoadReport(corpus.name, len(corpus))


def from_datasets(
    dataset: datasets.Dataset,
    folder: str | Path,
    audio: str | None = None,
    label: str | None = None,
    text: str | None = None,
    speaker: str | None = None,
    split: str | None = None,
) -> Corpus:
    """A corpus from a Hugging Face `Dataset` with an audio and a label column; audio is written to `folder` as it came.

    A column that is not named is found by its type (`Audio`) or its usual names. Labels may be a `ClassLabel`;
    negative ones, as test sets have them, are None. `split` is that of rows which state none.
    Raises CorpusError for a missing column or a row without audio.
    """
    import datasets

    folder = Path(folder)
    names = dataset.column_names
    typed = [name for name in names if isinstance(dataset.features[name], datasets.Audio)]
    audio = _column(names, audio, (*typed, *AUDIO_COLUMNS), "audio")
    label = _column(names, label, LABEL_COLUMNS, "emotion")
    text = text or next((name for name in TEXT_COLUMNS if name in names), None)
    speaker = speaker or next((name for name in SPEAKER_COLUMNS if name in names), None)
    classes = getattr(dataset.features[label], "names", None)
    if isinstance(dataset.features[audio], datasets.Audio):
        dataset = dataset.cast_column(audio, datasets.Audio(decode=False))
    samples = []
    for i, row in enumerate(dataset):
        value = (
            row[label] if classes is None or row[label] is None else classes[row[label]] if row[label] >= 0 else None
        )
        file = store_audio(row[audio], folder, f"{split + '-' if split else ''}{i:06d}", f"dataset, row {i + 1}")
        samples.append(
            EmotionSample(
                id=str(row.get("id") or file),
                audio=file,
                text=_text(row.get(text)) if text else None,
                emotion=_text(value),
                speaker=_text(row.get(speaker)) if speaker else None,
                split=_text(row.get("split")) or split,
                corpus=_text(row.get("corpus")) or "datasets",
            )
        )
    return Corpus(folder, samples, folder.name)


def read_datasets(name: str, folder: str | Path | None = None) -> Corpus:
    """All splits of a Hugging Face data set as one corpus: a folder that was saved by `datasets`, a folder of Parquet
    files or of audio ("audiofolder"), or a name on the hub ("NAME" or "NAME:CONFIG").

    Audio is written once to `folder` (default: the build folder). A folder is read offline. Raises CorpusError where
    there is nothing to read, or a column is missing.
    """
    parts = _dataset_splits(name)
    where = Path(folder) if folder is not None else build_folder() / "corpora" / f"hf-{_slug(name)}"
    found = [from_datasets(part, where, split=None if split in ("", "all") else split) for split, part in parts.items()]
    samples = [sample for corpus in found for sample in corpus]
    if len({sample.id for sample in samples}) < len(samples):
        samples = [replace(sample, id=str(sample.audio)) for sample in samples]
    return Corpus(where, samples, Path(name).name)


def _dataset_splits(name: str) -> dict[str, Any]:
    import datasets

    path = Path(name)
    try:
        if not path.is_dir():
            hub, _, config = name.partition(":")
            return dict(_undecoded(datasets.load_dataset(hub, config or None)))
        if (path / "dataset_dict.json").is_file():
            return dict(datasets.load_from_disk(str(path)))
        if (path / "state.json").is_file():
            return {"": datasets.load_from_disk(str(path))}
        if tables := sorted(path.rglob("*.parquet")):
            return {
                split: datasets.Dataset.from_parquet([str(t) for t in tables if _split_of(t) == split])
                for split in sorted({_split_of(table) for table in tables})
            }
        return dict(datasets.load_dataset("audiofolder", data_dir=str(path)))
    except (OSError, ValueError, ImportError, datasets.exceptions.DatasetsError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CorpusError(
            f"hf:{name}: {first:.300}; give a folder that `datasets` saved, one with Parquet or audio files, or a name "
            "on the hub that this machine can reach"
        ) from error


def _undecoded(found: Any) -> Any:
    return found if hasattr(found, "items") else {"": found}


def _split_of(table: Path) -> str:
    """The split that a Parquet file's name begins with, as the hub writes them: `train-00000-of-00001.parquet`."""
    return re.split(r"[-_.]", table.name)[0]


def _slug(name: str) -> str:
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', Path(name).name)}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _column(names: Sequence[str], wanted: str | None, usual: Sequence[str], what: str) -> str:
    found = wanted if wanted in names else None if wanted else next((name for name in usual if name in names), None)
    if found is None:
        raise CorpusError(f"dataset: column {wanted or what!r} is missing; it has {', '.join(names)}")
    return found


def store_audio(value: Any, folder: Path, stem: str, where: str) -> str:
    """Copy one audio value (a path, or {"path", "bytes"}) into `folder`; its file name there."""
    content = value.get("bytes") if isinstance(value, dict) else None
    source = value.get("path") if isinstance(value, dict) else value
    if content is None and source is not None:
        try:
            content = regular_file(source).read_bytes()
        except MediaError as error:
            raise CorpusError(f"{where}: {error}") from error
    if content is None:
        raise CorpusError(f"{where}: no audio; leave the row out")
    name = f"{stem}{Path(str(source or '.wav')).suffix or '.wav'}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / name).is_file() or (folder / name).read_bytes() != content:
        (folder / name).write_bytes(content)
    return name


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
