"""RAVDESS (Livingstone & Russo, 2018): 24 actors, two sentences, eight emotions; speech clips only.

Checked against emo-box/EmoBox (`data/ravdess/ravdess.jsonl`: names, labels, folder) and the text of
https://zenodo.org/records/1188976 as public cards repeat it (meaning of the seven numbers).
"""

from __future__ import annotations

import re
from pathlib import Path

from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

CODES = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")  # 01 to 08
SENTENCES = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
NAME = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)\.(wav|mp4)$", re.IGNORECASE)


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `Actor_18/03-01-05-01-02-01-18.wav` (and `01-…mp4`, the same take with video) at any depth below `root`.

    The name reads modality-channel-emotion-intensity-statement-repetition-actor; odd actors are male. Songs (channel
    02) and video-only twins (modality 02) are reported, not loaded. Raises CorpusError if no speech clip is found.
    """
    build = Builder("ravdess", root, check)
    takes: dict[str, dict[str, str]] = {}
    for name, file in build.by_name(".wav", ".mp4").items():
        match = NAME.match(name)
        if match is None:
            build.skip("name of another form", file)
        elif match[2] == "02":
            build.skip("song", file)
        elif match[1] == "02":
            build.skip("video-only twin", file)
        elif build.usable(file):
            takes.setdefault(name[3:20], {})["audio" if name.lower().endswith("wav") else "video"] = file
    for take, files in takes.items():
        _, emotion, intensity, statement, repetition, actor = take.split("-")
        build.add(
            take,
            audio=files.get("audio", files.get("video")),
            video=files.get("video"),
            text=SENTENCES[statement],
            emotion=CODES[int(emotion) - 1],
            speaker=f"actor{actor}",
            extra={
                "intensity": "strong" if intensity == "02" else "normal",
                "repetition": int(repetition),
                "gender": "male" if int(actor) % 2 else "female",
            },
        )
    return build.finish("Actor_NN/03-01-EE-II-SS-RR-NN.wav")
