"""A set of emotion wheels: where every surface form lands, at every setting of the metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SETTINGS = ("form", "synonym", "level1", "level2")
"""What words are compared as: their base form, their wheel word, or their cluster at level 1 or 2 of each wheel."""

Tree = Mapping[str, Mapping[str, list[str]]]
"""A wheel as read: level-1 word → level-2 word → level-3 words."""


@dataclass(frozen=True, eq=False)
class WheelSet:
    """Several wheels and the vocabulary that maps onto them.

    `maps[setting]` holds one table for each wheel ("level1", "level2"), or a single one ("form", "synonym"): surface
    form → what it is compared as. A form that is not in a table drops out. `trees` are the wheels themselves.
    """

    name: str
    trees: Mapping[str, Tree]
    maps: Mapping[str, tuple[Mapping[str, str], ...]]
    _seen: dict[tuple[str, tuple[str, ...]], tuple[frozenset[str], ...]] = field(default_factory=dict, repr=False)

    @property
    def wheels(self) -> tuple[str, ...]:
        """Names of the wheels, in order."""
        return tuple(self.trees)

    def clusters(self, words: Iterable[str], setting: str = "level1") -> tuple[frozenset[str], ...]:
        """What `words` map to: a set for each wheel (one set for "form" and "synonym").

        Raises KeyError for an unknown setting.
        """
        key = (setting, tuple(words))
        found = self._seen.get(key)
        if found is None:
            lowered = [word.lower().strip() for word in key[1]]
            found = tuple(frozenset(table[w] for w in lowered if w in table) for table in self.maps[setting])
            if len(self._seen) < 50_000 and sum(map(len, key[1])) <= 400:  # at most 20 MB of texts
                self._seen[key] = found
        return found

    def knows(self, word: str) -> bool:
        """Whether `word` lands on at least one wheel."""
        return any(self.clusters((word,)))


def cluster_maps(tree: Tree) -> tuple[dict[str, str], dict[str, str]]:
    """Maps of a wheel's words to their level-1 and level-2 cluster.

    Level 1: every word of a branch to its level-1 word. Level 2: level-2 and level-3 words to their level-2 word, a
    level-1 word to its alphabetically first level-2 child. Where a word stands twice, the later place wins, as in the
    official scorer.
    """
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    for level1, branch in tree.items():
        first[level1] = level1
        second[level1] = min(branch)
        for level2, leaves in branch.items():
            first.update(dict.fromkeys([level2, *leaves], level1))
            second.update(dict.fromkeys([level2, *leaves], level2))
    return first, second
