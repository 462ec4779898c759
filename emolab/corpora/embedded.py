"""The embedded corpus, which the package `emolab_synth` makes: where it is found, and the part that only a voice tells.

`emolab_synth` registers as the corpus `embedded`; any other package that registers so takes its place.
"""

from __future__ import annotations

from collections import Counter

from emolab.emotions import EMOTIONS
from emolab.samples import Corpus

NAME = "synthetic"
"""What the corpus is called in a spec ("synthetic:smoke"), in tables and in results."""
MAKER = "embedded"
"""What its maker is registered as: `load(Path(SIZE), check)`."""


def audio_core(corpus: Corpus, split: str | None = None, domain: str | None = "a") -> Corpus:
    """Samples of seven emotions that only the voice tells apart: neutral words, a neutral face.

    Condition A, and of the neutral samples of each split and domain as many as of one feeling. None means any.
    """
    found = [
        s
        for s in corpus
        if s.extra["condition"] in ("A", "neutral") and split in (None, s.split) and domain in (None, s.extra["domain"])
    ]
    feelings = len(EMOTIONS) - 1  # without neutral
    room = Counter((s.split, s.extra["domain"]) for s in found if s.emotion != "neutral")
    keep = []
    for sample in found:
        cell = (sample.split, sample.extra["domain"])
        if sample.emotion == "neutral":
            room[cell] -= feelings
            if room[cell] < 0:
                continue
        keep.append(sample)
    return corpus.replace(keep)
