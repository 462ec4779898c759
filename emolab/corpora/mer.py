"""What MER2023 and MER2024 share: tables of (name, discrete, valence) beside folders of mixed .avi and .mp4 clips."""

from __future__ import annotations

from emolab.corpora.builder import VIDEO, Builder, read_csv
from emolab.errors import CorpusError


def load_part(build: Builder, table: str, folder: str, split: str) -> None:
    """Add the rows of one table whose clips lie in `folder`; clips without a row are reported as unlabelled.

    The text is the Chinese one of `label-transcription.csv` where that is there.
    """
    source = build.root / build.one(table)
    spoken = _transcripts(build)
    clips = {name.rsplit(".", 1)[0]: file for name, file in build.by_name(*VIDEO, under=folder).items()}
    for i, row in enumerate(read_csv(source, ("name", "discrete")), 2):
        clip = clips.pop(row["name"], None)
        if build.usable(clip, f"{folder}/{row['name']}"):
            valence = _number(row.get("valence"), f"{source}, row {i}")
            build.add(
                f"{split}-{row['name']}",
                **build.tracks(clip),
                text=spoken.get(row["name"]),
                valence=valence,
                emotion=row["discrete"],
                split=split,
            )
    for file in clips.values():
        build.skip("unlabelled", file)


def _transcripts(build: Builder) -> dict[str, str]:
    """Clip → what is said in Chinese, where the table of transcripts is there."""
    found = next((file for file in build.index if file.rsplit("/", 1)[-1] == "label-transcription.csv"), None)
    if found is None:
        return {}
    return {row["name"]: text for row in read_csv(build.root / found, ("name",)) if (text := row.get("chinese"))}


def _number(text: str | None, where: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise CorpusError(f"{where}: column 'valence' must be a number, got {text!r}; repair the row") from None
