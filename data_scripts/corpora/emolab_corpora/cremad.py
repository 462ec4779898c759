"""CREMA-D (Cao et al., 2014): 91 actors, twelve sentences, six emotions at up to four levels.

Checked against CheyneyComputerScience/CREMA-D (`VideoDemographics.csv`: actors) and emo-box/EmoBox
(`data/cremad/cremad.jsonl`: names, labels; `preprocess/scripts/cremad.py`: sentences, levels). The values of
`processedResults/summaryTable.csv` are not verified against a public listing; public loaders name its columns.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from emolab.corpora.reading import read_csv
from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

CODES = {"NEU": "neutral", "HAP": "happy", "SAD": "sad", "ANG": "angry", "FEA": "fear", "DIS": "disgust"}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
BROKEN = {"1076_MTI_NEU_XX", "1076_MTI_SAD_XX", "1064_TIE_SAD_XX", "1064_IEO_DIS_MD"}  # as published
NAME = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_(LO|MD|HI|XX?)\.wav$")


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `AudioWAV/1001_DFA_ANG_XX.wav`: actor_sentence_emotion_level; four clips broken as published are reported.

    Sex, age and ethnicity come from `VideoDemographics.csv`, the crowd's votes from
    `processedResults/summaryTable.csv` where they are there. Raises CorpusError if no clip is found.
    """
    build = Builder("cremad", root, check)
    actors = {row["ActorID"]: row for row in _table(build, "VideoDemographics.csv", ("ActorID", "Age", "Sex"))}
    votes = {row["FileName"]: row for row in _table(build, "summaryTable.csv", ("FileName",))}
    for name, file in build.by_name(".wav").items():
        match = NAME.match(name)
        if match is None or match[3] not in CODES:
            build.skip("name of another form", file)
        elif name[:-4] in BROKEN:
            build.skip("known to be broken as published", file)
        elif build.usable(file):
            actor, sentence, emotion, level = match.groups()
            extra: dict[str, Any] = {"level": LEVELS[level], "sentence": sentence}
            if actor in actors:
                extra |= {"gender": actors[actor]["Sex"].lower(), "age": actors[actor]["Age"]}
            if name[:-4] in votes:
                extra["votes"] = {key: value for key, value in votes[name[:-4]].items() if key and key != "FileName"}
            build.add(
                name[:-4],
                audio=file,
                text=SENTENCES.get(sentence),
                speaker=actor,
                emotion=CODES[emotion],
                extra=extra,
            )
    return build.finish("AudioWAV/1001_DFA_ANG_XX.wav")


def _table(build: Builder, name: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    found = [file for file in build.index if file.rsplit("/", 1)[-1] == name]
    if not found:
        build.report.notes.append(f"no {name}: what it tells is left out")
        return []
    return read_csv(build.root / found[0], columns)
