"""When the words of an embedded corpus are said: known to the hundredth of a second, because they were made."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from emolab_synth.corpus import INFO
from emolab_synth.plan import Spec, plan
from emolab_synth.realise import spoken_words

from emolab.errors import CorpusError

WordTimes = list[tuple[str, float, float]]


@lru_cache(maxsize=2)
def _specs(size: str, seed: int) -> dict[str, Spec]:
    return {spec.id: spec for spec in plan(size, seed)}


def word_times(root: str | Path, sample_id: str) -> WordTimes:
    """(word, start, end) in seconds of every word of a sample of the embedded corpus in the folder `root`.

    Raises CorpusError where the folder holds no such corpus, or the corpus no such sample.
    """
    path = Path(root) / INFO
    if not path.is_file():
        raise CorpusError(f"{path}: no such file; only a corpus of `emolab corpus make synthetic` knows its word times")
    info = json.loads(path.read_text(encoding="utf-8"))
    spec = _specs(info["size"], info["seed"]).get(sample_id)
    if spec is None:
        raise CorpusError(f"{root}: no sample {sample_id!r} in a corpus of size {info['size']}")
    return spoken_words(spec)
