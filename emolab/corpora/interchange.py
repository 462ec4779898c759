"""Other people's tables: EmoBox JSONL, ms-swift JSONL, Hugging Face `datasets`; in and out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import CorpusError, MediaError
from emolab.media.files import regular_file
from emolab.media.frames import IMAGES
from emolab.media.probe import probe
from emolab.paths import build_folder
from emolab.samples import Corpus, EmotionSample, read_rows, sample_from_row

if TYPE_CHECKING:
    import datasets

ANSWER = re.compile(r"<answer>\s*(.*?)\s*</answer>", re.DOTALL)
PLACES = re.compile(r"<(?:audio|video|image)>")
DEFAULT_QUESTION = "What is the emotion of the speaker?"


def write_emobox(corpus: Corpus, path: str | Path) -> Path:
    """Write EmoBox's JSONL: key, dataset, wav, type, sample_rate, num_frame, task, length, emo, channel.

    `wav` is relative to the root, the numbers come from each file's header. Raises CorpusError for a sample without
    audio or emotion.
    """
    rows = []
    for sample in corpus:
        if sample.audio is None or sample.emotion is None:
            raise CorpusError(f"{sample.id}: EmoBox rows need audio and an emotion; select samples that have both")
        info = probe(corpus.path(sample))
        rows.append(
            {
                "key": sample.id,
                "dataset": sample.corpus or corpus.name,
                "wav": sample.audio,
                "type": "raw",
                "sample_rate": info.rate,
                "num_frame": round((info.seconds or 0.0) * info.rate),
                "task": "category",
                "length": info.seconds,
                "emo": sample.emotion,
                "channel": info.channels,
            }
        )
    return _write_lines(path, rows)


def read_emobox(path: str | Path, root: str | Path | None = None) -> Corpus:
    """Read EmoBox's JSONL; `wav` is relative to `root` (default: the file's folder). Labels stay as written.

    Raises CorpusError that names the row and the key that is missing, or a path that leads out of the root.
    """

    def convert(row: dict[str, Any], where: str) -> dict[str, Any]:
        _need(row, ("key", "wav", "emo"), where)
        return {
            "id": row["key"],
            "audio": row["wav"],
            "emotion": row["emo"],
            "corpus": row.get("dataset"),
            "extra": {k: row[k] for k in ("sample_rate", "length", "channel") if k in row},
        }

    return _read(path, root, convert)


def write_swift(
    corpus: Corpus, path: str | Path, question: str = DEFAULT_QUESTION, system: str | None = None, answers: bool = False
) -> Path:
    """Write the JSONL that ms-swift trains from: {messages, audios, videos, images, solution}, media paths absolute.

    The user's turn is a placeholder per medium (a strip of frames goes as an image), then `question`. With `answers`
    the assistant's turn holds the label (for supervised training); without, only `solution` does (for GRPO). Raises
    CorpusError for a sample without emotion or media.
    """
    rows = []
    for sample in corpus:
        media = {
            _swift_key(getattr(sample, kind), kind): str(corpus.path(sample, kind))
            for kind in ("audio", "video")
            if getattr(sample, kind)
        }
        if sample.emotion is None or not media:
            raise CorpusError(f"{sample.id}: ms-swift rows need an emotion and media; select samples that have both")
        solution = f"<answer>{sample.emotion}</answer>"
        places = "".join(f"<{key[:-1]}>" for key in media)
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": places + question})
        if answers:
            messages.append({"role": "assistant", "content": solution})
        rows.append(
            {
                "messages": messages,
                **{key: [value] for key, value in media.items()},
                "solution": solution,
                "id": sample.id,
                "text": sample.text,
            }
        )
    return _write_lines(path, rows)


def read_swift(path: str | Path, root: str | Path | None = None) -> Corpus:
    """Read ms-swift's JSONL. The label is what stands in `<answer>…</answer>` of `solution`, else all of it, else the
    assistant's turn; the question goes to `extra["question"]`.

    Media must lie under `root` (default: the file's folder). Raises CorpusError that names the row otherwise.
    """

    def convert(row: dict[str, Any], where: str) -> dict[str, Any]:
        _need(row, ("messages",), where)
        turns = {turn.get("role"): turn.get("content") for turn in row["messages"] if isinstance(turn, dict)}
        written = row.get("solution") or turns.get("assistant")
        if not isinstance(written, str):
            raise CorpusError(f"{where}: needs 'solution' or an assistant's turn; complete the row")
        answer = ANSWER.search(written)
        question = PLACES.sub("", str(turns.get("user") or "")).strip()
        return {
            "id": str(row.get("id") or where.rsplit(" ", 1)[-1]),
            "audio": _first(row, "audios"),
            "video": _first(row, "videos") or _first(row, "images"),
            "text": row.get("text"),
            "emotion": answer[1] if answer else written.strip(),
            "extra": {"question": question} if question else {},
        }

    return _read(path, root, convert)


def _swift_key(path: str, kind: str) -> str:
    return "images" if kind == "video" and Path(path).suffix.lower() in IMAGES else f"{kind}s"


def to_datasets(corpus: Corpus) -> datasets.Dataset:
    """A Hugging Face `Dataset`, one row a sample: every field, `extra` as JSON, `audio` as an undecoded `Audio` column.

    Nothing is decoded: `Audio(decode=False)` rows hold path and bytes; `emolab.media.load_audio` reads the path.
    """
    import datasets

    rows = []
    for sample in corpus:
        row = dict(vars(sample), words=list(sample.words), extra=json.dumps(sample.extra, ensure_ascii=False))
        row["audio"] = {"bytes": None, "path": str(corpus.path(sample))} if sample.audio else None
        row["video"] = str(corpus.path(sample, "video")) if sample.video else None
        rows.append(row)
    table = {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}
    features: dict[str, Any] = {key: datasets.Value("string") for key in table}
    features |= {key: datasets.Value("float64") for key in ("valence", "arousal", "dominance")}
    features |= {
        "words": datasets.List(datasets.Value("string")),
        "audio": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
    }
    dataset = datasets.Dataset.from_dict(table, features=datasets.Features(features))
    return dataset.cast_column("audio", datasets.Audio(16_000, decode=False))  # encoding would need torchcodec


AUDIO_COLUMNS = ("audio", "file", "path", "wav", "audio_path", "filename")
LABEL_COLUMNS = ("emotion", "label", "emo", "labels", "major_emotion", "emotion_label", "class")
TEXT_COLUMNS = ("text", "transcript", "transcription", "sentence", "utterance")
SPEAKER_COLUMNS = ("speaker", "speaker_id", "spk", "actor", "actor_id")


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


def _first(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    return str(value[0]) if isinstance(value, list) and value else value if isinstance(value, str) else None


def _need(row: Any, keys: Iterable[str], where: str) -> None:
    for key in keys:
        if not isinstance(row, dict) or not row.get(key):
            raise CorpusError(f"{where}: key {key!r} is missing or empty; complete the row")


def _read(path: str | Path, root: str | Path | None, convert: Callable[[Any, str], dict[str, Any]]) -> Corpus:
    path = Path(path)
    if not path.is_file():
        raise CorpusError(f"{path}: no such file; give the JSONL to read")
    base = Path(root) if root is not None else path.parent
    samples = []
    for i, row in enumerate(read_rows(path), 1):
        where = f"{path}, row {i}"
        samples.append(sample_from_row(convert(row, where), where, base))
    return Corpus(base, samples, path.stem)


def _write_lines(path: str | Path, rows: Iterable[dict[str, Any]]) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
