"""A sample, a table of samples, and the report of a load: what every other room passes around."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from emolab.errors import CorpusError

if TYPE_CHECKING:
    import pandas as pd

MODALITIES = ("audio", "video", "text")


@dataclass(frozen=True)
class EmotionSample:
    """One utterance. Paths are relative to the root of its corpus; a missing modality is None.

    `words` is the open-vocabulary gold set, `caption` the reference description, `extra` whatever else the corpus states
    (condition, carriers, domain, evaluators' votes). Valence, arousal and dominance are in [-1, 1] where a corpus is
    rescaled, else as published (the loader's docstring says which).
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


FIELDS = tuple(f.name for f in fields(EmotionSample))


@dataclass
class LoadReport:
    """What a load found: counts, and every file that was not used, by reason."""

    corpus: str
    found: int = 0
    skipped: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def skip(self, reason: str, item: str) -> None:
        """Count `item` (a file or a row) as skipped for `reason` ("missing", "corrupt", "unlabelled", …)."""
        self.skipped.setdefault(reason, []).append(item)

    @property
    def n_skipped(self) -> int:
        return sum(map(len, self.skipped.values()))

    def summary(self) -> dict[str, Any]:
        """JSON-ready counts and the skipped items by reason."""
        return {"corpus": self.corpus, "found": self.found, "skipped": {k: len(v) for k, v in self.skipped.items()},
                "items": self.skipped, "notes": self.notes}


@dataclass
class Corpus:
    """An ordered table of samples under one root folder."""

    root: Path
    samples: list[EmotionSample]
    name: str = ""

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
        """The same root and name over other samples."""
        return Corpus(self.root, list(samples), self.name)

    def where(self, keep: Callable[[EmotionSample], bool] | None = None, **equals: Any) -> Corpus:
        """Samples for which `keep` is true and every named field (or key of `extra`) equals, or is in, the given value."""
        def match(sample: EmotionSample) -> bool:
            for name, wanted in equals.items():
                value = getattr(sample, name) if name in FIELDS else sample.extra.get(name)
                if value not in wanted if isinstance(wanted, (set, tuple, list, frozenset)) else value != wanted:
                    return False
            return keep is None or keep(sample)
        return self.replace(s for s in self.samples if match(s))

    def path(self, sample: EmotionSample, modality: str = "audio") -> Path:
        """Absolute path of a sample's audio or video file. Raises CorpusError if it has none."""
        relative = getattr(sample, modality)
        if relative is None:
            raise CorpusError(f"{sample.id}: this sample has no {modality}")
        return self.root / relative

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
        """Write the table as .jsonl or .parquet (by suffix). Paths in it stay relative to the table's folder."""
        path = Path(path)
        rows = [{k: list(v) if isinstance(v, tuple) else v for k, v in asdict(s).items()} for s in self.samples]
        if path.suffix == ".jsonl":
            path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
        elif path.suffix == ".parquet":
            import pandas as pd

            for row in rows:
                row["extra"] = json.dumps(row["extra"], ensure_ascii=False)
            pd.DataFrame(rows, columns=list(FIELDS)).to_parquet(path, index=False)
        else:
            raise CorpusError(f"{path}: a table is written as .jsonl or .parquet, not {path.suffix or 'without suffix'}")
        return path

    @classmethod
    def read(cls, path: str | Path, root: str | Path | None = None) -> Corpus:
        """Read a table written by `write`. `root` defaults to the table's folder.

        Raises CorpusError that names the row and the column when a row is not a sample.
        """
        path = Path(path)
        if not path.is_file():
            raise CorpusError(f"{path}: no such table; make one with `emolab corpus make` or `emolab corpus load`")
        samples = [sample_from_row(row, f"{path}, row {i}") for i, row in enumerate(_rows(path), 1)]
        return cls(Path(root) if root is not None else path.parent, samples, path.stem)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        import pandas as pd

        for row in pd.read_parquet(path).to_dict("records"):
            yield {k: None if isinstance(v, float) and v != v else v for k, v in row.items()}
        return
    if path.suffix != ".jsonl":
        raise CorpusError(f"{path}: expected a .jsonl or .parquet table")
    for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise CorpusError(f"{path}, row {i}: not JSON ({error.msg})") from error


def sample_from_row(row: Any, where: str) -> EmotionSample:
    """Check and convert one row of a table. `where` names it in the error."""
    if not isinstance(row, dict):
        raise CorpusError(f"{where}: expected an object with columns, got {type(row).__name__}")
    if not row.get("id"):
        raise CorpusError(f"{where}: column 'id' is missing or empty")
    if unknown := set(row) - set(FIELDS):
        raise CorpusError(f"{where}: unknown column {sorted(unknown)[0]!r}; put it under 'extra'")
    values = dict(row)
    values["words"] = tuple(values.get("words") if values.get("words") is not None else ())
    extra = values.get("extra") or {}
    values["extra"] = json.loads(extra) if isinstance(extra, str) else dict(extra)
    if not any(values.get(m) for m in MODALITIES):
        raise CorpusError(f"{where} ({row['id']}): needs at least one of the columns 'audio', 'video', 'text'")
    return EmotionSample(**values)


def resolve(sample: EmotionSample, root: Path) -> EmotionSample:
    """The sample with its media paths made absolute under `root`: what a model's `encode` takes."""
    return replace(sample, **{m: str(root / value) for m in ("audio", "video") if (value := getattr(sample, m))})
