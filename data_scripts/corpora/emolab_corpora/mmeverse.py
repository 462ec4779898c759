"""MMEVerse (Peng et al., 2026, arXiv 2601.16449): twelve corpora in one form, with what models heard and saw.

Checked against ooochen-30/Emotion-LLaMA-v2 (`minigpt4/configs/datasets/mer`: folders and tables;
`minigpt4/datasets/datasets/mer_datasets.py`, `mer_eval_datasets.py`, `mer_datasets_ft.py`: columns, parts). The tables
themselves could not be found in public (the repository links the twelve sources), so rows are not verified against a
public listing.

Each source keeps its own labels and parts, so one source is loaded at a time. BOLD (several labels for a clip) and the
tables of sentiment (CMU-MOSI, CMU-MOSEI, CH-SIMS) are not read: they name no single emotion.
"""

from __future__ import annotations

from pathlib import Path

from emolab.corpora.catalogue import CorpusInfo
from emolab.corpora.reading import read_csv
from emolab.errors import CorpusError
from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

INFO = CorpusInfo(
    "mmeverse",
    "MMEVerse",
    size=0,
    labels="",
    language="-",
    modalities=("audio", "video", "text"),
    fetch=False,
    url="https://github.com/ooochen-30/Emotion-LLaMA-v2",
    licence="that of each source",
)
SOURCES = {  # folder: columns of the label, of what is said, and of the parts, the first that is filled
    "CAER": ("emotion_label", ("text_whisper",), ("mode",)),
    "DFEW": ("label", ("sentence",), ("mode",)),
    "E3": ("emotion", ("conversation",), ("mode",)),
    "IEMOCAP": ("official_label", ("text",), ("session",)),
    "MAFW": ("single_label", ("text_whisper",), ("mode",)),
    "MC-EIU": ("emotion", ("Subtitle",), ("mode",)),
    "MELD": ("Emotion", ("text",), ("mode",)),
    "MER2024": ("emotion_label", ("chinese", "english"), ("MER2023_mode", "MER2024_mode")),
}
SPLITS = {"Session5": "test", "test_semi": "test", "validation": "val", "valid": "val", "dev": "val"}
PARTS = {"voice": "response_Qwen2Audio", "face": "response_Qwen25vl_72B"}
REASON = "gpt-4o-mini_Emotion"
END = "_merged.csv"


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load the folder of one source, such as `MELD`: `MELD_merged.csv` and the clips `video/{video_id}.mp4`.

    What a model heard is `parts["voice"]`, what one saw `parts["face"]`; the reasoning of `MELD_AU_gpt.csv` (in the
    folder, or in `AU_gpt` beside it) is the `caption`. `extra["part"]` is the part as published; sessions 1 to 4 of
    IEMOCAP are training, session 5 test. Labels stay as published. Raises CorpusError where the folder holds the tables
    of several sources or of none that is read, or a table lacks a column.
    """
    build = Builder(INFO, root, check)
    tables = [file for file in build.index if file.endswith(END)]
    names = [file.rsplit("/", 1)[-1].removesuffix(END) for file in tables]
    read = [name for name in names if name in SOURCES]
    if len(read) != 1:
        raise CorpusError(
            f"{build.root}: give the folder of one source of MMEVerse, whose table is one of "
            f"{', '.join(f'{name}{END}' for name in SOURCES)}; this one has {', '.join(names) or 'no table'}"
        )
    name = read[0]
    table = build.root / tables[names.index(name)]
    label, texts, parts = SOURCES[name]
    reasons = _reasons(build.root, name)
    clips = build.by_name(".mp4", under="video")
    for row in read_csv(table, ("video_id", label)):
        key = row["video_id"]
        clip = clips.pop(f"{key}.mp4", None)
        if build.usable(clip, f"video/{key}.mp4"):
            part = _first(row, parts)
            build.add(
                f"{name}-{key}",
                **build.tracks(clip),
                emotion=row[label] or None,
                text=_first(row, texts),
                split=_split(name, part),
                caption=reasons.get(key),
                parts={kind: row[column].rstrip(" .") for kind, column in PARTS.items() if row.get(column)},
                extra={"part": part, "source": name},
            )
    for file in clips.values():
        build.skip("unlabelled", file)
    return build.finish(f"{name}{END} and video/*.mp4")


def _first(row: dict[str, str], columns: tuple[str, ...]) -> str | None:
    return next((row[column] for column in columns if row.get(column)), None)


def _split(name: str, part: str | None) -> str | None:
    if part is None or part == "train":
        return part
    if name == "IEMOCAP" and part not in SPLITS:
        return "train"
    return SPLITS.get(part, "test" if part.startswith("test") else part)


def _reasons(root: Path, name: str) -> dict[str, str]:
    """Clip → the written reasoning, where its table is there."""
    file = f"{name}_AU_gpt.csv"
    found = next((path for path in (root / file, root.parent / "AU_gpt" / file) if path.is_file()), None)
    if found is None:
        return {}
    return {row["video_id"]: row[REASON] for row in read_csv(found, ("video_id", REASON)) if row[REASON]}
