"""SAVEE (Haq & Jackson, 2009): four male speakers, seven emotions.

Checked against emo-box/EmoBox (`data/savee/savee.jsonl`: flat names with their codes). The folders `AudioData/DC` of
http://kahlan.eps.surrey.ac.uk/savee/ are not verified against a public listing.
"""

from __future__ import annotations

import re
from pathlib import Path

from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

SPEAKERS = ("DC", "JE", "JK", "KL")
CODES = {
    "sa": "sadness",
    "su": "surprise",
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
}
NAME = re.compile(r"(?:(DC|JE|JK|KL)_)?(sa|su|a|d|f|h|n)(\d\d)\.wav$", re.IGNORECASE)


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `AudioData/DC/d03.wav`, or the flat form `DC_d03.wav`. Raises CorpusError if no clip is found."""
    build = Builder("savee", root, check)
    for file in build.files(".wav"):
        folder, _, name = file.rpartition("/")
        match = NAME.match(name)
        speaker = (match[1] or folder.rsplit("/", 1)[-1]).upper() if match else ""
        if match is None or speaker not in SPEAKERS:
            build.skip("name of another form", file)
        elif build.usable(file):
            code = match[2].lower()
            build.add(
                f"{speaker}_{code}{match[3]}",
                audio=file,
                emotion=CODES[code],
                speaker=speaker,
                extra={"gender": "male"},
            )
    return build.finish("AudioData/DC/d03.wav or DC_d03.wav")
