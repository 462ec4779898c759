"""A grammar of everyday statements, and examples of what emotional texts mean (`grammar.toml`).

Both recombine the vocabulary of the bank's training sentences. They never produce a sentence of the bank, and know
nothing of voices or faces.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from emolab_synth.text import sentence_bank, words_of

from emolab.emotions import EMOTIONS

_TABLES: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
FRAMES: list[str] = _TABLES["frames"]
SLOTS: dict[str, list[str]] = _TABLES["slots"]
FEELINGS: dict[str, list[str]] = _TABLES["feelings"]
CLAUSES: dict[str, list[str]] = _TABLES["clauses"]


@cache
def _bank_texts() -> frozenset[str]:
    return frozenset(s.text for s in sentence_bank())


@cache
def vocabulary() -> tuple[str, ...]:
    """All words of the bank, the grammar and the examples, sorted."""
    texts = [s.text for s in sentence_bank()] + list(FRAMES) + [w for ws in SLOTS.values() for w in ws]
    texts += [c for cs in CLAUSES.values() for c in cs] + [f for fs in FEELINGS.values() for f in fs]
    return tuple(sorted({w for t in texts for w in words_of(re.sub(r"\{\w+\}", "", t))}))


def _pick(options: list[str], rng: np.random.Generator) -> str:
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
    pairs = []
    for i in range(n):
        emotion = EMOTIONS[i % len(EMOTIONS)]
        pairs.append((random_sentence(rng) if emotion == "neutral" else random_emotional(emotion, rng), emotion))
    return pairs
