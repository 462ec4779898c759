"""EmoDB, the Berlin database (Burkhardt et al., 2005): ten German speakers, ten sentences, seven emotions.

Checked against emo-box/EmoBox (`data/emodb/emodb.jsonl`: names, labels) and public loaders (code of the names). Ages
and sentences, from http://emodb.bilderbar.info/, are not verified against a public listing.
"""

from __future__ import annotations

import re
from pathlib import Path

from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

CODES = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "anxiety",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
SPEAKERS = {
    "03": ("male", 31),
    "08": ("female", 34),
    "09": ("female", 21),
    "10": ("male", 32),
    "11": ("male", 26),
    "12": ("male", 30),
    "13": ("female", 32),
    "14": ("female", 35),
    "15": ("male", 25),
    "16": ("female", 31),
}
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
NAME = re.compile(r"(03|08|09|1[0-6])([ab]\d\d)([WLEAFTN])([a-z]?)\.wav$")


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `wav/03a01Fa.wav`: speaker (2), sentence (3), emotion by its German initial, version.

    A (Angst) is published as anxiety or fear. Raises CorpusError if no clip is found.
    """
    build = Builder("emodb", root, check)
    for match, file in build.clips(NAME, ".wav"):
        gender, age = SPEAKERS[match[1]]
        build.add(
            match[0][:-4],
            audio=file,
            text=SENTENCES.get(match[2]),
            emotion=CODES[match[3]],
            speaker=match[1],
            extra={"gender": gender, "age": age, "sentence": match[2], "version": match[4]},
        )
    return build.finish("wav/03a01Fa.wav")
