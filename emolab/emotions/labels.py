"""Label sets: the labels that a corpus is annotated with, in their order, with what each of them means.

A `LabelSet` is the tuple of its labels wherever a sequence of texts is taken. Prompts, parser, rewards, metrics and
plots take it from the corpus.

>>> label_set("iemocap-4").chance, label_set("calm, tense, bored").normalise("Relaxed.")
(0.25, 'calm')
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, overload

from emolab.emotions.names import ALIASES, TABLES, concept, plain
from emolab.emotions.similarity import Place, SimilarityTable, in_table, place_of, similarity_of
from emolab.errors import EmolabError

MAX_NAME = 64
"""Longest text, in characters, that can be a name of an emotion."""


@dataclass(frozen=True)
class LabelSet(Sequence[str]):
    """Labels in the order of every table, matrix and score; frozen, hashable and small enough to pass around.

    `aliases` sends further spellings to a label, beside the names of emotions that the package knows; `places` puts
    labels on Plutchik's circle and in valence-arousal-dominance; `meanings` says which emotion a label stands for where
    its word alone says another (EmoDB's "anxiety" is its fear).
    """

    name: str
    labels: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict, hash=False)
    places: Mapping[str, Place] = field(default_factory=dict, hash=False)
    meanings: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for label in self.labels:
            key = plain(label)
            if not key or len(key) > MAX_NAME or label != label.strip():
                raise EmolabError(f"label set {self.name!r}: {label!r} cannot be a label; give a short word")
            if key in seen:
                raise EmolabError(f"label set {self.name!r}: {seen[key]!r} and {label!r} are the same label; keep one")
            seen[key] = label
        for what in ("aliases", "places", "meanings"):
            stated = getattr(self, what)
            if unknown := set(stated.values() if what == "aliases" else stated) - set(self.labels):
                raise EmolabError(f"label set {self.name!r}: {what} name {min(unknown)!r}, which is not a label")

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self.labels[index]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def chance(self) -> float:
        """Unweighted accuracy of a guess: 1 / number of labels. NaN without labels."""
        return 1 / len(self.labels) if self.labels else float("nan")

    def normalise(self, text: str | None) -> str | None:
        """The label that `text` is a name of, or None. Strict: the whole text must be one name.

        Case, edge punctuation, inflections and synonyms are forgiven; several names, sentences, look-alike letters and
        zero-width characters are not.
        """
        return None if text is None or len(text) > MAX_NAME else forms_of(self).get(plain(text))

    def concept(self, label: str) -> str | None:
        """The emotion of `emolab.emotions.names` that a label stands for, or None."""
        return self.meanings.get(label) or concept(label)

    def place(self, label: str) -> Place | None:
        """Where a label lies: as the set says, else as the emotion that it stands for; None for "no place"."""
        return self.places.get(label) or place_of(self.concept(label))

    def similarity(self, a: str, b: str, kind: str | SimilarityTable = "plutchik") -> float:
        """Similarity of two labels in [0, 1], ½ where one has no place. `kind` as `similarity_of` takes it, or a table.

        Raises ValueError for a name of no label, or an unknown kind.
        """
        first, second = self.normalise(a), self.normalise(b)
        if first is None or second is None:
            wrong = a if first is None else b
            raise ValueError(f"{wrong!r} is not a label of {self.name}; its labels are {', '.join(self.labels)}")
        if not isinstance(kind, str):
            return in_table(first, second, kind)
        return similarity_of(self.place(first), self.place(second), first == second, kind)

    def to_json(self) -> dict[str, Any]:
        """Name and labels, and what the set states beyond them, as JSON has it."""
        stated: dict[str, Any] = {"name": self.name, "labels": list(self.labels)}
        if self.aliases:
            stated["aliases"] = dict(self.aliases)
        if self.places:
            stated["places"] = {
                label: {"angle": place.angle, "vad": place.vad and list(place.vad), "source": place.source}
                for label, place in self.places.items()
            }
        return stated | ({"meanings": dict(self.meanings)} if self.meanings else {})

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | Sequence[str] | str) -> LabelSet:
        """The set that `to_json` wrote. A name, or a plain list of labels, is read as `label_set` reads it."""
        if not isinstance(value, Mapping):
            return label_set(value)
        places = {
            label: Place(place["angle"], place["vad"] and tuple(place["vad"]), place["source"])
            for label, place in value.get("places", {}).items()
        }
        labels = tuple(value["labels"])
        return cls(value["name"], labels, value.get("aliases", {}), places, value.get("meanings", {}))


@lru_cache(maxsize=256)
def forms_of(labels: LabelSet) -> dict[str, str]:
    """Every spelling (as `plain` has it) that names one of the labels. A label's own spelling comes before others'."""
    by_concept: dict[str, str] = {}
    for label in labels:
        meaning = labels.concept(label)
        if meaning is not None:
            by_concept.setdefault(meaning, label)
    forms = {plain(form): by_concept[meaning] for form, meaning in ALIASES.items() if meaning in by_concept}
    own = {form: label for label in labels for form, meaning in ALIASES.items() if concept(label) == meaning}
    forms = {form: label for form, label in own.items() if form not in forms} | forms
    forms |= {plain(form): label for form, label in labels.aliases.items()}
    return forms | {plain(label): label for label in labels}


def _known(name: str) -> LabelSet:
    """A label set of `labels.toml`."""
    meant = TABLES["as_another"].get(name, {})
    aliases = {form: meant[emotion] for form, emotion in ALIASES.items() if emotion in meant}
    angles = TABLES["angles"].get(name, {}).items()
    places = {label: Place(angle, None, source) for label, (angle, source) in angles}
    return LabelSet(name, tuple(TABLES["sets"][name]), aliases, places, TABLES["meanings"].get(name, {}))


LABEL_SETS: dict[str, LabelSet] = {name: _known(name) for name in TABLES["sets"]}
"""Label sets by name."""

EMOLAB_7 = LABEL_SETS["emolab-7"]
"""The seven labels of the embedded corpus."""

_SMALLEST = sorted((s for s in LABEL_SETS.values() if s.name not in ("emolab-7", "sentiment-3")), key=len)


def label_set(spec: LabelSet | str | Iterable[str]) -> LabelSet:
    """A label set by name ("iemocap-4"), from a comma list ("calm, tense, bored"), a sequence of labels, or as it is.

    Labels of one's own make a set whose name is the list. Raises EmolabError for an unknown name, or for labels that
    are empty or given twice.
    """
    if isinstance(spec, LabelSet):
        return spec
    if not isinstance(spec, str):
        return _of(tuple(spec))
    if (known := LABEL_SETS.get(spec.strip().lower())) is not None:
        return known
    labels = tuple(part.strip() for part in re.split(r"[,;、，]", spec))
    if len(labels) > 1:
        return _of(labels)
    near = difflib.get_close_matches(spec, LABEL_SETS, 1)
    hint = f"did you mean {near[0]!r}? Known are" if near else "known are"
    raise EmolabError(
        f"no label set {spec!r}; {hint} {', '.join(LABEL_SETS)}, or a list of your own with commas between the labels"
    )


@lru_cache(maxsize=256)
def _of(labels: tuple[str, ...]) -> LabelSet:
    """The first known set with exactly these labels in this order, else a set of one's own."""
    if any(not isinstance(label, str) for label in labels):
        raise EmolabError(f"labels must be texts, got {labels!r:.80}")
    known = next((s for s in LABEL_SETS.values() if s.labels == labels), None)
    return known or LabelSet(",".join(labels), labels)


def label_set_of(emotions: Iterable[str | None]) -> LabelSet:
    """The label set of a corpus that states none: emolab-7 if it holds every emotion, else the smallest known set that
    does, else the emotions themselves, sorted.

    >>> label_set_of(["joy", "fear"]).name, label_set_of(["tense", "calm", None]).name
    ('meld-7', 'calm,tense')
    """
    found: dict[str, str] = {}
    for emotion in emotions:
        if isinstance(emotion, str) and (key := plain(emotion)) and len(key) <= MAX_NAME:
            found.setdefault(key, emotion.strip())
    holds = next((s for s in (EMOLAB_7, *_SMALLEST) if found.keys() <= {plain(label) for label in s}), None)
    return holds or label_set(sorted(found.values()))


def normalise_label(text: str | None, labels: LabelSet | Sequence[str] = EMOLAB_7) -> str | None:
    """The one of `labels` that `text` is a name of, or None (`LabelSet.normalise`).

    >>> normalise_label("Anger!"), normalise_label("happy", ("joy", "sadness")), normalise_label("sad or angry")
    ('angry', 'joy', None)
    """
    return label_set(labels).normalise(text)
