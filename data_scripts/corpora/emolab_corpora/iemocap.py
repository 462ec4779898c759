"""IEMOCAP (Busso et al., 2008): five sessions of dyadic acting, ten speakers.

Checked against emo-box/EmoBox (`data/iemocap/iemocap.jsonl`: names, labels; `preprocess/scripts/iemocap.py`: folders,
line) and the lines of Ses01F_impro01 that public loaders quote (header, votes, ratings, transcript). Ratings of other
dialogues are not verified against a public listing. Counts of the four classes by session: Ma et al. 2024, EmoBox.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from emolab.corpora.reading import read_text
from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

EVALUATION = re.compile(r"(?:^|.*/)Session([1-5])/dialog/EmoEvaluation/(Ses0[1-5][FM]_[^/]+)\.txt$")
HEADER = re.compile(r"\[([\d.]+) - ([\d.]+)\]\t(\S+)\t(\w+)\t\[([\d.]+), ([\d.]+), ([\d.]+)\]")
VOTE = re.compile(r"C-(\w+):\t(.*?)\t")
RATING = re.compile(r"A-(\w+):\t[^\d\n]*(\d+)[^\d\n]+(\d+)[^\d\n]+(\d+)")
SPOKEN = re.compile(r"(Ses\S+) \[[\d.]+-[\d.]+\]: (.*)")


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `Session1/dialog/EmoEvaluation/*.txt` with `sentences/wav` and `dialog/transcriptions`.

    Emotions are the raw codes (neu, hap, exc, sad, ang, fru, fea, sur, dis, oth, xxx: no majority); the four-class task
    of 5,531 utterances is `label_map("iemocap-raw", "iemocap-4")`. Valence, activation (as arousal) and dominance are
    rescaled from 1–5 to [-1, 1] by (x − 3) / 2. `extra` holds the session, the times in the dialogue, every evaluator's
    votes and ratings. The speaker is the session and the last letter of the utterance (`_F012`), not the one of the
    dialogue's name, which says who wore the markers. Raises CorpusError if no utterance is found.
    """
    build = Builder("iemocap", root, check)
    for file in build.files(".txt", under="EmoEvaluation"):
        match = EVALUATION.match(file)
        if match is None:  # the folders Attribute, Categorical and Self-evaluation repeat the votes
            continue
        session, dialogue = match.groups()
        base = file.rsplit("dialog/", 1)[0]
        spoken = _transcript(build, f"{base}dialog/transcriptions/{dialogue}.txt")
        for block in re.split(r"\n(?=\[)", read_text(build.root / file)):
            header = HEADER.match(block)
            if header is None:
                if block.startswith("["):
                    build.skip("line of another form", f"{file}: {block.splitlines()[0]}")
                continue
            audio = f"{base}sentences/wav/{dialogue}/{header[3]}.wav"
            if build.usable(audio):
                build.add(header[3], audio=audio, text=spoken.get(header[3]), **_annotated(header, block, int(session)))
    return build.finish("Session1/dialog/EmoEvaluation/Ses01F_impro01.txt and Session1/sentences/wav")


def _annotated(header: re.Match[str], block: str, session: int) -> dict[str, Any]:
    """What a block states of an utterance, as fields of a sample."""
    start, end, utterance, emotion = header.groups()[:4]
    valence, activation, dominance = ((float(x) - 3.0) / 2.0 for x in header.groups()[4:])
    gender = utterance.rsplit("_", 1)[-1][0]
    extra: dict[str, Any] = {
        "session": session,
        "gender": "female" if gender == "F" else "male",
        "start": float(start),
        "end": float(end),
        "scripted": "script" in utterance,
        "votes": {who: [v.strip() for v in votes.split(";") if v.strip()] for who, votes in VOTE.findall(block)},
        "ratings": {who: [int(x) for x in scores] for who, *scores in RATING.findall(block)},
    }
    return {
        "emotion": emotion.lower(),
        "speaker": f"Ses0{session}{gender}",
        "valence": valence,
        "arousal": activation,
        "dominance": dominance,
        "extra": extra,
    }


def _transcript(build: Builder, file: str) -> dict[str, str]:
    """Utterance → words. Lines of another form (`M: …`, breathing) belong to no utterance."""
    if not (build.root / file).is_file():
        build.skip("missing transcript", file)
        return {}
    return dict(SPOKEN.findall(read_text(build.root / file)))
