"""What the challenges share: of 2023 and 2024 tables of (name, discrete, valence) beside folders of clips, of 2025 and
2026 one folder of clips and one of voices, and a table for each kind of annotation."""

from __future__ import annotations

from pathlib import Path

from emolab.corpora.builder import VIDEO, Builder, Check, read_csv
from emolab.errors import CorpusError
from emolab.samples import Corpus, LoadReport


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


def load_annotated(
    name: str, root: str | Path, check: Check, labels: str, words: tuple[str, ...], descriptions: tuple[str, ...]
) -> tuple[Corpus, LoadReport]:
    """The clips that any table names, with what each says: the label (`discrete`), the open words (`openset`), the
    description (`reason`), what is said in Chinese (`subtitle_chieng.csv`). Clips without a row are unlabelled."""
    build = Builder(name, root, check)
    build.one(labels)
    emotions = _column(build, labels, "discrete")
    named = {clip: _listed(text) for table in words for clip, text in _column(build, table, "openset").items()}
    told = {clip: text for table in descriptions for clip, text in _column(build, table, "reason").items()}
    spoken = _transcripts(build, "subtitle_chieng.csv")
    videos, voices = build.by_name(".mp4", under="video"), build.by_name(".wav", under="audio")
    for clip in dict.fromkeys([*emotions, *named, *told]):
        video, voice = videos.pop(f"{clip}.mp4", None), voices.pop(f"{clip}.wav", None)
        if not build.usable(video, f"video/{clip}.mp4"):
            continue
        tracks = build.tracks(video)
        if voice is not None and build.usable(voice):
            tracks["audio"] = voice
        build.add(
            clip,
            **tracks,
            text=spoken.get(clip),
            emotion=emotions.get(clip),
            words=named.get(clip, ()),
            caption=told.get(clip),
        )
    for file in videos.values():
        build.skip("unlabelled", file)
    return build.finish(f"video/*.mp4, audio/*.wav, {labels} and subtitle_chieng.csv")


def _listed(text: str) -> tuple[str, ...]:
    """Words of a list as it is published: `['happy', 'moved']` → happy, moved."""
    return tuple(word for part in text.strip("[] ").split(",") if (word := part.strip(" '\"")))


def _column(build: Builder, table: str, column: str) -> dict[str, str]:
    """Clip → value of a column, where the table is there."""
    found = next((file for file in build.index if file.rsplit("/", 1)[-1] == table), None)
    return {} if found is None else {r["name"]: r[column] for r in read_csv(build.root / found, ("name", column))}


def _transcripts(build: Builder, table: str = "label-transcription.csv") -> dict[str, str]:
    """Clip → what is said in Chinese, where the table of transcripts is there."""
    return {clip: text for clip, text in _column(build, table, "chinese").items() if text}


def _number(text: str | None, where: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise CorpusError(f"{where}: column 'valence' must be a number, got {text!r}; repair the row") from None
