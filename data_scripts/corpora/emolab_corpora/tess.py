"""TESS (Pichora-Fuller & Dupuis, 2020): two women, 200 words in a carrier phrase, seven emotions, 24.4 kHz.

Checked against emo-box/EmoBox (`data/tess/tess.jsonl`: names, labels, rate; `preprocess/scripts/tess.py`: ages) and
public loaders (folders). A name of YAF with the code ps is not verified against a public listing.
"""

from __future__ import annotations

import re
from pathlib import Path

from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

AGES = {"OAF": 64, "YAF": 26}
NAME = re.compile(r"(OAF?|YAF)_([A-Za-z-]+)_(neutral|happy|sad|angry|fear|disgust|ps)\.wav$")


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `…/OAF_back_angry.wav`. Folder spellings vary between releases, so only the file name is read.

    One published file is spelt `OA_bite_neutral.wav`; it is OAF's. The popular archive holds everything twice; the
    second copies are reported. Raises CorpusError if no clip is found.
    """
    build = Builder("tess", root, check)
    for match, file in build.clips(NAME, ".wav"):
        speaker = "YAF" if match[1] == "YAF" else "OAF"
        build.add(
            f"{speaker}_{match[2]}_{match[3]}",
            audio=file,
            speaker=speaker,
            emotion="pleasant_surprise" if match[3] == "ps" else match[3],
            text=f"Say the word {match[2].lower()}.",
            extra={"gender": "female", "age": AGES[speaker]},
        )
    return build.finish("OAF_angry/OAF_back_angry.wav")
