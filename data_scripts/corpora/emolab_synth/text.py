"""The sentence bank (`data/sentences.csv`), and who says what of it.

Domain "a" is home, street, school and office; domain "b" is the sea and the farm. A sentence has four to nine words out
of about four hundred. Held-out sentences are arrangements of their own, and no variants of training ones.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

from emolab.emotions import EMOTIONS

BANK = Path(__file__).parent / "data" / "sentences.csv"

SHARE = {  # how many (neutral, emotional per emotion) sentences one talker says; None: all of the fold
    ("a", "train"): (36, 3),
    ("a", "val"): (None, None),
    ("a", "test"): (None, 3),
    ("b", "train"): (None, None),
    ("b", "test"): (20, None),
}


@dataclass(frozen=True)
class Sentence:
    """One sentence: `emotion` is what its words alone say ("neutral" if nothing), `fold` train, val or test."""

    id: str
    text: str
    emotion: str
    fold: str
    domain: str


def words_of(text: str) -> list[str]:
    """Lower-case words of a text, without punctuation."""
    return re.findall(r"[a-z']+", text.lower())


@cache
def sentence_bank() -> tuple[Sentence, ...]:
    """All sentences, in a fixed order: neutral first. Ids name domain, emotion, fold and number (a-neu-train-00)."""
    with BANK.open(encoding="utf-8", newline="") as file:
        return tuple(Sentence(**row) for row in csv.DictReader(file))


def sentence(sentence_id: str) -> Sentence:
    """The sentence of that id. Raises KeyError if there is none."""
    return {s.id: s for s in sentence_bank()}[sentence_id]


@cache
def sentences_of(voice_id: str, split: str, domain: str) -> tuple[Sentence, ...]:
    """The sentences that a voice says: a fixed subset of the fold and domain, chosen by the voice's id alone.

    Test voices say only test sentences, training voices only training ones. Domain "b" has no val fold: a val voice of
    domain "b" says its training sentences. Raises KeyError for an unknown split or domain.
    """
    fold = "train" if (domain, split) == ("b", "val") else split
    neutral, emotional = SHARE[domain, fold]
    chosen = []
    for emotion in EMOTIONS:
        pool = [s for s in sentence_bank() if (s.domain, s.fold, s.emotion) == (domain, fold, emotion)]
        pool.sort(key=lambda s: crc32(f"{voice_id}|{s.id}".encode()))
        chosen += pool[: neutral if emotion == "neutral" else emotional]
    return tuple(sorted(chosen, key=lambda s: s.id))
