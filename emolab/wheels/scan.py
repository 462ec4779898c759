"""Finding emotion words in running text with the lexicon: what reasoning and captions say, not what lists say."""

from __future__ import annotations

import re
from functools import lru_cache

from emolab.caches import text_cache
from emolab.emotions.denial import Cues, Finder
from emolab.wheels.shipped import forms, voice_words

_QUOTED = re.compile(r'“[^”]{0,400}”|"[^"]{0,400}"|「[^」]{0,400}」')
_LETTERS = re.compile(r"[^\W\d_]+")
_SCANNED = 20_000
_CACHED_LENGTH = 4096


def emotion_words(text: str) -> tuple[str, ...]:
    """Surface forms of the lexicon with which `text` describes a feeling, lower case, each once, in order.

    English and Chinese are read; two-word forms ("fed up") count. Left out: forms that describe voices as often as
    feelings ("low", "steady"), a form that the text denies, here or elsewhere in it (`emolab.emotions.denial`), what
    stands in quotes (somebody's words, not a description), and words for neutral beside any other feeling ("the words
    are neutral, she is angry"). Only the first 20,000 characters are read; a text that cannot be read (another script,
    look-alike letters) names no feeling.

    >>> emotion_words("A low, trembling voice: not happy, rather a deep sadness.")
    ('sadness',)
    """
    return _scan_cached(text) if len(text) <= _CACHED_LENGTH else _scan_cached_long(text[:_SCANNED])


def _scan(text: str) -> tuple[str, ...]:
    if text.isascii() and _beginnings().isdisjoint(_LETTERS.findall(text.lower())):
        return ()  # most sentences name nothing, and need not be read clause by clause
    mentions = _finder().mentions(_QUOTED.sub(" ", text)) or ()
    denied = {mention.form for mention in mentions if mention.denied}
    found = tuple(dict.fromkeys(mention.form for mention in mentions if mention.form not in denied))
    feelings = tuple(form for form in found if forms()[form].family != "neutral")
    return feelings or found


_scan_cached = lru_cache(maxsize=2048)(_scan)  # at most 2,048 × 4,096 characters
_scan_cached_long = lru_cache(maxsize=8)(_scan)


@text_cache(1024)
def _denied(text: str) -> frozenset[str]:
    mentions = _finder(every=True).mentions(text) or ()
    return frozenset(mention.form for mention in mentions if mention.denied)


def denied_words(text: str) -> frozenset[str]:
    """Surface forms of the lexicon that a text denies ("not sad", "sad? No."), voice words among them."""
    return _denied(text[:_SCANNED])


@lru_cache(maxsize=1)
def _beginnings() -> frozenset[str]:
    """The first run of letters of every form."""
    return frozenset(found.group() for form in forms() if (found := _LETTERS.search(form)))


@lru_cache(maxsize=2)
def _finder(every: bool = False) -> Finder:
    """A finder of the lexicon's forms.

    Unless `every`, it leaves out forms that describe voices as often as feelings, forms that deny ("doubt",
    "excluded"), and Chinese forms that are the denial of another (不高兴).
    """
    known = frozenset(forms())
    if every:
        return Finder(known)
    cues = Cues.load().words
    denials = {form for form in known if form[0] in "不没无未" and form[1:] in known}
    return Finder(known - voice_words() - cues["forward"] - cues["whole"] - denials)
