"""Named splits as the literature uses them, and what each says of speakers: disjoint (asserted), shared, unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from emolab.errors import CorpusError
from emolab.samples import Corpus, EmotionSample

# EmoBox (Ma et al., 2024), the actors of its six test lists, read from its published folds.
RAVDESS_EMOBOX = ((1, 11, 20, 21), (4, 10, 12, 14), (8, 9, 19, 23), (3, 5, 7, 24), (2, 15, 16, 18), (6, 13, 17, 22))
RAVDESS_BLOCKS = tuple(tuple(range(i, i + 4)) for i in range(1, 25, 4))  # HiCMAE (Sun et al., 2024)
CREMAD_BLOCKS = (18, 18, 18, 18, 19)  # actors 1001–1018, 1019–1036, …

Division = Iterator[tuple[str, list[str | None]]]  # name of a fold, and for each sample "train", "val", "test" or None


@dataclass(frozen=True)
class Fold:
    """One train/val/test division. `val` is empty where the protocol has none."""

    name: str
    train: Corpus
    val: Corpus
    test: Corpus
    note: str = ""

    @property
    def shared_speakers(self) -> list[str]:
        """Speakers of the test part that also occur in train or val."""
        seen = {s.speaker for part in (self.train, self.val) for s in part if s.speaker is not None}
        return sorted({s.speaker for s in self.test if s.speaker is not None} & seen)

    def table(self) -> Corpus:
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
            train, val, test = (
                corpus.replace(s for s, part in zip(corpus, parts, strict=True) if part == wanted)
                for wanted in ("train", "val", "test")
            )
            fold = Fold(name, train, val, test, note)
            if not len(fold.train) or not len(fold.test):
                raise CorpusError(
                    f"{self.name}, {name}: {len(fold.train)} training and {len(fold.test)} test samples "
                    f"in {corpus.root}; the corpus there is incomplete"
                )
            if self.speakers == "disjoint":
                assert_disjoint(fold)
            found.append(fold)
        return found


def assert_disjoint(fold: Fold) -> None:
    """Raise CorpusError that names the speakers which the test part shares with training."""
    if shared := fold.shared_speakers:
        raise CorpusError(f"{fold.name}: speakers {', '.join(shared[:5])} are in test and in training")


def cross_corpus(train: Corpus, test: Corpus, labels: Sequence[str]) -> Fold:
    """Train on one corpus, test on another, both restricted to `labels` (map them first with `relabel`).

    Raises CorpusError if a part is empty under these labels, or one of the labels never occurs in training.
    """
    parts = [corpus.where(lambda s: s.emotion in labels) for corpus in (train, test)]
    for corpus, part in zip((train, test), parts, strict=True):
        if not len(part):
            raise CorpusError(f"{corpus.name}: no sample labelled {', '.join(labels)}; map its labels first")
    if unseen := [label for label in labels if label not in parts[0].counts()]:
        raise CorpusError(f"{train.name}: no training sample of {', '.join(unseen)}; choose labels that it has")
    return Fold(f"{train.name}→{test.name}", parts[0], parts[0].replace([]), parts[1], "other corpus, other speakers")


def _by_split(tests: Sequence[str] = ("test",)) -> Callable[[Corpus], Division]:
    def divide(corpus: Corpus) -> Division:
        present = corpus.counts("split")
        for test in tests:
            if test in present or len(tests) == 1:
                parts = {"train": "train", "val": "val", test: "test"}
                yield test, [parts.get(s.split or "") for s in corpus]

    return divide


def _leave_out(
    key: Callable[[EmotionSample], Any], groups: Sequence[Sequence[Any]] = ()
) -> Callable[[Corpus], Division]:
    """One fold per group of values of `key` (default: per value): that group is tested, the others are trained on."""

    def divide(corpus: Corpus) -> Division:
        values = [key(sample) for sample in corpus]
        for i, group in enumerate(groups or [(value,) for value in sorted(set(values))], 1):
            yield f"fold{i}" if groups else f"leave out {group[0]}", ["test" if v in group else "train" for v in values]

    return divide


def _published_folds(corpus: Corpus) -> Division:
    for fold in "12345":
        yield f"fold{fold}", [sample.extra["folds"].get(fold) for sample in corpus]


def _actor(sample: EmotionSample) -> int:
    return int((sample.speaker or "").removeprefix("actor"))


def _cremad_groups() -> list[range]:
    ends = [1001 + sum(CREMAD_BLOCKS[:i]) for i in range(len(CREMAD_BLOCKS) + 1)]
    return [range(a, b) for a, b in pairwise(ends)]


def _speaker(sample: EmotionSample) -> str:
    return sample.speaker or ""


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "iemocap-5fold", "iemocap", "disjoint", "leave one session out", _leave_out(lambda s: s.extra["session"])
        ),
        Protocol("iemocap-10fold", "iemocap", "disjoint", "leave one speaker out", _leave_out(_speaker)),
        Protocol("meld-official", "meld", "shared", "Poria et al. 2019", _by_split()),
        Protocol(
            "ravdess-emobox",
            "ravdess",
            "disjoint",
            "EmoBox, Ma et al. 2024: random quads of actors",
            _leave_out(_actor, RAVDESS_EMOBOX),
        ),
        Protocol(
            "ravdess-blocks",
            "ravdess",
            "disjoint",
            "HiCMAE, Sun et al. 2024: actors 1–4, 5–8, …",
            _leave_out(_actor, RAVDESS_BLOCKS),
        ),
        Protocol(
            "cremad-5fold",
            "cremad",
            "disjoint",
            "blocks of 18, 18, 18, 18 and 19 actors",
            _leave_out(_actor, _cremad_groups()),
        ),
        Protocol("savee-4fold", "savee", "disjoint", "leave one of DC, JE, JK, KL out", _leave_out(_speaker)),
        Protocol("tess-2fold", "tess", "disjoint", "leave one speaker out", _leave_out(_speaker)),
        Protocol("emodb-10fold", "emodb", "disjoint", "leave one speaker out", _leave_out(_speaker)),
        Protocol("esd-folders", "esd", "shared", "Zhou et al. 2022: the folders train, evaluation, test", _by_split()),
        Protocol(
            "emotiontalk-official",
            "emotiontalk",
            "unknown",
            "groups G00001+G00012 val, G00003+G00015 test",
            _by_split(),
        ),
        Protocol(
            "mer2023-official",
            "mer2023",
            "unknown",
            "Lian et al. 2023: one fold per test set",
            _by_split(tests=("test1", "test2", "test3")),
        ),
        Protocol("dfew-5fold", "dfew", "unknown", "Jiang et al. 2020", _published_folds),
        Protocol("mafw-5fold", "mafw", "unknown", "Liu et al. 2022", _published_folds),
    )
}


def protocol(name: str) -> Protocol:
    """A protocol by name. Raises CorpusError that lists the names."""
    if name not in PROTOCOLS:
        raise CorpusError(f"no protocol {name!r}; known are {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def protocols_of(corpus: str) -> list[str]:
    """Names of the protocols of a corpus."""
    return [name for name, p in PROTOCOLS.items() if p.corpus == corpus]
