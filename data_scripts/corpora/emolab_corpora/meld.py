"""MELD (Poria et al., 2019): clips of a television series, with dialogue, seven emotions and three sentiments.

Checked against declare-lab/MELD (`data/MELD/train_sent_emo.csv`, `dev_…` and `test_…`: whole rows) and emo-box/EmoBox
(`preprocess/scripts/meld.py`: folders). The published training table holds U+0092 where an apostrophe of Windows-1252
stood; it is read as the apostrophe. Hours have one digit in some rows.
"""

from __future__ import annotations

import re
from pathlib import Path

from emolab.corpora.reading import read_csv
from emolab.media.usable import Check, look
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

PARTS = {  # split of ours: table, folder of its clips
    "train": ("train_sent_emo.csv", "train_splits"),
    "val": ("dev_sent_emo.csv", "dev_splits_complete"),
    "test": ("test_sent_emo.csv", "output_repeated_splits_test"),
}
COLUMNS = ("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID", "StartTime", "EndTime")
NAME = re.compile(r"dia(\d+)_utt(\d+)\.mp4$")
C1 = {code: bytes([code]).decode("cp1252", errors="replace") for code in range(0x80, 0xA0)}
MISCUT_SECONDS = 30.0  # a clip this much longer than annotated is a wrong cut (the published ones last minutes)


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load the three tables and `dia{D}_utt{U}.mp4` of each part, joined on (part, dialogue, utterance).

    As published, dia125_utt3 (train) is corrupt and dia110_utt7 (dev) missing; `final_videos_test…` and other clips
    without a row are reported as unannotated; clips cut minutes too long are kept, noted, and marked `miscut` in
    `extra`. Parts share speakers. Raises CorpusError if a table is missing or lacks a column.
    """
    build = Builder("meld", root, check)
    clips = {part: build.by_name(".mp4", under=folder) for part, (_, folder) in PARTS.items()}
    for part, (table, folder) in PARTS.items():
        unclaimed = dict(clips[part])
        for row in read_csv(build.root / build.one(table), COLUMNS):
            name = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}.mp4"
            unclaimed.pop(name, None)
            if build.usable(clips[part].get(name), f"{folder}/{name}"):
                _add(build, row, part, clips[part][name])
        for name, file in unclaimed.items():
            build.skip("unannotated" if NAME.match(name) else "name of another form", file)
    known = {file for files in clips.values() for file in files.values()}
    for file in build.files(".mp4"):
        if file not in known and not any(f"/{folder}/" in f"/{file}" for _, folder in PARTS.values()):
            build.skip("unannotated", file)
    build.report.notes.append("speakers of the series occur in all parts; only guests are new in test")
    return build.finish("train_sent_emo.csv and train_splits/dia0_utt0.mp4")


def _add(build: Builder, row: dict[str, str], part: str, clip: str) -> None:
    start, end = _seconds(row["StartTime"]), _seconds(row["EndTime"])
    path = build.root / clip
    lasts = look(path, build.check).seconds
    miscut = lasts is not None and lasts > (end - start) + MISCUT_SECONDS
    if miscut:
        build.report.notes.append(f"{clip}: lasts {lasts:.0f} s, annotated as {end - start:.1f} s; kept, marked miscut")
    extra = {
        "sentiment": row["Sentiment"],
        "dialogue": int(row["Dialogue_ID"]),
        "utterance": int(row["Utterance_ID"]),
        "season": row.get("Season"),
        "episode": row.get("Episode"),
        "seconds": round(end - start, 3),
        **({"miscut": True} if miscut else {}),
    }
    build.add(
        f"{part}-dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}",
        **build.tracks(clip),
        text=repaired(row["Utterance"]),
        emotion=row["Emotion"],
        speaker=repaired(row["Speaker"]),
        split=part,
        extra=extra,
    )


def repaired(text: str) -> str:
    """A text whose control characters U+0080 to U+009F are read as Windows-1252: `you\x92re` → `you’re`."""
    return text.translate(C1)


def _seconds(time: str) -> float:
    """`00:16:16,059` (or with a point) in seconds; 0 where it is not a time."""
    match = re.match(r"(\d+):(\d+):(\d+)[,.](\d+)", time)
    if match is None:
        return 0.0
    hours, minutes, seconds, fraction = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")
