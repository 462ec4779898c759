"""Finding emotion words in running text with the lexicon: what reasoning and captions say, not what lists say."""

from __future__ import annotations

import re
from functools import lru_cache

from emolab.wheels.shipped import forms, voice_words

_TOKEN = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")
_NEGATIONS = frozenset({"not", "no", "never", "without", "hardly", "neither", "nor", "isn't", "doesn't", "don't",
                        "wasn't", "aren't"})
_SCANNED = 20_000


@lru_cache(maxsize=8192)
def emotion_words(text: str) -> tuple[str, ...]:
    """Surface forms of the lexicon that `text` uses and does not negate, lower case, each once, in order.

    Two-word forms ("fed up") count; forms that describe voices as often as feelings ("low", "steady") do not; a form
    within two words after a negation does not. Only the first 20,000 characters are read.

    >>> emotion_words("A low, trembling voice: not happy, rather a deep sadness.")
    ('sadness',)
    """
    known = _scannable()
    tokens = [match.group().lower() for match in _TOKEN.finditer(text[:_SCANNED])]
    found: dict[str, None] = {}
    for i, token in enumerate(tokens):
        pair = f"{token} {tokens[i + 1]}" if i + 1 < len(tokens) else token
        form = pair if pair in known else token if token in known else None
        if form is not None and _NEGATIONS.isdisjoint(_before(tokens, i)):
            found[form] = None
    return tuple(found)


def _before(tokens: list[str], i: int) -> list[str]:
    return tokens[max(0, i - 2):i]


@lru_cache(maxsize=1)
def _scannable() -> frozenset[str]:
    return frozenset(forms()) - voice_words()
