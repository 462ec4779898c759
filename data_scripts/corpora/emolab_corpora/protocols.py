"""The published divisions of the published corpora, as the literature uses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from emolab.corpora.protocols import Division, Protocol
from emolab.samples import Corpus, EmotionSample

# EmoBox (Ma et al., 2024), the actors of its six test lists, read from its published folds.
RAVDESS_EMOBOX = ((1, 11, 20, 21), (4, 10, 12, 14), (8, 9, 19, 23), (3, 5, 7, 24), (2, 15, 16, 18), (6, 13, 17, 22))
RAVDESS_BLOCKS = tuple(tuple(range(i, i + 4)) for i in range(1, 25, 4))  # HiCMAE (Sun et al., 2024)
CREMAD_BLOCKS = (18, 18, 18, 18, 19)  # actors 1001–1018, 1019–1036, …


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
    """One fold per group of values of `key`: that group is tested, the others are trained on.

    Without `groups`, each value is one, and its fold bears its name.
    """

    def divide(corpus: Corpus) -> Division:
        values = [key(sample) for sample in corpus]
        for i, group in enumerate(groups or [(value,) for value in sorted(set(values))], 1):
            yield f"fold{i}" if groups else str(group[0]), ["test" if v in group else "train" for v in values]

    return divide


def _published_folds(corpus: Corpus) -> Division:
    for fold in "12345":
        yield f"fold{fold}", [sample.extra["folds"].get(fold) for sample in corpus]


def _actor(sample: EmotionSample) -> int:
    return int((sample.speaker or "").removeprefix("actor"))


def _cremad_groups() -> list[range]:
    ends = [1001 + sum(CREMAD_BLOCKS[:i]) for i in range(len(CREMAD_BLOCKS) + 1)]
    return [range(a, b) for a, b in pairwise(ends)]


def _session(sample: EmotionSample) -> str:
    return f"Session{sample.extra['session']}"


def _speaker(sample: EmotionSample) -> str:
    return sample.speaker or ""


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol("iemocap-5fold", "iemocap", "disjoint", "leave one session out", _leave_out(_session)),
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
"""By name; of the protocols of a corpus the first is the usual one."""


def _of(corpus: str) -> tuple[Protocol, ...]:
    return tuple(found for found in PROTOCOLS.values() if found.corpus == corpus)


# What the entry points name: the protocols of each corpus.
iemocap, meld, ravdess, cremad, savee, tess = map(_of, ("iemocap", "meld", "ravdess", "cremad", "savee", "tess"))
emodb, esd, emotiontalk, mer2023, dfew, mafw = map(_of, ("emodb", "esd", "emotiontalk", "mer2023", "dfew", "mafw"))
