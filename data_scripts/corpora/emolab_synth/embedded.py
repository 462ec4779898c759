"""The embedded corpus as commands and notebooks share it: made on first use and kept in the build folder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from emolab.paths import build_folder
from emolab.samples import Corpus, LoadReport
from emolab_synth.corpus import INFO, TABLE, VERSION, make

SEED = 0


def corpus_folder(size: str, seed: int = SEED) -> Path:
    """Where the corpus of this size and seed is kept."""
    return build_folder() / "corpora" / f"synthetic-{size}-{seed}"


def embedded_corpus(size: str = "course", seed: int = SEED) -> Corpus:
    """The synthetic corpus: read where it is complete, else made (or its making continued) with a progress bar.

    A corpus of an older version is made again; where only its table is older, the media stay. A complete corpus in
    the folder that EMOLAB_SHARED names, which a class may share, is read from there and never changed.
    """
    folder = corpus_folder(size, seed)
    shared = Path(os.environ.get("EMOLAB_SHARED") or folder.parents[1]) / "corpora" / folder.name
    for place in dict.fromkeys((shared, folder)):
        info = json.loads((place / INFO).read_text(encoding="utf-8")) if (place / INFO).is_file() else {}
        if info.get("complete") and info.get("table") == TABLE and info.get("version") == VERSION:
            return Corpus.read(place)
    if info and info.get("version") != VERSION:
        shutil.rmtree(folder)  # of an older emolab, and made to be made again
    return make(folder, size=size, seed=seed)


def load(size: Path, check: str = "header") -> tuple[Corpus, LoadReport]:
    """What `load_corpus("synthetic:SIZE")` reads: registered with `emolab` as the corpus `embedded`."""
    corpus = embedded_corpus(str(size))
    return corpus, LoadReport(corpus.name, found=len(corpus))
