"""What emotion words mean (`data/emotion_words.toml`): valence, arousal, dominance, family, strength, definition."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EmotionWord:
    """One word. valence is negative, neutral or positive, arousal and dominance low to high, strength 0 to 2."""

    word: str
    emotion: str
    strength: int
    valence: str
    arousal: str
    dominance: str


_TABLE = tomllib.loads((Path(__file__).parent / "data" / "emotion_words.toml").read_text(encoding="utf-8"))
_STRENGTHS = ("weak", "medium", "strong")
DEFINITIONS: dict[str, str] = {emotion: row["definition"] for emotion, row in _TABLE.items()}


def _build() -> tuple[EmotionWord, ...]:
    words: dict[str, EmotionWord] = {}
    for emotion, row in _TABLE.items():
        for strength, name in enumerate(_STRENGTHS):
            for word in row[name]:
                entry = EmotionWord(word, emotion, strength, row["valence"], row["arousal"][strength], row["dominance"])
                words.setdefault(word, entry)
    return tuple(words.values())


EMOTION_WORDS: tuple[EmotionWord, ...] = _build()


def family(emotion: str, strength: int | None = None) -> tuple[str, ...]:
    """The words of an emotion, all of them or of one strength (0 weak, 1 medium, 2 strong)."""
    names = _STRENGTHS if strength is None else (_STRENGTHS[strength],)
    return tuple(dict.fromkeys(word for name in names for word in _TABLE[emotion][name]))


def synonyms(word: str) -> tuple[str, ...]:
    """Other words of the same family and strength. Raises KeyError for a word that is not in the table."""
    known = {w.word: w for w in EMOTION_WORDS}[word]
    return tuple(w for w in family(known.emotion, known.strength) if w != word)
