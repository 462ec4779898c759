"""Names of emotions in the wild: every spelling that the package knows, and the emotion that it names."""

from __future__ import annotations

from typing import Any

from emolab.files import read_toml

EMOTIONS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
"""The seven emotions of the embedded corpus: the labels of `EMOLAB_7`."""

TABLES: dict[str, Any] = read_toml(__file__, "labels.toml")
"""`labels.toml`: spellings, label sets and maps."""
OTHERS: tuple[str, ...] = tuple(emotion for emotion in TABLES["forms"] if emotion not in EMOTIONS)
"""Emotions beyond the seven that public corpora or Plutchik's circle name."""
ALIASES: dict[str, str] = {
    form.lower().replace("_", " "): emotion
    for emotion, forms in TABLES["forms"].items()
    for form in (emotion, *forms.split())
    if len(form) > 1
}
"""Every spelling that names an emotion, lower case, to that emotion: inflections, synonyms, corpus codes."""

EDGES = " \t\r\n.,;:!?\"'`*_()[]{}-–—…“”‘’「」『』《》【】（）。，！？：；、"
"""Characters around a name that do not count."""


def plain(name: str) -> str:
    """A name in the form in which names are compared: lower case, no punctuation around it, single spaces."""
    return " ".join(name.lower().strip(EDGES).replace("_", " ").split())


def concept(name: str) -> str | None:
    """The emotion that a spelling names ("joy" → "happy", "Fear." → "fearful"), or None."""
    return ALIASES.get(plain(name))
