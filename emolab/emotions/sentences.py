"""The label that a short sentence names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emolab.emotions.labels import EMOLAB_7, LabelSet, forms_of, label_set
from emolab.emotions.names import ALIASES, concept

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_NEGATIONS = frozenset(
    {
        "not",
        "no",
        "never",
        "without",
        "hardly",
        "neither",
        "nor",
        "none",
        "cannot",
        "isn't",
        "doesn't",
        "don't",
        "wasn't",
        "aren't",
    }
)
_MAX_SENTENCE_WORDS = 16


def label_in_sentence(text: str, labels: LabelSet | Sequence[str] = EMOLAB_7) -> str | None:
    """The one of `labels` that a short sentence names ("The speaker sounds sad."), or None.

    None where it names no label or several, where it negates, and where it is longer than 16 words: an answer hidden
    in a list or an essay is not an answer.
    """
    asked = label_set(labels)
    exact = asked.normalise(text)
    if exact is not None or len(text) > 200:
        return exact
    words = _WORD.findall(text.lower())
    if len(words) > _MAX_SENTENCE_WORDS or any(word in _NEGATIONS for word in words):
        return None
    forms = forms_of(asked)
    # A word that names an emotion outside the set makes the answer an ambiguous one.
    found = {forms.get(word, concept(word)) for word in words if word in forms or word in ALIASES}
    (label, *others) = found or (None,)
    return label if not others and label in asked.labels else None
