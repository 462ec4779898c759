"""Checks a table against its files, and counts what a corpus holds."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from emolab.errors import MediaError
from emolab.media.check import check_audio
from emolab.media.frames import IMAGES
from emolab.media.probe import probe
from emolab.media.usable import Check, look
from emolab.samples import MODALITIES, Corpus, LoadReport


def verify(corpus: Corpus, check: Check = "header") -> LoadReport:
    """Look at every media file of a table once, as hard as `check` says; report the faults by reason.

    With `check="decode"`, silent and clipped recordings are noted too. Shows a progress bar after two seconds.
    """
    paths = list(dict.fromkeys(corpus.path(s, m) for s in corpus for m in ("audio", "video") if getattr(s, m)))
    report = LoadReport(corpus.name)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for seen in tqdm(pool.map(lambda path: look(path, check), paths), total=len(paths), desc="files", delay=2):
            if seen.reason:
                report.skip(seen.reason, seen.message)
            else:
                report.found += 1
        if check == "decode":
            report.notes += [note for notes in pool.map(_warnings, paths) for note in notes]
    return report


def _warnings(path: Path) -> list[str]:
    if path.is_dir() or path.suffix.lower() in IMAGES:
        return []
    found = check_audio(path)
    return [f"{path}: {warning}" for warning in found.warnings if found.silent or found.clipped]


def corpus_counts(corpus: Corpus) -> dict[str, Any]:
    """Counts of a corpus, JSON-ready: emotions, splits, speakers, languages, modalities, range of VAD."""
    return {
        "corpus": corpus.name,
        "root": str(corpus.root),
        "n": len(corpus),
        "emotions": _plain(corpus.counts("emotion")),
        "splits": _plain(corpus.counts("split")),
        "speakers": _plain(corpus.counts("speaker")),
        "n_speakers": len({s.speaker for s in corpus if s.speaker is not None}),
        "languages": _plain(corpus.counts("language")),
        "modalities": {m: sum(getattr(s, m) is not None for s in corpus) for m in MODALITIES},
        "captions": sum(s.caption is not None for s in corpus),
        "vad": {
            name: _range([v for s in corpus if (v := getattr(s, name)) is not None])
            for name in ("valence", "arousal", "dominance")
        },
    }


def durations_of(corpus: Corpus) -> list[float | None]:
    """Seconds of each sample's recording, from headers; None where a sample has none or its header does not say."""
    seconds: list[float | None] = []
    for sample in tqdm(corpus.samples, desc="durations", delay=2):
        try:
            seconds.append(probe(corpus.path(sample)).seconds if sample.audio else None)
        except MediaError:
            seconds.append(None)  # `verify` reports it; a plot of the rest is still wanted
    return seconds


def _plain(counts: Counter[Any]) -> dict[str, int]:
    ordered = sorted(counts.items(), key=lambda item: (item[0] is None, item[0]))
    return {"-" if key is None else str(key): n for key, n in ordered}


def _range(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"n": len(values), "min": min(values), "mean": sum(values) / len(values), "max": max(values)}
