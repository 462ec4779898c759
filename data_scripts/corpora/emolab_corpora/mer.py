"""MER2023, MER2024, MER2025 and MER2026: the challenges of multimodal emotion recognition, in Chinese.

2023 and 2024 have tables of (name, discrete, valence) beside folders of clips; 2025 and 2026 have one folder of clips
and one of voices, and a table for each kind of annotation.

MER2023 (Lian et al., 2023): Chinese film and series clips, six emotions and valence; three test sets.

Checked against emo-box/EmoBox (`data/mer2023/mer2023.jsonl`: names, labels, folders; `preprocess/scripts/mer2023.py`:
tables) and zeroQiaoba/MERTools (`MER2026/MER2026_Track1/toolkit/preprocess/mer2023.py`: columns, no valence in test3).
Values of valence are not verified against a public listing.

MER2024 (Lian et al., 2024): the labelled clips of MER2023 and a large unlabelled set in which the tests hide.

Checked against zeroQiaoba/MERTools (`MER2026/MER2026_Track1/toolkit/preprocess/mer2024.py`: folders and table;
`MER2024/main-asr.py`: transcripts). The column valence is not verified against a public listing.

MER2025 (Lian et al., 2025): the labelled clips of the challenges before, with open words and descriptions.

Checked against zeroQiaoba/MERTools (`MER2025/README.md`: folders and tables;
`MER2025/MER2025_Track1/toolkit/preprocess/mer2025.py`: columns name, discrete, chinese; `my_affectgpt/datasets`: the
column openset). The column reason is named by public users of the data set. Rows of the tables are not verified against
a public listing: the data set is gated.

MER2026: labels of single persons, and open words by people and by models.

Checked against zeroQiaoba/MERTools (`MER2026/README.md`: folders and tables;
`MER2026/MER2026_Track1/toolkit/preprocess/mer2026.py`: columns name, discrete, chinese;
`MER2026/MER2026_Track2/my_affectgpt/datasets`: the column openset; `MER2026/MER2026_Track3/main_dpo_batch.py`: the
columns a1, a2 and preference). Rows of the tables are not verified against a public listing: the data set is gated.
"""

from __future__ import annotations

from pathlib import Path

from emolab.corpora.reading import VIDEO, read_csv
from emolab.errors import CorpusError
from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

OF = ("mercaptionplus.csv", "ovmerd.csv")
"""Tables of both kinds; where both name a clip, the one that people checked (OV-MERD) comes last and counts."""
PAIRS = ("track3_emoprefer.csv", "track3_emopreferv2.csv")


def mer2023(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `train/` with `train-label.csv` and `testN/` with `testN-label.csv` for those of N = 1, 2, 3 that are there.

    Valence is kept as published; test3, which was unlabelled in the challenge, has none. Speakers are not stated.
    Raises CorpusError if the training table is missing or lacks a column.
    """
    build = Builder("mer2023", root, check)
    _load_part(build, "train-label.csv", "train", "train")
    for part in ("test1", "test2", "test3"):
        if any(file.rsplit("/", 1)[-1] == f"{part}-label.csv" for file in build.index):
            _load_part(build, f"{part}-label.csv", part, part)
        else:
            build.report.notes.append(f"no {part}-label.csv: that test set is left out")
    return build.finish("train/*.avi and train-label.csv")


def mer2024(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `video-labeled/` with `label-disdim.csv`; every clip of `video-unlabeled-…` is reported as unlabelled.

    There is no published split of the labelled part. Speakers are not stated. Raises CorpusError if the table is
    missing or lacks a column.
    """
    build = Builder("mer2024", root, check)
    _load_part(build, "label-disdim.csv", "video-labeled", "train")
    for file in build.files(*VIDEO):
        if "/video-unlabeled" in f"/{file}":
            build.skip("unlabelled", file)
    return build.finish("video-labeled/*.mp4 and label-disdim.csv")


def mer2025(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `video/`, `audio/`, `track1_train_disdim.csv`, `track2_train_*.csv`, `track3_train_*.csv` and
    `subtitle_chieng.csv`.

    A clip has the label of track 1, the words of track 2 (`words`) and the description of track 3 (`caption`), as far
    as these tables name it. Speakers are not stated, and no split is published. Raises CorpusError if the table of
    track 1 is missing or a table lacks a column.
    """
    words, descriptions = (tuple(f"track{n}_train_{kind}" for kind in OF) for n in (2, 3))
    return _load_annotated("mer2025", root, check, "track1_train_disdim.csv", words, descriptions)


def mer2026(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `video/`, `audio/`, `track1_train.csv`, `track2_train_mercaptionplus.csv`, `track2_train_human.csv`,
    `track3_emoprefer.csv`, `track3_emopreferv2.csv` and `subtitle_chieng.csv`.

    Where both tables of words name a clip, those of people count. `extra["preferences"]` holds a clip's pairs of
    descriptions of track 3: `a1`, `a2`, `preference` ("a1", "a2" or "same") and its `table` (in `track3_emoprefer.csv`
    most of three people prefer it, in `track3_emopreferv2.csv` one does); the first preferred one is the `caption`.
    The candidates are not read. Speakers are not stated, and no split is published. Raises CorpusError if the table of
    track 1 is missing or a table lacks a column.
    """
    words = ("track2_train_mercaptionplus.csv", "track2_train_human.csv")
    return _load_annotated("mer2026", root, check, "track1_train.csv", words, (), PAIRS)


def _load_part(build: Builder, table: str, folder: str, split: str) -> None:
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


def _load_annotated(
    name: str,
    root: str | Path,
    check: Check,
    labels: str,
    words: tuple[str, ...],
    descriptions: tuple[str, ...],
    pairs: tuple[str, ...] = (),
) -> tuple[Corpus, LoadReport]:
    """The clips that any table names, with what each says: the label (`discrete`), the open words (`openset`), the
    description (`reason`), the preferred one of a pair, what is said in Chinese (`subtitle_chieng.csv`). Clips without
    a row are unlabelled."""
    build = Builder(name, root, check)
    build.one(labels)
    emotions = _column(build, labels, "discrete")
    named = {clip: _listed(text) for table in words for clip, text in _column(build, table, "openset").items()}
    told = {clip: text for table in descriptions for clip, text in _column(build, table, "reason").items()}
    preferred = _preferences(build, pairs)
    told = {clip: best for clip, found in preferred.items() if (best := _best(found))} | told
    spoken = _transcripts(build, "subtitle_chieng.csv")
    videos, voices = build.by_name(".mp4", under="video"), build.by_name(".wav", under="audio")
    for clip in dict.fromkeys([*emotions, *named, *told, *preferred]):
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
            extra={"preferences": preferred[clip]} if clip in preferred else {},
        )
    for file in videos.values():
        build.skip("unlabelled", file)
    return build.finish(f"video/*.mp4, audio/*.wav, {labels} and subtitle_chieng.csv")


def _listed(text: str) -> tuple[str, ...]:
    """Words of a list as it is published: `['happy', 'moved']` → happy, moved."""
    return tuple(word for part in text.strip("[] ").split(",") if (word := part.strip(" '\"")))


def _preferences(build: Builder, tables: tuple[str, ...]) -> dict[str, list[dict[str, str]]]:
    """Clip → its pairs of descriptions, each with what people prefer, of the tables that are there."""
    pairs: dict[str, list[dict[str, str]]] = {}
    for table in tables:
        for row in _rows(build, table, "a1", "a2", "preference"):
            pair = {column: row[column] for column in ("a1", "a2", "preference")}
            pairs.setdefault(row["name"], []).append({**pair, "table": table})
    return pairs


def _best(pairs: list[dict[str, str]]) -> str | None:
    """The description that people prefer in the first pair where they prefer one."""
    return next((pair[pair["preference"]] for pair in pairs if pair["preference"] in ("a1", "a2")), None)


def _rows(build: Builder, table: str, *columns: str) -> list[dict[str, str]]:
    """The rows of a table that have these columns beside the clip's name; none where the table is not there."""
    found = next((file for file in build.index if file.rsplit("/", 1)[-1] == table), None)
    return [] if found is None else read_csv(build.root / found, ("name", *columns))


def _column(build: Builder, table: str, column: str) -> dict[str, str]:
    """Clip → value of a column, where the table is there."""
    return {row["name"]: row[column] for row in _rows(build, table, column)}


def _transcripts(build: Builder, table: str = "label-transcription.csv") -> dict[str, str]:
    """Clip → what is said in Chinese, where the table of transcripts is there."""
    return {clip: text for clip, text in _column(build, table, "chinese").items() if text}


def _number(text: str | None, where: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise CorpusError(f"{where}: column 'valence' must be a number, got {text!r}; repair the row") from None
