"""Named splits as the literature uses them, and what each says of speakers: disjoint (asserted), shared, unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emolab.errors import CorpusError
from emolab.registry import Registry
from emolab.samples import Corpus

Division = Iterator[tuple[str, list[str | None]]]  # name of a fold, and for each sample "train", "val", "test" or None


@dataclass(frozen=True)
class Fold:
    """One train/val/test division. `val` is empty where the protocol has none."""

    name: str
    train: Corpus
    val: Corpus
    test: Corpus
    note: str = ""
    protocol: str | None = None

    @classmethod
    def of(
        cls, name: str, corpus: Corpus, parts: Sequence[str | None], note: str = "", protocol: str | None = None
    ) -> Fold:
        """The fold that gives each sample the part at its index: "train", "val", "test", or None (in no part)."""

        def chosen(which: str) -> Corpus:
            return corpus.replace(s for s, part in zip(corpus, parts, strict=True) if part == which)

        return cls(name, chosen("train"), chosen("val"), chosen("test"), note, protocol)

    @property
    def shared_speakers(self) -> list[str]:
        """Speakers of the test part that also occur in train or val."""
        seen = {s.speaker for part in (self.train, self.val) for s in part if s.speaker is not None}
        return sorted({s.speaker for s in self.test if s.speaker is not None} & seen)

    def as_corpus(self) -> Corpus:
        """One corpus of all parts, each sample's `split` set to its part."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return self.train.replace(replace(s, split=name) for name, part in parts.items() for s in part)

    def summary(self) -> dict[str, Any]:
        """JSON-ready sizes and what is known of the speakers."""
        known = all(s.speaker is not None for s in self.test)
        return {
            "name": self.name,
            "train": len(self.train),
            "val": len(self.val),
            "test": len(self.test),
            "shared_speakers": self.shared_speakers if known else None,
            "note": self.note,
        }


@dataclass(frozen=True)
class Protocol:
    """A named way to divide one corpus. `speakers` is "disjoint", "shared" or "unknown"."""

    name: str
    corpus: str
    speakers: str
    source: str
    divide: Callable[[Corpus], Division]

    def folds(self, corpus: Corpus) -> list[Fold]:
        """Its folds over a loaded corpus. Samples that a fold assigns to no part are left out of that fold.

        Raises CorpusError if the corpus is another one, a part is empty, or speakers overlap where they must not.
        """
        if corpus.name != self.corpus:
            raise CorpusError(f"protocol {self.name!r} is for {self.corpus}, not {corpus.name or 'an unnamed corpus'}")
        found = []
        note = "" if self.speakers == "disjoint" else f"speakers are {self.speakers} between parts"
        for name, parts in self.divide(corpus):
            fold = Fold.of(name, corpus, parts, note, self.name)
            if not len(fold.train) or not len(fold.test):
                raise CorpusError(
                    f"{self.name}, {name}: {len(fold.train)} training and {len(fold.test)} test samples "
                    f"in {corpus.root}; the corpus there is incomplete"
                )
            if self.speakers == "disjoint" and (shared := fold.shared_speakers):
                raise CorpusError(f"{name}: speakers {', '.join(shared[:5])} are in test and in training")
            found.append(fold)
        return found


SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}
"""Of the samples, in a division that is drawn."""
_TRIES = 300


def draw(corpus: Corpus, seed: int = 0) -> tuple[list[str], str]:
    """A part ("train", "val" or "test") for each sample, drawn from a seed, and a sentence that says how.

    With three speakers or more, no speaker is in two parts; of many random divisions the one is taken whose parts
    come nearest to `SHARES` of every label. Samples that state no speaker count as one speaker. With two speakers,
    one is tested, and a validation part is taken from the other by clip. With one, or none stated, all parts are drawn
    by clip within each label, and the sentence warns that the scores will be too good.
    """
    rng = np.random.default_rng(seed)
    speakers = [sample.speaker for sample in corpus]
    known = sorted({speaker for speaker in speakers if speaker is not None})
    unknown = sum(speaker is None for speaker in speakers)
    labels = [str(sample.emotion) for sample in corpus]
    if len(known) < 2 or unknown > len(speakers) // 2:
        why = f"{len(known)} speaker{'' if len(known) == 1 else 's'} stated" if known else "no speaker is stated"
        note = (
            f"SPLIT BY CLIP ({why}): drawn with seed {seed}, so the same voices are in training and in test and scores "
            "will look better than on new voices; add a column 'speaker' if you can"
        )
        return _by_clip(labels, SHARES, rng), note
    groups: list[str | None] = [*known, None] if unknown else [*known]
    if len(groups) == 2:
        counts = [sum(speaker == group for speaker in speakers) for group in groups]
        trained = groups[int(np.argmax(counts))]
        inside = iter(_by_clip([x for x, s in zip(labels, speakers, strict=True) if s == trained], _NO_TEST, rng))
        parts = [next(inside) if speaker == trained else "test" for speaker in speakers]
        return parts, f"split drawn with seed {seed}: two speakers, one of them tested; val by clip from the other"
    parts = _by_speaker(labels, [groups.index(speaker) for speaker in speakers], rng)
    sizes = {part: len({s for s, p in zip(speakers, parts, strict=True) if p == part}) for part in SHARES}
    said = ", ".join(f"{parts.count(part)} samples of {n} in {part}" for part, n in sizes.items())
    extra = f"; {unknown} samples state no speaker and count as one" if unknown else ""
    return parts, f"split drawn with seed {seed}, speakers kept apart: {said} speakers{extra}"


_NO_TEST = {"train": 0.85, "val": 0.15}


def _by_clip(labels: Sequence[str], shares: Mapping[str, float], rng: np.random.Generator) -> list[str]:
    """Parts within each label; a label's first clip is trained on, its second tested."""
    parts = ["train"] * len(labels)
    others = [part for part in ("test", "val") if part in shares]
    for label in sorted(set(labels)):
        order = rng.permutation([i for i, found in enumerate(labels) if found == label])
        start = 0
        for part in others:
            least = 1 if part == others[0] and len(order) > 1 else 0
            stop = start + max(least, round(shares[part] * len(order)))
            for i in order[start : min(stop, len(order) - 1)]:
                parts[i] = part
            start = stop
    if others[0] not in parts and len(parts) > 1:  # each label has one clip
        parts[int(rng.integers(len(parts)))] = others[0]
    return parts


def _by_speaker(labels: Sequence[str], speakers: Sequence[int], rng: np.random.Generator) -> list[str]:
    """Parts that keep speakers (numbered from 0) together, near to `SHARES` of every label."""
    names = sorted(set(labels))
    table = np.zeros((max(speakers) + 1, len(names)))
    for label, speaker in zip(labels, speakers, strict=True):
        table[speaker, names.index(label)] += 1
    shares = np.array(list(SHARES.values()))
    best, chosen = np.inf, np.zeros(len(table), int)
    for _ in range(_TRIES):
        order = rng.permutation(len(table))
        reached = np.cumsum(table[order].sum(1)) / table.sum()
        parts = np.empty(len(table), int)
        tested = max(1, int(np.searchsorted(reached, SHARES["test"] - 1e-9)) + int(rng.integers(2)))
        held = max(tested + 1, int(np.searchsorted(reached, 1 - SHARES["train"] - 1e-9)) + int(rng.integers(2)))
        if held >= len(table):
            tested, held = min(tested, len(table) - 2), len(table) - 1
        parts[order] = np.where(np.arange(len(table)) < tested, 2, np.where(np.arange(len(table)) < held, 1, 0))
        found = np.stack([table[parts == part].sum(0) for part in range(3)]) / table.sum(0)
        wrong = float(np.abs(found - shares[:, None]).sum()) + float((found[0] == 0).sum())
        if wrong < best:
            best, chosen = wrong, parts
    return [list(SHARES)[chosen[speaker]] for speaker in speakers]


PROTOCOLS: Registry[tuple[Protocol, ...]] = Registry("protocol", {}, CorpusError)
"""The named protocols of each corpus, the usual one first. `emolab.register("protocol", CORPUS)` adds some."""


def get_protocol(name: str) -> Protocol:
    """A protocol by name. Raises CorpusError that lists the names."""
    known = {found.name: found for group in PROTOCOLS.values() for found in group}
    if name not in known:
        raise CorpusError(f"no protocol {name!r}; known are {', '.join(known)}")
    return known[name]


def protocols_of(corpus: str) -> list[str]:
    """Names of the protocols of a corpus, the usual one first."""
    return [found.name for found in PROTOCOLS.get(corpus, ())]
