"""Other people's tables: EmoBox JSONL and ms-swift JSONL in and out, Hugging Face `datasets` out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import CorpusError
from emolab.media.frames import IMAGES
from emolab.media.probe import probe
from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport, read_rows, sample_from_row

if TYPE_CHECKING:
    import datasets

ANSWER = re.compile(r"<answer>\s*(.*?)\s*</answer>", re.DOTALL)
PLACES = re.compile(r"<(?:audio|video|image)>")
DEFAULT_QUESTION = "What is the emotion of the speaker?"


def emobox(path: Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """`read_emobox` as a loader: `emolab corpus load emobox FILE`."""
    corpus = read_emobox(path)
    return corpus, LoadReport(corpus.name, len(corpus))


def swift(path: Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """`read_swift` as a loader: `emolab corpus load swift FILE`."""
    corpus = read_swift(path)
    return corpus, LoadReport(corpus.name, len(corpus))


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
