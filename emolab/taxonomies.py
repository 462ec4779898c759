"""Explicit maps between the label sets of the public corpora. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from emolab.emotions import LABEL_SETS, concept

TAXONOMIES = LABEL_SETS
"""The label sets of `emolab.emotions`."""


@dataclass(frozen=True)
class LabelMap:
    """A map from one taxonomy to another that says what it does with every source label.

    `pairs` sends a source label to a target label; `dropped` names the source labels that have no place in the target,
    with the reason. Together they cover the source exactly, so nothing is lost without a word.
    """

    source: str
    target: str
    pairs: Mapping[str, str]
    dropped: Mapping[str, str]

    def __post_init__(self) -> None:
        source, target = TAXONOMIES[self.source], TAXONOMIES[self.target]
        stated = [*self.pairs, *self.dropped]
        if sorted(stated) != sorted(source):
            raise ValueError(f"{self.source} → {self.target}: must state each of {source} once, states {stated}")
        if unknown := set(self.pairs.values()) - set(target):
            raise ValueError(f"{self.source} → {self.target}: {sorted(unknown)} are not labels of {self.target}")

    def __call__(self, label: str) -> str | None:
        """The target label, or None where this label is dropped. Raises ValueError for a label not in the source."""
        key = label.strip()
        if key in self.pairs:
            return self.pairs[key]
        if key in self.dropped:
            return None
        expected = ", ".join(TAXONOMIES[self.source])
        raise ValueError(f"{label!r} is not a label of {self.source}; expected one of {expected}")

    def table(self) -> list[dict[str, str]]:
        """Rows (source, target, note) to show."""
        rows = [
            {"source": a, "target": b, "note": "" if a == b else "renamed or merged"} for a, b in self.pairs.items()
        ]
        return rows + [{"source": a, "target": "", "note": why} for a, why in self.dropped.items()]


_NO_PLACE = "no such label in the target"

_EXPLICIT: dict[tuple[str, str], dict[str, str]] = {
    # The four-class convention of speech emotion recognition: excited counts as happy, which gives 5,531 utterances.
    ("iemocap-raw", "iemocap-4"): {"neu": "neutral", "hap": "happy", "exc": "happy", "sad": "sad", "ang": "angry"},
    ("iemocap-raw", "emolab-7"): {
        "neu": "neutral",
        "hap": "happy",
        "exc": "happy",
        "sad": "sad",
        "ang": "angry",
        "fea": "fearful",
        "sur": "surprised",
        "dis": "disgusted",
    },
    # EmoDB's A (Angst) is published as "anxiety/fear" and used as fear throughout.
    ("emodb-7", "emolab-7"): {
        "neutral": "neutral",
        "happiness": "happy",
        "sadness": "sad",
        "anger": "angry",
        "anxiety": "fearful",
        "disgust": "disgusted",
    },
    ("iemocap-4", "sentiment-3"): {"neutral": "neutral", "happy": "positive", "sad": "negative", "angry": "negative"},
    ("meld-7", "sentiment-3"): {
        "neutral": "neutral",
        "joy": "positive",
        "sadness": "negative",
        "anger": "negative",
        "fear": "negative",
        "disgust": "negative",
    },
}
_REASONS = {
    "oth": "annotators chose 'other'",
    "xxx": "annotators did not agree",
    "fru": "frustration is left out by convention",
    "surprise": "MELD annotates the sentiment of surprise case by case; use its Sentiment column",
}


def label_map(source: str, target: str = "emolab-7", keep_calm: bool = False) -> LabelMap:
    """The map from one named taxonomy to another.

    Conventions are written out (IEMOCAP's exc→hap, EmoDB's anxiety as fear); elsewhere two labels match where they name
    the same emotion, and a label without a match is dropped by name. With `keep_calm`, RAVDESS's "calm" counts as
    neutral (a convention of some papers); otherwise it is dropped. Raises ValueError for an unknown taxonomy.

    >>> label_map("meld-7")("joy"), label_map("iemocap-raw", "iemocap-4")("exc"), label_map("mafw-11")("contempt")
    ('happy', 'happy', None)
    """
    for name in (source, target):
        if name not in TAXONOMIES:
            raise ValueError(f"no taxonomy {name!r}; known are {', '.join(TAXONOMIES)}")
    pairs = _EXPLICIT.get((source, target)) or _by_meaning(TAXONOMIES[source], TAXONOMIES[target])
    if keep_calm and "calm" in TAXONOMIES[source] and "calm" not in TAXONOMIES[target]:
        pairs = {**pairs, "calm": "neutral"}
    dropped = {label: _REASONS.get(label, _NO_PLACE) for label in TAXONOMIES[source] if label not in pairs}
    return LabelMap(source, target, pairs, dropped)


def _by_meaning(source: Iterable[str], target: Iterable[str]) -> dict[str, str]:
    by_concept = {concept(label) or label: label for label in target}
    return {label: found for label in source if (found := by_concept.get(concept(label) or label)) is not None}
