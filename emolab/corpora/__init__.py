"""Thirteen public corpora as published on disk, and your own recordings, as one kind of table.

>>> from emolab import corpora
>>> corpus, report = corpora.load("ravdess", "data/ravdess", labels="emolab-7")
>>> report.summary()["skipped"]
{'calm: no such label in the target': 192}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from emolab.corpora.builder import CHECKS, Check
from emolab.corpora.catalogue import CORPORA, CorpusInfo, info
from emolab.emotions import LabelSet, label_set
from emolab.errors import CorpusError
from emolab.samples import Corpus, LoadReport
from emolab.taxonomies import TAXONOMIES, label_map

__all__ = ["CHECKS", "CORPORA", "Check", "CorpusInfo", "info", "label_set", "load", "relabel", "respell"]


def load(
    name: str, root: str | Path, labels: str | None = None, check: Check = "header", keep_calm: bool = False
) -> tuple[Corpus, LoadReport]:
    """Load a corpus by name from the folder that holds it as published.

    Labels stay as published, or are mapped to the taxonomy `labels` (`relabel`). `check` says how hard each media file
    is looked at: "exists", "header" (default) or "decode". Raises CorpusError for an unknown name or a folder that does
    not have the layout.
    """
    module = import_module(f"emolab.corpora.{info(name).name}")
    corpus, report = module.load(root, check)
    if labels is None:
        return corpus, report
    mapped, dropped = relabel(corpus, info(name).labels, labels, keep_calm)
    report.add(dropped)
    report.found = len(mapped)
    return mapped, report


def relabel(corpus: Corpus, source: str, target: str, keep_calm: bool = False) -> tuple[Corpus, LoadReport]:
    """The corpus with its labels mapped from one taxonomy to another; `extra["label"]` keeps the published one.

    A sample whose label has no place in the target is reported, by label, and left out. Raises CorpusError for an
    unknown taxonomy or a label that is not of the source, naming the sample.
    """
    try:
        mapping = label_map(source, target, keep_calm)
    except ValueError as error:
        raise CorpusError(f"{error}; taxonomies are {', '.join(TAXONOMIES)}") from error
    report, kept = LoadReport(corpus.name), []
    for i, sample in enumerate(corpus, 1):
        try:
            emotion = mapping(sample.emotion or "")
        except ValueError as error:
            raise CorpusError(f"{corpus.name}, row {i} ({sample.id}): {error}") from error
        if emotion is None:
            report.skip(f"{sample.emotion}: {mapping.dropped[sample.emotion or '']}", sample.id)
        else:
            kept.append(replace(sample, emotion=emotion, extra={**sample.extra, "label": sample.emotion}))
    report.found = len(kept)
    renamed = Counter((s.extra["label"], s.emotion) for s in kept if s.extra["label"] != s.emotion)
    report.notes += [f"{count} of {old!r} count as {new!r}" for (old, new), count in sorted(renamed.items())]
    return replace(corpus, samples=kept, labels=TAXONOMIES[target]), report


def respell(corpus: Corpus, labels: LabelSet | Sequence[str]) -> Corpus:
    """The corpus with each emotion spelt as in `labels` ("Anger" becomes "angry").

    Raises CorpusError that names the first sample whose emotion is none of them.
    """
    wanted = label_set(labels)
    samples = [replace(s, emotion=wanted.normalise(s.emotion) or s.emotion) for s in corpus]
    return replace(corpus, samples=samples, labels=wanted).check_labels(wanted)
