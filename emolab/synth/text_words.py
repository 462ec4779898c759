"""What emotion words mean: levels of valence, arousal and dominance, family, strength and a plain definition.

Levels, families and definitions are ours, from everyday usage; families follow the seven labels of `emolab.emotions`.
Nothing here mentions a voice or a face.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EmotionWord:
    """One word. valence is negative, neutral or positive, arousal and dominance low to high, strength 0 to 2."""

    word: str
    emotion: str
    strength: int
    valence: str
    arousal: str
    dominance: str


_LEVELS = {  # valence, arousal by strength, dominance
    "neutral": ("neutral", ("low", "low", "low"), "medium"),
    "happy": ("positive", ("medium", "medium", "high"), "high"),
    "sad": ("negative", ("low", "low", "medium"), "low"),
    "angry": ("negative", ("medium", "high", "high"), "high"),
    "fearful": ("negative", ("medium", "high", "high"), "low"),
    "disgusted": ("negative", ("medium", "medium", "high"), "medium"),
    "surprised": ("positive", ("medium", "high", "high"), "low"),
}
_FAMILIES = {  # weak, medium, strong
    "neutral": (
        ("composed", "unmoved", "even-tempered"),
        ("neutral", "unemotional", "composed"),
        ("neutral", "impassive", "indifferent"),
    ),
    "happy": (
        ("pleased", "content", "glad"),
        ("happy", "cheerful", "glad", "joyful"),
        ("delighted", "thrilled", "overjoyed", "elated"),
    ),
    "sad": (
        ("downcast", "disappointed", "gloomy"),
        ("sad", "unhappy", "sorrowful", "lonely"),
        ("miserable", "heartbroken", "grieving", "desperate"),
    ),
    "angry": (
        ("annoyed", "irritated", "displeased"),
        ("angry", "mad", "cross", "resentful"),
        ("furious", "enraged", "outraged", "hostile"),
    ),
    "fearful": (
        ("uneasy", "nervous", "worried"),
        ("afraid", "scared", "anxious", "fearful"),
        ("terrified", "panicked", "horrified", "frightened"),
    ),
    "disgusted": (
        ("averse", "squeamish"),
        ("disgusted", "repelled", "sickened"),
        ("revolted", "appalled", "nauseated"),
    ),
    "surprised": (
        ("puzzled", "curious", "intrigued"),
        ("surprised", "startled", "amazed"),
        ("astonished", "stunned", "shocked", "astounded"),
    ),
}
DEFINITIONS = {
    "neutral": "no strong feeling at all",
    "happy": "a good feeling when something nice happens",
    "sad": "a heavy feeling when something is lost",
    "angry": "a hot feeling when somebody does you wrong",
    "fearful": "a tense feeling when there is danger",
    "disgusted": "a sick feeling when something is foul",
    "surprised": "a sudden feeling when something is unexpected",
}


def _build() -> tuple[EmotionWord, ...]:
    words: dict[str, EmotionWord] = {}
    for emotion, by_strength in _FAMILIES.items():
        valence, arousal, dominance = _LEVELS[emotion]
        for strength, family in enumerate(by_strength):
            for word in family:
                words.setdefault(word, EmotionWord(word, emotion, strength, valence, arousal[strength], dominance))
    return tuple(words.values())


EMOTION_WORDS: tuple[EmotionWord, ...] = _build()


def family(emotion: str, strength: int | None = None) -> tuple[str, ...]:
    """The words of an emotion, all of them or of one strength (0 weak, 1 medium, 2 strong)."""
    levels = _FAMILIES[emotion] if strength is None else (_FAMILIES[emotion][strength],)
    return tuple(dict.fromkeys(word for level in levels for word in level))


def synonyms(word: str) -> tuple[str, ...]:
    """Other words of the same family and strength. Raises KeyError for a word that is not in the table."""
    known = {w.word: w for w in EMOTION_WORDS}[word]
    return tuple(w for w in family(known.emotion, known.strength) if w != word)
