"""A corpus in one step: `load_corpus("iemocap:/data/IEMOCAP", labels="iemocap-4", fold="Session5")`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from emolab.corpora.catalogue import CORPORA, info
from emolab.corpora.embedded import MAKER, NAME
from emolab.corpora.manifest import load_manifest
from emolab.corpora.protocols import Fold, draw, get_protocol, protocols_of
from emolab.emotions import EMOLAB_7, LABEL_SETS, LabelSet, label_map, label_set
from emolab.errors import CorpusError, EmolabError
from emolab.extras import MissingExtra, advice
from emolab.media.usable import CHECKS, Check, usable
from emolab.registry import Registry
from emolab.samples import MODALITIES, TABLES, Corpus, LoadReport

ENVIRONMENT = "EMOLAB_CORPUS"
HUB = "hf"
"""What comes before the name of a Hugging Face data set."""
MANIFEST = "manifest"
"""What comes before a table or a folder of one's own."""
DRAWN = "drawn"
"""The protocol that draws speaker-disjoint parts from a seed; it fits every corpus."""
USUAL_LABELS = {"iemocap": "iemocap-4"}
"""Labels that are asked where none are named and the published codes are not labels that one could ask for."""
SPLITS = {"dev": "val", "valid": "val", "validation": "val", "eval": "val", "evaluation": "val", "training": "train"}

Labels = LabelSet | str | Sequence[str] | None
Loader = Callable[[Path, Check], tuple[Corpus, LoadReport]]
LOADERS: Registry[Loader] = Registry("corpus", {}, CorpusError)
"""What reads a corpus as published from its folder: those of the package `emolab-corpora`, and anybody's that an
entry point or `emolab.registry.register("corpus", name)` adds."""


def load_corpus(
    spec: str | Path | None = None,
    *,
    labels: Labels = None,
    protocol: str | None = None,
    fold: str | int | None = None,
    seed: int = 0,
    check: Check = "header",
    long_clips: str = "window",
    max_seconds: float | None = None,
) -> Corpus:
    """A corpus with its labels and its splits, from wherever it lies.

    Args:
        spec: one of
            "synthetic", "synthetic:smoke" (also course, omni, wild, full): the embedded corpus;
            "NAME:ROOT", such as "iemocap:/data/IEMOCAP": one of `CORPORA` as published;
            "manifest:mine.csv" (or .tsv, .jsonl, .parquet, or a folder of recordings): your own recordings;
            "hf:NAME" or "hf:FOLDER": a Hugging Face data set, a saved one, Parquet files or an audio folder;
            a path: a table or folder that `emolab` wrote, else as for "manifest:".
            None: what the environment variable EMOLAB_CORPUS holds, else "synthetic".
        labels: the label set to ask for: a name ("iemocap-4"), a comma list ("calm, tense, bored") or a sequence.
            Published labels are mapped to it, and what has no place in it is left out and counted. None: the
            corpus's own labels (for IEMOCAP, whose own are codes, "iemocap-4").
        protocol: the name of a protocol (`emolab corpus list`), or "drawn". None: the splits that the table states,
            else the corpus's usual protocol, else "drawn": speaker-disjoint train, val and test, drawn from `seed`.
        fold: a name ("Session5") or a number from 1. None: the first.
        check: how hard each media file is looked at: "exists", "header" or "decode".
        long_clips, max_seconds: with `max_seconds`, longer clips are cut into windows ("window") or left out ("skip").

    Returns a corpus whose `report` counts and names what was not used, and whose notes say how the labels and the
    splits came about. Raises CorpusError that names the file or the row and says what to do.

    >>> load_corpus("ravdess:/data/RAVDESS", fold=2)  # doctest: +SKIP
    """
    corpus, folds = _load(spec, labels, protocol, seed, check, long_clips, max_seconds)
    chosen = choose_fold(folds, fold)
    if fold is None and len(folds) > 1:
        others = ", ".join(found.name for found in folds)
        _report(corpus).notes.append(f"fold {chosen.name} of {others}; choose another with fold=")
    return _divided(corpus, chosen)


def corpus_folds(spec: str | Path | None = None, **options: Any) -> list[Corpus]:
    """The corpus once for each fold of its protocol, read once; `options` are those of `load_corpus` without `fold`."""
    corpus, folds = _load(spec, **options)
    return [_divided(corpus, fold) for fold in folds]


def fold_names(corpus: Corpus, protocol: str | None = None) -> list[str]:
    """Names of the folds of a protocol over a loaded corpus; of the corpus's usual one where none is named.

    Raises CorpusError for an unknown protocol, or one of another corpus.
    """
    name = protocol or next(iter(protocols_of(corpus.name)), None)
    return [DRAWN] if name in (None, DRAWN) else [found.name for found in get_protocol(str(name)).folds(corpus)]


def _load(
    spec: str | Path | None,
    labels: Labels = None,
    protocol: str | None = None,
    seed: int = 0,
    check: Check = "header",
    long_clips: str = "window",
    max_seconds: float | None = None,
) -> tuple[Corpus, list[Fold]]:
    if check not in CHECKS:
        raise CorpusError(f"check {check!r}: expected one of {', '.join(CHECKS)}")
    spec = os.environ.get(ENVIRONMENT) or NAME if spec is None else spec
    corpus, source = _read(spec, check)
    if not corpus.samples:
        raise CorpusError(f"{spec}: holds no sample")
    corpus = _labelled(corpus, source, labels)
    if max_seconds is not None:
        report = _report(corpus)
        corpus, unusable = usable(corpus, MODALITIES, max_seconds, long_clips, check)
        report.add(unusable)
    as_published = str(spec).partition(":")[0] in CORPORA
    return corpus, _folds(corpus, protocol, seed, as_published)


def _loader(kind: str) -> Loader:
    """The loader of a corpus. Raises MissingExtra for one of `emolab-corpora` where that is not installed."""
    if kind not in LOADERS and kind in (MAKER, HUB, *CORPORA):
        raise MissingExtra(advice("emolab_corpora"))
    return LOADERS[kind]


def _kinds() -> list[str]:
    """What may stand before the colon of a specification."""
    return list(dict.fromkeys([NAME, MANIFEST, HUB, *CORPORA, *LOADERS]))


def _report(corpus: Corpus) -> LoadReport:
    if corpus.report is None:
        corpus.report = LoadReport(corpus.name, found=len(corpus))
    return corpus.report


def _read(spec: str | Path, check: Check) -> tuple[Corpus, str | None]:
    """A corpus with its report, and the name of the label set that its emotions are of (None: nobody knows)."""
    text = str(spec)
    kind, colon, rest = text.partition(":")
    if isinstance(spec, Path) or kind not in _kinds():
        return _read_path(Path(text), check)
    if not rest and (colon or kind != NAME):
        published = f"give the folder that holds {CORPORA[kind].title} as published" if kind in CORPORA else ""
        raise CorpusError(f"{text}: {published or 'name a folder or a file'}, as {kind}:FOLDER")
    if kind == MANIFEST:
        corpus, report = load_manifest(rest, labels=None, check=check)
    else:
        corpus, report = _loader(MAKER if kind == NAME else kind)(Path(rest or "course"), check)
    labels = "emolab-7" if kind == NAME else CORPORA[kind].labels if kind in CORPORA else None
    return replace(corpus, report=report), labels


def _read_path(path: Path, check: Check) -> tuple[Corpus, str | None]:
    if not path.exists():
        known = ", ".join(name for name in _kinds() if name != MAKER)
        raise CorpusError(f"{path}: no such table or folder, and no corpus of that name; write NAME:PATH with {known}")
    table = path.is_dir() and any((path / name).is_file() for name in TABLES)
    if not table and (path.is_dir() or path.suffix.lower() in (".csv", ".tsv")):
        return _read(f"{MANIFEST}:{path}", check)
    corpus = Corpus.read(path)
    taxonomy = CORPORA[corpus.name].labels if corpus.name in CORPORA else None
    known_labels = taxonomy and all(s.emotion in (None, *LABEL_SETS[taxonomy]) for s in corpus)
    return corpus, taxonomy if known_labels else None


def _labelled(corpus: Corpus, source: str | None, labels: Labels) -> Corpus:
    """The corpus with its emotions in the labels asked for; what has no place there is counted in its report."""
    report = _report(corpus)
    if labels is None and corpus.name in USUAL_LABELS and source == CORPORA[corpus.name].labels:
        labels = USUAL_LABELS[corpus.name]
        report.notes.append(
            f"labels: {labels}, as is usual for {CORPORA[corpus.name].title}; choose others with labels="
        )
    if labels is None:
        return corpus if source else _own_labels(corpus)
    wanted = label_set(labels)
    if source and wanted is LABEL_SETS.get(wanted.name):
        mapped, dropped = relabel(corpus, source, wanted.name)
    else:
        mapped, dropped = _by_meaning(corpus, wanted)
    report.add(dropped)
    report.found = len(mapped)
    if not len(mapped):
        raise CorpusError(
            f"{corpus.root}: no sample has one of the labels asked for; it has {', '.join(map(str, corpus.counts()))}"
        )
    return mapped


def in_labels(corpus: Corpus, labels: Labels) -> Corpus:
    """The corpus in other labels, through the named map where both sets have one, else by meaning.

    What has no place there is left out and counted in the report. Raises CorpusError where nothing is left.
    """
    wanted = label_set(labels) if labels is not None else corpus.labels
    if wanted == corpus.labels:
        return corpus
    own = corpus.labels.name
    kept = replace(corpus, report=deepcopy(_report(corpus)))
    mapped = LABEL_SETS.get(own) == corpus.labels and corpus.counts().keys() <= {*corpus.labels, None}
    return _labelled(kept, own if mapped else None, wanted)


def _by_meaning(corpus: Corpus, labels: LabelSet) -> tuple[Corpus, LoadReport]:
    """Emotions respelt as the one of `labels` that names the same; the others are left out, counted by label."""
    report, kept = LoadReport(corpus.name), []
    for sample in corpus:
        concept = corpus.labels.concept(sample.emotion) if sample.emotion else None
        found = labels.normalise(sample.emotion) or labels.normalise(concept)
        if sample.emotion is None:
            report.skip("unlabelled", sample.id)
        elif found is None:
            report.skip(f"{sample.emotion}: not one of {', '.join(labels)}", sample.id)
        else:
            extra = sample.extra if found == sample.emotion else {**sample.extra, "label": sample.emotion}
            kept.append(replace(sample, emotion=found, extra=extra))
    return replace(corpus, samples=kept, labels=labels), report


def _own_labels(corpus: Corpus) -> Corpus:
    """The corpus in the known label set that holds its emotions; in emolab-7 where they are other names of the seven
    ("joyful"); else in its own."""
    emotions = [emotion for emotion in corpus.counts() if emotion is not None]
    seven = corpus.labels.name not in LABEL_SETS and all(EMOLAB_7.normalise(emotion) for emotion in emotions)
    labels = EMOLAB_7 if seven else corpus.labels
    respelt = {emotion: labels.normalise(emotion) for emotion in emotions}
    changed = ", ".join(f"{old} as {new}" for old, new in sorted(respelt.items()) if old != new)
    if not changed:
        return corpus
    _report(corpus).notes.append(f"labels: {labels.name}, with {changed}; keep your own with labels=")
    samples = [
        replace(s, emotion=respelt[s.emotion], extra={**s.extra, "label": s.emotion}) if s.emotion in respelt else s
        for s in corpus
    ]
    return replace(corpus, samples=samples, labels=labels)


def _folds(corpus: Corpus, protocol: str | None, seed: int, as_published: bool) -> list[Fold]:
    """The folds of the protocol asked for, of the splits that a table states, of the usual protocol, or drawn."""
    notes = _report(corpus).notes
    if protocol is not None and protocol != DRAWN:
        return get_protocol(protocol).folds(corpus)
    if protocol is None:
        if not as_published and (stated := _stated(corpus, notes)) is not None:
            return [stated]
        for usual in protocols_of(corpus.name)[:1]:
            try:
                found = get_protocol(usual).folds(corpus)
            except CorpusError as error:
                notes.append(f"the usual protocol {usual} cannot be used ({error}); parts are drawn instead")
            else:
                notes.append(f"protocol {usual}: {get_protocol(usual).source}")
                return found
    parts, note = draw(corpus, seed)
    notes.append(note)
    return [Fold.of(DRAWN, corpus, parts, note, DRAWN)]


def _stated(corpus: Corpus, notes: list[str]) -> Fold | None:
    """The division that the samples' own `split` gives, if it can be trained or measured on; else None, and why."""
    found = {SPLITS.get(str(s.split).lower(), str(s.split).lower()) for s in corpus if s.split}
    if not found & {"train", "val", "test"}:
        return None
    if "test" in found or "val" in found:
        as_test = "test" if "test" in found else "val"
        if as_test == "val":
            notes.append("no split 'test' is stated: 'val' is measured on, and nothing is left for validation")
        parts = [_part(s.split, as_test) for s in corpus]
        return Fold.of("stated", corpus, parts, "as the table states")
    notes.append("only a split 'train' is stated; parts are drawn from it")
    return None


def _part(split: str | None, as_test: str) -> str | None:
    name = SPLITS.get(str(split).lower(), str(split).lower()) if split else None
    return "test" if name == as_test else name


def choose_fold(folds: list[Fold], fold: str | int | None) -> Fold:
    """One of the folds, by its name in any case or its number from 1; the first where none is asked for.

    Raises CorpusError that lists the names.
    """
    if fold is None:
        return folds[0]
    names = [found.name for found in folds]
    for found in folds:
        if str(fold).lower() == found.name.lower():
            return found
    number = int(fold) if str(fold).isdigit() else 0
    if not 1 <= number <= len(folds):
        raise CorpusError(f"fold {fold!r}: expected one of {', '.join(names)}, or a number from 1 to {len(folds)}")
    return folds[number - 1]


def _divided(corpus: Corpus, fold: Fold) -> Corpus:
    """The corpus with the splits of a fold; samples that it gives no part are counted and left out."""
    report = deepcopy(_report(corpus))
    table = fold.as_corpus()
    left_out = {s.id for s in corpus} - {s.id for s in table}
    for sample in corpus:
        if sample.id in left_out:
            report.skip(f"in no part of {fold.name}", sample.id)
    if fold.shared_speakers and "by clip" not in fold.note:
        some = ", ".join(fold.shared_speakers[:3])
        report.notes.append(f"{len(fold.shared_speakers)} speakers occur in test and in training ({some} …)")
    report.found = len(table)
    return replace(table, report=report, protocol=fold.protocol, fold=fold.name)


def load_published(
    name: str, root: str | Path, labels: str | None = None, check: Check = "header", keep_calm: bool = False
) -> tuple[Corpus, LoadReport]:
    """Load a corpus by name from the folder (or file) that holds it as published.

    Labels stay as published, or are mapped to the taxonomy `labels` (`relabel`), by their meaning for a corpus that is
    not one of `CORPORA`; the report counts what is left out. `check` says how hard each media file is looked at:
    "exists", "header" (default) or "decode". Raises CorpusError for an unknown name or a folder that does not have the
    layout.
    """
    corpus, report = _loader(name if name in LOADERS else info(name).name)(Path(root), check)
    if labels is None:
        return corpus, report
    if name in CORPORA:
        mapped, dropped = relabel(corpus, info(name).labels, labels, keep_calm)
    else:
        mapped, dropped = _by_meaning(corpus, label_set(labels))
    report.add(dropped)
    report.found = len(mapped)
    return mapped, report


def relabel(corpus: Corpus, source: str, target: str, keep_calm: bool = False) -> tuple[Corpus, LoadReport]:
    """The corpus with its labels mapped from one taxonomy to another; `extra["label"]` keeps the published one.

    A sample whose label has no place in the target is reported, by label, and left out. Raises CorpusError for
    a label that is not of the source, naming the sample.
    """
    mapping = label_map(source, target, keep_calm)
    report, kept = LoadReport(corpus.name), []
    for i, sample in enumerate(corpus, 1):
        if sample.emotion is None:
            report.skip("unlabelled", sample.id)
            continue
        try:
            emotion = mapping(sample.emotion)
        except EmolabError as error:
            raise CorpusError(f"{corpus.name}, row {i} ({sample.id}): {error}") from error
        if emotion is None:
            report.skip(f"{sample.emotion}: {mapping.dropped[sample.emotion]}", sample.id)
        else:
            kept.append(replace(sample, emotion=emotion, extra={**sample.extra, "label": sample.emotion}))
    report.found = len(kept)
    renamed = Counter((s.extra["label"], s.emotion) for s in kept if s.extra["label"] != s.emotion)
    report.notes += [f"{count} of {old!r} count as {new!r}" for (old, new), count in sorted(renamed.items())]
    return replace(corpus, samples=kept, labels=mapping.target), report
