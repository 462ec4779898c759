"""Maps between label sets: what each label of a corpus counts as in another set, and what is dropped, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emolab.emotions.labels import EMOLAB_7, LabelSet, label_set
from emolab.emotions.names import TABLES
from emolab.errors import EmolabError


@dataclass(frozen=True)
class LabelMap:
    """A map from one label set to another that says what it does with every source label.

    `pairs` sends a source label to a target label; `dropped` names the source labels that have no place in the target,
    with the reason. Together they cover the source exactly, so nothing is lost without a word.
    """

    source: LabelSet
    target: LabelSet
    pairs: Mapping[str, str]
    dropped: Mapping[str, str]

    def __post_init__(self) -> None:
        stated = [*self.pairs, *self.dropped]
        way = f"{self.source.name} → {self.target.name}"
        if sorted(stated) != sorted(self.source):
            raise EmolabError(f"{way}: must state each of {', '.join(self.source)} once, states {', '.join(stated)}")
        if unknown := set(self.pairs.values()) - set(self.target):
            raise EmolabError(f"{way}: {sorted(unknown)} are not labels of {self.target.name}")

    def __call__(self, label: str) -> str | None:
        """The target label, or None where this label is dropped. Raises EmolabError for a label not in the source."""
        key = label.strip()
        if key not in self.source:
            raise EmolabError(
                f"{label!r} is not a label of {self.source.name}; expected one of {', '.join(self.source)}"
            )
        return self.pairs.get(key)


_NO_PLACE = "no such label in the target"


def label_map(
    source: LabelSet | Sequence[str] | str, target: LabelSet | Sequence[str] | str = EMOLAB_7, keep_calm: bool = False
) -> LabelMap:
    """The map from one label set to another.

    Conventions are written out (IEMOCAP's exc→hap); elsewhere two labels match where they stand for the same emotion
    (`LabelSet.concept`: EmoDB's anxiety is fear), and a label without a match is dropped by name. With `keep_calm`,
    RAVDESS's "calm" counts as neutral (a convention of some papers); otherwise it is dropped. Raises EmolabError for an
    unknown label set.

    >>> label_map("meld-7")("joy"), label_map("iemocap-raw", "iemocap-4")("exc"), label_map("mafw-11")("contempt")
    ('happy', 'happy', None)
    """
    old, new = label_set(source), label_set(target)
    pairs = TABLES["maps"].get(old.name, {}).get(new.name) or _by_meaning(old, new)
    if keep_calm and "calm" in old and "calm" not in new and (neutral := new.normalise("neutral")):
        pairs = {**pairs, "calm": neutral}
    return LabelMap(
        old, new, pairs, {label: TABLES["reasons"].get(label, _NO_PLACE) for label in old if label not in pairs}
    )


def _by_meaning(source: LabelSet, target: LabelSet) -> dict[str, str]:
    """Labels of both sets that are spelt alike, or else stand for the same emotion."""
    by_concept = {target.concept(label) or label: label for label in reversed(target)}
    same = {label: label for label in source if label in target}
    meant = {label: by_concept.get(source.concept(label) or label) for label in source}
    return {label: found for label in source if (found := same.get(label) or meant[label]) is not None}
