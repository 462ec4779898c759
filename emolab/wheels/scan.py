"""Finding emotion words in running text with the lexicon: what reasoning and captions say, not what lists say."""

from __future__ import annotations

import re
from functools import lru_cache

from emolab.wheels.shipped import forms, voice_words

_TOKEN = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")
_QUOTED = re.compile(r'“[^”]{0,400}”|"[^"]{0,400}"')
_NEGATIONS = frozenset(
    {"not", "no", "never", "without", "hardly", "neither", "nor", "isn't", "doesn't", "don't", "wasn't", "aren't"}
)
_SCANNED = 20_000


@lru_cache(maxsize=16_384)
def emotion_words(text: str) -> tuple[str, ...]:
    """Surface forms of the lexicon with which `text` describes a feeling, lower case, each once, in order.

    Two-word forms ("fed up") count. Left out: forms that describe voices as often as feelings ("low", "steady"), a form
    within two words after a negation, what stands in double quotes (somebody's words, not a description), and words for
    neutral beside any other feeling ("the words are neutral, she is angry"). Only the first 20,000 characters are read.

    >>> emotion_words("A low, trembling voice: not happy, rather a deep sadness.")
    ('sadness',)
    """
    known, starts = _scannable()
    tokens = _TOKEN.findall(_QUOTED.sub(" ", text[:_SCANNED].lower()))
    found: dict[str, None] = {}
    for i in [i for i, token in enumerate(tokens) if token in starts]:
        pair = " ".join(tokens[i : i + 2])
        form = pair if pair in known else tokens[i] if tokens[i] in known else None
        if form is not None and _NEGATIONS.isdisjoint(tokens[max(0, i - 2) : i]):
            found[form] = None
    feelings = tuple(form for form in found if forms()[form].family != "neutral")
    return feelings or tuple(found)


@lru_cache(maxsize=1)
def _scannable() -> tuple[frozenset[str], frozenset[str]]:
    """Forms to look for, and the words that they start with."""
    known = frozenset(forms()) - voice_words()
    return known, frozenset(form.split()[0] for form in known)
