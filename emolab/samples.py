"""A sample, a table of samples, and the report of a load: what the whole package passes around."""

from __future__ import annotations

import gc
import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from emolab.emotions import LabelSet, label_set_of
from emolab.errors import CorpusError
from emolab.files import write_bytes

if TYPE_CHECKING:
    import pandas as pd

MODALITIES = ("audio", "video", "text")
PARTS = ("tone", "voice", "face", "words", "irony", "feeling")
"""What a description of a sample can be about; the keys of `EmotionSample.parts`."""
UNSTATED = LabelSet("unstated", ())
NEEDS_LISTENING = "needs_listening"
"""Key of a sample's `extra`: False where a model answered right without its voice (`emolab corpus listen-filter`)."""


@dataclass(frozen=True)
class EmotionSample:
    """One utterance. Paths are relative to the root of its corpus; a missing modality is None.

    `words` is the open-vocabulary gold set, `caption` the reference description. `parts` says, under keys of `PARTS`,
    what the voice, the face and the words are like, each as a clause without its full stop ("a low, flat voice, slow
    and quiet"); `describe` makes sentences of them. `extra` holds whatever else the corpus states (condition,
    carriers, domain, evaluators' votes). Valence, arousal and dominance are in [-1, 1] where a corpus is rescaled,
    else as published (the loader's docstring says which).
    """

    id: str
    audio: str | None = None
    video: str | None = None
    text: str | None = None
    emotion: str | None = None
    speaker: str | None = None
    split: str | None = None
    corpus: str | None = None
    language: str | None = None
    valence: float | None = None
    arousal: float | None = None
    dominance: float | None = None
    words: tuple[str, ...] = ()
    caption: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.emotion is not None and not isinstance(self.emotion, str):
            raise CorpusError(f"{self.id}: emotion {self.emotion!r} must be a text, or None for a clip without a label")

    def has(self, modality: str) -> bool:
        """Whether there is something to show of "audio", "video" or "text": a path, a waveform or frames in `extra`,
        or words.

        >>> EmotionSample("x", text="Hello.").has("text"), EmotionSample("x").has("audio")
        (True, False)
        """
        held = {"audio": "waveform", "video": "frames"}.get(modality, "")
        return bool(getattr(self, modality)) or self.extra.get(held) is not None

    def describe(self, parts: Sequence[str] = PARTS) -> str | None:
        """The sentences on these parts, in this order; None where the sample states none of them.

        A sentence is the caption's own where the caption holds the clause, else the clause as a sentence.

        >>> said = "One hears a low, flat voice. The words are neutral. The speaker is sad."
        >>> clauses = {"voice": "a low, flat voice", "words": "the words are neutral", "feeling": "the speaker is sad"}
        >>> EmotionSample("x", caption=said, parts=clauses).describe(("feeling", "voice"))
        'The speaker is sad. One hears a low, flat voice.'
        >>> EmotionSample("x", parts=clauses).describe(("voice",))
        'A low, flat voice.'
        """
        found = [self._sentence(self.parts[part]) for part in parts if self.parts.get(part)]
        return " ".join(found) or None

    def _sentence(self, clause: str) -> str:
        """The sentence of the caption that holds a clause, up to the clause's end; else the clause as a sentence."""
        at = (self.caption or "").lower().find(clause.lower())
        if at < 0 or self.caption is None:
            return closed(clause[:1].upper() + clause[1:])
        before = self.caption[:at]
        start = max((before.rfind(end) + len(end) for end in SENTENCE_ENDS if end in before), default=0)
        return closed(self.caption[start : at + len(clause)].strip())


SENTENCE_ENDS = (". ", "! ", "? ", "\u201d ", "\u3002", "\uff01", "\uff1f")


def closed(sentence: str) -> str:
    """A sentence with its full stop, in the script of its last sign."""
    if not sentence or sentence[-1] in ".!?\u201d\u3002\uff01\uff1f":
        return sentence
    return f"{sentence}\u3002" if "\u2e80" <= sentence[-1] <= "\u9fff" else f"{sentence}."


FIELDS = tuple(f.name for f in fields(EmotionSample))
TEXT_FIELDS = ("id", "audio", "video", "text", "emotion", "speaker", "split", "corpus", "language", "caption")
NUMBER_FIELDS = ("valence", "arousal", "dominance")
TABLES = ("table.parquet", "table.jsonl")


def printable(text: str) -> str:
    """A text that any terminal, table or JSON file takes: half characters, as in names that are not UTF-8, escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass
class LoadReport:
    """What a load found: counts, and every file that was not used, by reason; `first` is what was said of the first."""

    corpus: str
    found: int = 0
    skipped: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    first: dict[str, str] = field(default_factory=dict)

    def skip(self, reason: str, item: str, message: str = "") -> None:
        """Count `item` (a file or a row) as skipped for `reason` ("missing", "corrupt", "unlabelled", …)."""
        self.skipped.setdefault(reason, []).append(printable(item))
        if message:
            self.first.setdefault(reason, printable(message))

    @property
    def n_skipped(self) -> int:
        return sum(map(len, self.skipped.values()))

    def summary(self) -> dict[str, Any]:
        """JSON-ready counts and the skipped items by reason."""
        return {
            "corpus": self.corpus,
            "found": self.found,
            "skipped": {k: len(v) for k, v in self.skipped.items()},
            "items": self.skipped,
            "notes": self.notes,
            "first": self.first,
        }

    def sentence(self) -> str:
        """What was not used, by reason, each with its first message; empty if all was used."""
        told = (f"{len(v)} {reason} (first: {self.first.get(reason, v[0])})" for reason, v in self.skipped.items())
        return "; ".join(told)

    def add(self, other: LoadReport) -> None:
        """Take over what another report skipped and noted; `found` stays."""
        for reason, items in other.skipped.items():
            self.skipped.setdefault(reason, []).extend(items)
        self.notes += other.notes
        self.first = {**other.first, **self.first}


@dataclass
class Corpus:
    """An ordered table of samples under one root folder, and the labels that its emotions are among.

    A loader states the `labels`; where nobody does, they are `label_set_of` the samples' emotions. `report` says what
    was left out when it was loaded and why, `protocol` and `fold` by what convention its samples got their split
    (`emolab.corpora.load_corpus` fills all four).
    """

    root: Path
    samples: list[EmotionSample]
    name: str = ""
    labels: LabelSet = UNSTATED
    report: LoadReport | None = None
    protocol: str | None = None
    fold: str | None = None

    def __post_init__(self) -> None:
        if not len(self.labels):
            self.labels = label_set_of({sample.emotion for sample in self.samples})

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[EmotionSample]:
        return iter(self.samples)

    @overload
    def __getitem__(self, index: int) -> EmotionSample: ...
    @overload
    def __getitem__(self, index: slice) -> Corpus: ...
    def __getitem__(self, index: int | slice) -> EmotionSample | Corpus:
        if isinstance(index, slice):
            return self.replace(self.samples[index])
        return self.samples[index]

    def replace(self, samples: Iterable[EmotionSample]) -> Corpus:
        """The same corpus with other samples."""
        return replace(self, samples=list(samples))

    def where(self, keep: Callable[[EmotionSample], bool] | None = None, **equals: Any) -> Corpus:
        """Samples for which `keep` is true and every named field (or key of `extra`) equals, or is in, its value."""

        def match(sample: EmotionSample) -> bool:
            for name, wanted in equals.items():
                value = getattr(sample, name) if name in FIELDS else sample.extra.get(name)
                if value not in wanted if isinstance(wanted, (set, tuple, list, frozenset)) else value != wanted:
                    return False
            return keep is None or keep(sample)

        return self.replace(s for s in self.samples if match(s))

    def path(self, sample: EmotionSample, modality: str = "audio") -> Path:
        """Absolute path of a sample's audio or video. Raises CorpusError if it has none, or one outside the root."""
        relative = getattr(sample, modality)
        if relative is None:
            raise CorpusError(f"{sample.id}: this sample has no {modality}")
        return within(self.root, relative, f"{sample.id}, column {modality!r}")

    def counts(self, name: str = "emotion") -> Counter[Any]:
        """How often each value of a field (or key of `extra`) occurs."""
        return Counter(getattr(s, name) if name in FIELDS else s.extra.get(name) for s in self.samples)

    def to_pandas(self) -> pd.DataFrame:
        """One row a sample; keys of `extra` become columns of their own."""
        import pandas as pd

        rows = []
        for sample in self.samples:
            row = asdict(sample)
            rows.append({**row.pop("extra"), **row})
        return pd.DataFrame(rows)

    def write(self, path: str | Path) -> Path:
        """Write the table as .jsonl or .parquet (by suffix), atomically. Paths in it stay relative to the root.

        Raises CorpusError for another suffix, or a sample whose `extra` has no JSON form (a waveform, for one).
        """
        path = Path(path)
        if path.suffix not in (".jsonl", ".parquet"):
            raise CorpusError(f"{path}: a table is written as .jsonl or .parquet, not {path.suffix or 'without one'}")
        rows = [_plain_row(sample) for sample in self.samples]
        if path.suffix == ".jsonl":
            plain = ({**row, **{k: json.loads(row[k]) for k in ("extra", "parts")}} for row in rows)
            return write_bytes(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in plain).encode())
        import pandas as pd

        return write_bytes(path, pd.DataFrame(rows, columns=list(FIELDS)).to_parquet(None, index=False))

    @classmethod
    def read(cls, path: str | Path, root: str | Path | None = None) -> Corpus:
        """Read a table written by `write`: a .jsonl or .parquet file, or a folder with table.parquet or table.jsonl.

        Its name is the samples' `corpus` if they agree on one, else the file's. `root` defaults to what
        `emolab corpus load` noted beside the table, else to the table's folder. Raises CorpusError that names the row
        and the column when a row is not a sample, an id occurs twice, or a path leads out of the root.
        """
        from tqdm.auto import tqdm

        path = Path(path)
        if path.is_dir():
            path = next((path / name for name in TABLES if (path / name).is_file()), path / TABLES[0])
        if not path.is_file():
            raise CorpusError(f"{path}: no such table; make one with `emolab corpus make` or `emolab corpus load`")
        base = Path(root) if root is not None else _noted_root(path) or path.parent
        samples: list[EmotionSample] = []
        seen: dict[str, int] = {}
        rows = tqdm(read_rows(path), desc=path.name, unit="row", unit_scale=True, delay=2, leave=False)
        with _uncollected():
            for i, row in enumerate(rows, 1):
                sample = sample_from_row(row, f"{path}, row {i}", base)
                if sample.id in seen:
                    raise CorpusError(
                        f"{path}, row {i}: id {sample.id!r} is that of row {seen[sample.id]} too; make ids unique"
                    )
                seen[sample.id] = i
                samples.append(sample)
        names = {sample.corpus for sample in samples}
        return cls(base, samples, (names.pop() if len(names) == 1 else None) or path.stem)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles of garbage while millions of rows are made: they have none, and each search walks all."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_PLAIN_PATH = re.compile(r"[\w-][\w. -]*(?:/[\w-][\w. -]*)*")  # no part that begins with a point: inside any root


def within(root: Path, relative: str, where: str) -> Path:
    """`relative` below `root`, absolute, links not followed. Raises CorpusError if it leads out of the root."""
    base = Path(root).absolute()
    path = Path(os.path.normpath(base / relative))
    if "\0" in relative or not path.is_relative_to(os.path.normpath(base)) or path == base:
        raise CorpusError(
            f"{where}: the path {relative!r} leads out of {base}; put the file under that folder or give another root"
        )
    return path


def note_path(table: Path) -> Path:
    """Where `emolab corpus load` notes a table's root and load report."""
    return table.with_name(f"{table.name}.report.json")


def _noted_root(table: Path) -> Path | None:
    note = note_path(table)
    if not note.is_file():
        return None
    try:
        root = json.loads(note.read_text(encoding="utf-8"))["root"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{note}: expected an object with the key 'root'; load the corpus again") from error
    return (table.parent / root).absolute()


def _plain_row(sample: EmotionSample) -> dict[str, Any]:
    row: dict[str, Any] = {k: list(v) if isinstance(v, tuple) else v for k, v in vars(sample).items()}
    row["parts"] = json.dumps(dict(sample.parts), ensure_ascii=False)
    try:
        row["extra"] = json.dumps(sample.extra, ensure_ascii=False)
        "".join([*(row[name] or "" for name in TEXT_FIELDS), *sample.words, row["extra"], row["parts"]]).encode("utf-8")
    except UnicodeEncodeError as error:
        raise CorpusError(f"{printable(sample.id)}: a text holds half a character ({error}); repair it") from error
    except (TypeError, ValueError) as error:
        raise CorpusError(f"{sample.id}: 'extra' cannot be written ({error}); keep plain values in it") from error
    return row


def read_rows(path: Path) -> Iterator[Any]:
    """Rows of a .jsonl or .parquet file as they are. Raises CorpusError that names the file or the broken row."""
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
        return
    if path.suffix != ".jsonl":
        raise CorpusError(
            f"{path}: expected a .jsonl or .parquet table (a CSV of your own recordings: `emolab corpus load manifest`)"
        )
    with path.open("rb") as file:
        for i, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
                    message = f"{path}, row {i}: not one JSON object in UTF-8 ({error}); repair the line"
                    raise CorpusError(message) from error


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a Parquet file, part by part; NaN is None."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1 << 15):
                columns = [
                    [None if value != value else value for value in column.to_pylist()]
                    if pa.types.is_floating(column.type)
                    else column.to_pylist()
                    for column in batch.columns
                ]
                yield from (dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True))
    except (OSError, pa.ArrowException) as error:
        raise CorpusError(f"{path}: not readable as Parquet ({error}); write the table again") from error


def sample_from_row(row: Any, where: str, root: Path | None = None) -> EmotionSample:
    """Check and convert one row of a table. `where` names it in the error; with `root`, paths must stay under it.

    Raises CorpusError that names the row and the column: not an object, no id, an unknown column, a value of the wrong
    type, no modality at all, or a path that leads out of the root.
    """
    if not isinstance(row, dict):
        raise CorpusError(f"{where}: expected an object with columns, got {type(row).__name__}")
    if not row.get("id"):
        raise CorpusError(f"{where}: column 'id' is missing or empty")
    if unknown := set(row) - set(FIELDS):
        raise CorpusError(f"{where}: unknown column {min(map(str, unknown))!r}; put it under 'extra'")
    values = dict(row)
    try:
        "".join([value for name in TEXT_FIELDS if (value := values.get(name)) is not None]).encode("utf-8")
    except (TypeError, UnicodeEncodeError):
        _check_texts(values, where)
    for name in NUMBER_FIELDS:
        if values.get(name) is not None:
            values[name] = _number(values[name], f"{where}: column {name!r}")
    values["words"] = _words(values.get("words"), where)
    values["extra"] = _extra(values.get("extra"), where)
    values["parts"] = _parts(values.get("parts"), where)
    if not any(values.get(m) for m in MODALITIES):
        raise CorpusError(f"{where} ({row['id']}): needs at least one of the columns 'audio', 'video', 'text'")
    for name in ("audio", "video"):
        if root is not None and values.get(name) and not _PLAIN_PATH.fullmatch(values[name]):
            within(root, values[name], f"{where}, column {name!r}")
    return EmotionSample(**values)


def _check_texts(values: dict[str, Any], where: str) -> None:
    for name in TEXT_FIELDS:
        value = values.get(name)
        if value is not None and not isinstance(value, str):
            raise CorpusError(f"{where}: column {name!r} must be text, got {value!r:.80}")
        if value and printable(value) != value:
            raise CorpusError(f"{where}: column {name!r} holds half a character ({value!r:.80}); repair the text")


def _number(value: Any, where: str) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CorpusError(f"{where} must be a number, got {value!r:.80}")
    return float(value) if math.isfinite(value) else None


def _words(value: Any, where: str) -> tuple[str, ...]:
    if value is None or value == []:
        return ()
    is_list = isinstance(value, list | tuple) or hasattr(value, "tolist")  # Parquet gives arrays
    if not is_list or not all(isinstance(word, str) for word in value):
        raise CorpusError(f"{where}: column 'words' must be a list of texts, got {value!r:.80}")
    return tuple(value)


def _extra(value: Any, where: str, column: str = "extra") -> dict[str, Any]:
    if value in (None, "", "{}"):
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise CorpusError(f"{where}: column {column!r} is not JSON ({error.msg})") from error
    if value is not None and not isinstance(value, dict):
        raise CorpusError(f"{where}: column {column!r} must be an object, got {value!r:.80}")
    return dict(value or {})


def _parts(value: Any, where: str) -> dict[str, str]:
    found = _extra(value, where, "parts")
    if bad := [key for key, text in found.items() if key not in PARTS or not isinstance(text, str)]:
        raise CorpusError(f"{where}: column 'parts' holds texts under {', '.join(PARTS)}; got {bad[0]!r:.80}")
    return found


def resolve(sample: EmotionSample, root: Path) -> EmotionSample:
    """The sample with its media paths made absolute under `root`: what a model's `encode` takes.

    Raises CorpusError for a path that leads out of the root.
    """
    paths: dict[str, Any] = {
        m: str(within(root, value, f"{sample.id}, column {m!r}"))
        for m in ("audio", "video")
        if (value := getattr(sample, m))
    }
    return replace(sample, **paths)
