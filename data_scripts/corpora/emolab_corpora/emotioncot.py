"""EmotionCoT (Wang et al., 2026, arXiv 2601.15668): levels of prosody and a written chain of reasoning for clips of
IEMOCAP, MELD, Expresso, EARS and MSP-Podcast.

Checked against the card of the data set ddwang2000/EmotionCoT (columns of a line, levels, no audio) and
dingdongwang/EmotionThinker (`README.md`, `EmotionCoT/pipeline`: the same columns; its script calls the reasoning
`reasoning`). Names of files, spellings of labels and rows are not verified against a public listing.
"""

from __future__ import annotations

from pathlib import Path

from emolab.corpora.catalogue import CorpusInfo
from emolab.errors import CorpusError
from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport, read_rows, within
from emolab_corpora.builder import Builder

INFO = CorpusInfo(
    "emotioncot",
    "EmotionCoT",
    size=0,
    labels="",
    language="en",
    modalities=("audio", "text"),
    fetch=False,
    url="https://huggingface.co/datasets/ddwang2000/EmotionCoT",
    licence="MIT for the annotations; the clips keep the licences of their corpora",
)
NEEDED = ("audio_path", "emotion")
REASONS = ("cot_analysis", "reasoning")
LEVELS = {"pitch_level": "pitch", "energy_level": "energy", "speed_level": "speed", "intonation": "intonation"}
KEPT = (*LEVELS, "stressed_words", "gender", "age_level")


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load every `.jsonl` below the folder. The clips are not part of the data set: `audio_path` is read relative to
    the folder, so put the clips of the five corpora below it, or link them there.

    The reasoning is the `caption`, the levels are the clause `parts["voice"]` ("normal pitch, high energy, …"), and
    `extra` holds them one by one. Labels stay as published. Raises CorpusError that names the row whose column is
    missing or whose path leads out of the folder, or where no clip is found.
    """
    build = Builder(INFO, root, check)
    for file in build.files(".jsonl"):
        for i, row in enumerate(read_rows(build.root / file), 1):
            where = f"{build.root / file}, row {i}"
            filled = {name for name, value in row.items() if value} if isinstance(row, dict) else set()
            reason = next((name for name in REASONS if name in filled), REASONS[0])
            for name in (*NEEDED, reason):
                if name not in filled:
                    raise CorpusError(f"{where}: column {name!r} is missing or empty; EmotionCoT has it in each row")
            audio = str(row["audio_path"])
            clip = within(build.root, audio, where).relative_to(build.root.absolute()).as_posix()
            if build.usable(clip):
                build.add(
                    clip,
                    audio=clip,
                    emotion=str(row["emotion"]),
                    text=row.get("transcription"),
                    caption=row[reason],
                    parts={"voice": voice} if (voice := _voice(row)) else {},
                    extra={name: row[name] for name in KEPT if row.get(name)},
                )
    return build.finish("*.jsonl with audio_path, emotion and cot_analysis, and the clips that it names")


def _voice(row: dict[str, object]) -> str:
    """What the voice is like, as a clause: "normal pitch, high energy, fast speed, rising intonation, stress on I"."""
    told = [f"{row[name]} {word}" for name, word in LEVELS.items() if row.get(name)]
    stressed = row.get("stressed_words")
    if isinstance(stressed, list) and stressed:
        told.append("stress on " + ", ".join(map(str, stressed)))
    return ", ".join(told)
