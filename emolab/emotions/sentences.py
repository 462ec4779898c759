"""The label that a short sentence names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from emolab.emotions.denial import Finder
from emolab.emotions.labels import EMOLAB_7, LabelSet, forms_of, label_set
from emolab.emotions.names import ALIASES, concept

_MAX_CHARACTERS = 200
_MAX_WORDS = 16
_HAN_A_WORD = 2.5
"""Chinese characters that count as one word of a sentence's length."""


@lru_cache(maxsize=64)
def _finder(labels: LabelSet) -> Finder:
    return Finder([*forms_of(labels), *ALIASES])


def label_in_sentence(text: str, labels: LabelSet | Sequence[str] = EMOLAB_7) -> str | None:
    """The one of `labels` that a short sentence names ("The speaker sounds sad.", 说话人很难过), or None.

    None where it names no label or several, or another emotion beside it; where it denies the label ("not sad", "far
    from sad", 不难过); where it cannot be read (`emolab.emotions.denial`); and where it is longer than 16 words (40
    Chinese characters): an answer hidden in a list or an essay is not an answer.

    >>> [label_in_sentence(text) for text in ("Happy, no doubt.", "It isn’t happy.", "Not happy: sad.")]
    ['happy', None, 'sad']
    """
    asked = label_set(labels)
    exact = asked.normalise(text)
    if exact is not None or len(text) > _MAX_CHARACTERS or _length(text) > _MAX_WORDS:
        return exact
    return _read(text, asked)


@lru_cache(maxsize=4096)  # of texts of at most 200 characters: below 8 MB
def _read(text: str, asked: LabelSet) -> str | None:
    mentions = _finder(asked).mentions(text)
    if mentions is None:
        return None
    forms = forms_of(asked)
    affirmed = {mention.form for mention in mentions if not mention.denied}
    named = {forms.get(form, concept(form)) for form in affirmed}
    (label, *others) = named or (None,)
    if others or label not in asked.labels or any(m.denied and m.form in affirmed for m in mentions):
        return None
    return label


def _length(text: str) -> float:
    """Words of a text; Chinese characters count as parts of words."""
    han = sum("一" <= character <= "鿿" for character in text)
    return len(text.split()) + han / _HAN_A_WORD
