"""The embedded corpus that the notebooks share, made on first use and kept in the build folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from emolab.course.paths import build_folder

if TYPE_CHECKING:
    from emolab.samples import Corpus

SEED = 0


def corpus_folder(size: str, seed: int = SEED) -> Path:
    """Where the corpus of this size and seed is kept."""
    return build_folder() / "corpora" / f"synthetic-{size}-{seed}"


def embedded_corpus(size: str = "course", seed: int = SEED) -> Corpus:
    """The synthetic corpus, made now if it is not there yet (with a progress bar) and read back otherwise."""
    from emolab.synth.corpus import make

    return make(corpus_folder(size, seed), size=size, seed=seed, workers=os.cpu_count() or 1)
