"""A learner's own recordings: a folder that holds sound files and one table, which every command reads as a corpus."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emolab.errors import CorpusError, MediaError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emolab.samples import EmotionSample

TABLE = "recordings.csv"
COLUMNS = ("audio", "emotion", "speaker", "text")


@dataclass(frozen=True)
class Recordings:
    """Recordings of one's own in `folder`: `take-001.wav`, …, and `recordings.csv`.

    The table has the columns audio, emotion, speaker and text, so `load_corpus("manifest:FOLDER/recordings.csv")` and
    `emolab train --corpus manifest:FOLDER/recordings.csv` read it.

    Example: `Recordings(Path("mine")).add(wave, "happy")`
    """

    folder: Path

    @property
    def table(self) -> Path:
        """The table of the recordings. It does not exist before the first `add`."""
        return self.folder / TABLE

    def rows(self) -> list[dict[str, str]]:
        """The rows of the table, in the order in which they were recorded. Raises CorpusError for another table."""
        if not self.table.is_file():
            return []
        with self.table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise CorpusError(f"{self.table}: expected the columns {', '.join(COLUMNS)}; choose another folder")
            return list(reader)

    def __len__(self) -> int:
        return len(self.rows())

    def add(
        self, sound: NDArray[np.float32] | bytes, emotion: str = "", speaker: str = "me", text: str = ""
    ) -> EmotionSample:
        """Keep one recording and its label; the sample that the table now holds for it.

        `sound` is a 16 kHz mono wave (n,) or the bytes of any sound file that the package reads. Raises MediaError for
        a sound that cannot be used; nothing is written then.
        """
        import soundfile as sf

        from emolab.media import SAMPLE_RATE
        from emolab.samples import EmotionSample

        wave = decode(sound) if isinstance(sound, bytes) else np.asarray(sound, np.float32)
        if wave.ndim != 1 or not wave.size or not np.isfinite(wave).all():
            raise MediaError(f"a recording must be a non-empty mono wave of finite numbers, got shape {wave.shape}")
        rows = self.rows()
        taken = [int(found[1]) for row in rows if (found := re.fullmatch(r"take-(\d+)\.wav", row["audio"]))]
        name = f"take-{max(taken, default=0) + 1:03d}.wav"
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{name}.part"
        sf.write(part, wave, SAMPLE_RATE, format="WAV", subtype="PCM_16")
        part.replace(self.folder / name)
        self._write([*rows, dict(zip(COLUMNS, (name, emotion, speaker, text), strict=True))])
        return EmotionSample(
            id=Path(name).stem,
            audio=str(self.folder / name),
            emotion=emotion or None,
            speaker=speaker or None,
            text=text or None,
        )

    def relabel(self, audio: str, emotion: str) -> None:
        """Change the label of the recording in the file `audio`. Raises CorpusError where there is none."""
        rows = self.rows()
        if audio not in [row["audio"] for row in rows]:
            raise CorpusError(f"{self.table}: no recording {audio!r}")
        self._write([row | {"emotion": emotion} if row["audio"] == audio else row for row in rows])

    def labels(self) -> list[str]:
        """The labels that occur, each once, in the order of their first recording."""
        return list(dict.fromkeys(row["emotion"] for row in self.rows() if row["emotion"]))

    def missing(self, wanted: Sequence[str]) -> list[str]:
        """Those of `wanted` labels that no recording has."""
        have = set(self.labels())
        return [label for label in wanted if label not in have]

    def _write(self, rows: Sequence[dict[str, str]]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        part = self.table.with_name(f".{TABLE}.part")
        part.write_text(text.getvalue(), encoding="utf-8")
        part.replace(self.table)


def decode(data: bytes) -> NDArray[np.float32]:
    """The 16 kHz mono wave of a sound file's bytes. Raises MediaError for bytes that are no usable sound."""
    import tempfile

    from emolab.media import load_audio

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        path.write_bytes(data)
        try:
            return load_audio(path)
        except MediaError as error:
            raise MediaError(str(error).replace(str(path), "this recording")) from error
