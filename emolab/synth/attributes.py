"""Reading descriptions back: which attributes of a voice or of a face a text states.

The inverse of `describe_voice` and `describe_face`, for scoring a model's descriptions and for checking what a
rationale claims.
"""

from __future__ import annotations

import re

from emolab.synth.describe_face import CLASSES
from emolab.synth.describe_voice import ATTRIBUTES, ENDING_WORDS, RANGE_WORDS


def _face_pattern(name: str) -> str:
    """An attribute's noun with one of its classes after it ("the brows are raised") or before it ("raised brows")."""
    classes = "|".join(CLASSES[name])
    return rf"\b{name}(?: are| is| that is)? ({classes})\b|\b({classes}) {name}\b"


def _voice_words() -> dict[str, dict[str, str]]:
    """Attribute → stated phrase → class."""
    words = {name: {word: word for word in options} for name, options in ATTRIBUTES.items()}
    words["pitch"] = {"high": "high", "low": "low", "mid-pitched": "medium"}
    words["loudness"] = {"quiet": "quiet", "loud": "loud", "medium loudness": "medium"}
    words["range"] = {phrase: name for name, phrases in RANGE_WORDS.items() for phrase in phrases}
    words["ending"] = {phrase: name for name, phrases in ENDING_WORDS.items() for phrase in phrases}
    del words["timbre"]["even"]
    return words


def voice_attributes_in(text: str) -> dict[str, str]:
    """Attributes of a voice that `text` states: attribute to class; one that is not stated is left out.

    A described voice without a word for its timbre has an even one.

    >>> voice_attributes_in("a high, lively voice, fast and loud, bright and clear, ending in a rise")["range"]
    'wide'
    """
    stated: dict[str, str] = {}
    for name, phrases in _voice_words().items():
        for phrase, meaning in phrases.items():
            if re.search(rf"\b{re.escape(phrase)}\b", text):
                stated[name] = meaning
                break
    if "quality" in stated and "timbre" not in stated:
        stated["timbre"] = "even"
    return stated


def face_attributes_in(text: str) -> dict[str, str]:
    """Attributes of a face that `text` states: attribute to class; one that is not stated is left out.

    >>> face_attributes_in("raised brows, wide eyes, a smooth nose")
    {'brows': 'raised', 'eyes': 'wide', 'nose': 'smooth'}
    """
    stated = {}
    for name in CLASSES:
        match = re.search(_face_pattern(name), text)
        if match:
            stated[name] = match[1] or match[2]
    return stated
