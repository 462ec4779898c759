"""Texts: the sentence bank, who says what, a grammar of neutral sentences, and examples of what emotional texts mean.

The bank is what the shipped talkers can say. The grammar and the examples recombine the vocabulary of its training
sentences: they never produce a sentence of the bank, and know nothing of voices or faces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from zlib import crc32

from emolab.synth.text_bank import EMOTIONAL, NEUTRAL
from emolab.synth.text_grammar import CLAUSES, FEELINGS, FRAMES, SLOTS

if TYPE_CHECKING:
    import numpy as np

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
    rows = []
    for emotion, folds in {"neutral": NEUTRAL, **EMOTIONAL}.items():
        for (domain, fold), block in folds.items():
            for i, line in enumerate(block.splitlines()):
                rows.append(Sentence(f"{domain}-{emotion[:3]}-{fold}-{i:02d}", line.strip(), emotion, fold, domain))
    return tuple(rows)


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
    for emotion in ("neutral", *EMOTIONAL):
        pool = [s for s in sentence_bank() if (s.domain, s.fold, s.emotion) == (domain, fold, emotion)]
        pool.sort(key=lambda s: crc32(f"{voice_id}|{s.id}".encode()))
        chosen += pool[: neutral if emotion == "neutral" else emotional]
    return tuple(sorted(chosen, key=lambda s: s.id))


@cache
def _bank_texts() -> frozenset[str]:
    return frozenset(s.text for s in sentence_bank())


@cache
def vocabulary() -> tuple[str, ...]:
    """All words of the bank, the grammar and the examples, sorted."""
    texts = [s.text for s in sentence_bank()] + list(FRAMES) + [w for ws in SLOTS.values() for w in ws]
    texts += [c for cs in CLAUSES.values() for c in cs] + [f for fs in FEELINGS.values() for f in fs]
    return tuple(sorted({w for t in texts for w in words_of(re.sub(r"\{\w+\}", "", t))}))


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _fill(frame: str, rng: np.random.Generator) -> str:
    text = re.sub(r"\{(\w+)\}", lambda m: _pick(SLOTS[m[1]], rng), frame)
    return text[0].upper() + text[1:] + "."


def random_sentence(rng: np.random.Generator) -> str:
    """A neutral everyday statement from the grammar (tens of thousands exist), never one of the bank."""
    while True:
        text = _fill(_pick(FRAMES, rng), rng)
        if text not in _bank_texts():
            return text


def random_emotional(emotion: str, rng: np.random.Generator) -> str:
    """A text whose words carry `emotion`, made of training-side clauses, never one of the bank."""
    while True:
        clauses, feelings = CLAUSES[emotion], FEELINGS[emotion]
        kind = int(rng.integers(4))
        first, second = _pick(clauses, rng), _pick(clauses, rng)
        if kind == 0:
            parts = [first, second] if first != second else [first]
        elif kind == 1:
            parts = [first, _pick(feelings, rng)]
        elif kind == 2:
            parts = [_pick(feelings, rng), first]
        else:
            parts = [random_sentence(rng)[:-1], first]
            parts[0] = parts[0][0].lower() + parts[0][1:]
        text = (", and " if rng.random() < 0.5 else ", ").join(parts) + "."
        text = text[0].upper() + text[1:]
        if text not in _bank_texts():
            return text


def text_examples(n: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """`n` pairs (text, emotion of its words), seven emotions in turn: material to learn what texts mean."""
    emotions = ("neutral", *EMOTIONAL)
    pairs = []
    for i in range(n):
        emotion = emotions[i % len(emotions)]
        pairs.append((random_sentence(rng) if emotion == "neutral" else random_emotional(emotion, rng), emotion))
    return pairs
