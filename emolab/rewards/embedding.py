"""Text embeddings for caption rewards: one that is built in and needs no download, or any sentence-transformers
model.

The built-in embedder joins two blocks. The first is what a text says about emotion: for each emotion word of our
lexicon, its family, its clusters on the five wheels, and its valence. The second is how the text reads: hashed
character trigrams, all non-negative, which gives every pair of texts a common direction, as real sentence embedders
have (they are anisotropic).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab.caches import text_cache
from emolab.errors import RewardError
from emolab.wheels.scan import emotion_words
from emolab.wheels.shipped import embedded, families, forms

Vector = NDArray[np.float64]
BUILT_IN = "built-in"

_TRIGRAM_BUCKETS = 192
_TRIGRAM_WEIGHT = 1.5
_READ = 4000


def embed(text: str, model: str = BUILT_IN) -> Vector:
    """Unit vector of a text: (D,). `model` is "built-in" or the name or folder of a sentence-transformers model.

    Raises RewardError where sentence-transformers is needed and not installed (`pip install "emolab[embeddings]"`).
    """
    return _built_in(text) if model == BUILT_IN else _transformer(model)(text)


@text_cache(4096)
def _built_in(text: str) -> Vector:
    words = emotion_words(text)
    emotion = np.sum([_word_vector(word) for word in words], axis=0) if words else np.zeros(len(_features()))
    joined = np.concatenate([_unit(emotion), _TRIGRAM_WEIGHT * _unit(_trigrams(text))])
    return _unit(joined)


def _unit(vector: Vector) -> Vector:
    norm = float(np.sqrt(vector @ vector))
    return vector / norm if norm else vector


def _trigrams(text: str) -> Vector:
    padded = f" {text[:_READ].lower()} ".encode("utf-8", "surrogatepass")
    buckets = [zlib.crc32(padded[i : i + 3]) % _TRIGRAM_BUCKETS for i in range(len(padded) - 2)]
    return np.sqrt(np.bincount(buckets, minlength=_TRIGRAM_BUCKETS).astype(np.float64))


@lru_cache(maxsize=1)
def _features() -> dict[str, int]:
    """Position of each feature of the emotion block: families, level-1 and level-2 clusters, valence."""
    names = [f"family/{name}" for name in families()]
    wheels = embedded()
    for level in ("level1", "level2"):
        for wheel, table in zip(wheels.wheels, wheels.maps[level], strict=True):
            names += [f"{wheel}/{level}/{cluster}" for cluster in sorted(set(table.values()))]
    return {name: i for i, name in enumerate([*names, "valence"])}


@lru_cache(maxsize=2048)
def _word_vector(form: str) -> Vector:
    places, word = _features(), forms()[form]
    vector = np.zeros(len(places))
    vector[places[f"family/{word.family}"]] = 1.0
    vector[places["valence"]] = word.valence
    wheels = embedded()
    for level in ("level1", "level2"):
        for wheel, found in zip(wheels.wheels, wheels.clusters((form,), level), strict=True):
            for cluster in found:
                vector[places[f"{wheel}/{level}/{cluster}"]] = 0.5
    return vector


@lru_cache(maxsize=2)
def _transformer(name: str) -> Callable[[str], Vector]:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise RewardError(
            f"embedding model {name!r} needs sentence-transformers: pip install 'emolab[embeddings]', "
            f"or use the embedder {BUILT_IN!r}"
        ) from error
    model: Any = SentenceTransformer(name)

    @text_cache(4096)
    def encode(text: str) -> Vector:
        return np.asarray(model.encode(text, normalize_embeddings=True, show_progress_bar=False), dtype=np.float64)

    return encode
