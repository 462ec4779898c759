"""CIDEr and CIDEr-D (Vedantam et al. 2015): n-gram agreement, weighted by how telling an n-gram is among the
references."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from emolab.metrics.captions import Reference, mean_defined, ngrams, references, tokens

Gram = tuple[str, ...]
_ORDERS = (1, 2, 3, 4)
_SIGMA = 6.0


@dataclass(frozen=True)
class DocumentFrequency:
    """In how many of `size` reference sets each n-gram occurs. With none (`size` 0), every n-gram weighs the same."""

    counts: dict[Gram, int]
    size: int = 0

    @classmethod
    def fit(cls, gold: Sequence[Reference]) -> Self:
        """Count over one reference set a sample."""
        counts: Counter[Gram] = Counter()
        for refs in gold:
            counts.update({gram for r in references(refs) for n in _ORDERS for gram in ngrams(tokens(r), n)})
        return cls(dict(counts), len(gold))

    def weight(self, gram: Gram) -> float:
        """log(size / document frequency); 1 where nothing was counted."""
        return math.log(self.size) - math.log(max(1, self.counts.get(gram, 0))) if self.size else 1.0


def cider(gold: Sequence[Reference], pred: Sequence[str], variant: str = "d") -> float:
    """Mean CIDEr-D (`variant` "d") or CIDEr ("plain") over samples, on the usual scale of 0 to 10.

    N-grams are weighed by the samples that are scored. Samples for which it is undefined are left out (`cider_sample`);
    NaN where none is left, so for a single sample.
    """
    frequency = DocumentFrequency.fit(gold)
    scores = [cider_sample(references(g), p, frequency, variant) for g, p in zip(gold, pred, strict=True)]
    return mean_defined(scores)


def cider_sample(refs: Sequence[str], text: str, frequency: DocumentFrequency, variant: str = "d") -> float:
    """CIDEr(-D) of one caption, 0 to 10. CIDEr-D clips counts and discounts a difference in length (σ = 6).

    NaN where no n-gram of the references weighs anything, because every sample has it: no caption could score there.
    """
    if variant not in ("d", "plain"):
        raise ValueError(f"CIDEr variant {variant!r}: expected 'd' or 'plain'")
    words = tokens(text)
    if not any(frequency.weight(gram) for r in refs for n in _ORDERS for gram in ngrams(tokens(r), n)):
        return float("nan")
    total = 0.0
    for reference in refs:
        wanted = tokens(reference)
        discount = math.exp(-((len(words) - len(wanted)) ** 2) / (2 * _SIGMA**2)) if variant == "d" else 1.0
        cosines = [_similarity(words, wanted, n, frequency, clip=variant == "d") for n in _ORDERS]
        total += discount * sum(cosines) / len(_ORDERS)
    return 10.0 * total / len(refs)


def _similarity(words: list[str], wanted: list[str], n: int, frequency: DocumentFrequency, clip: bool) -> float:
    """Cosine of the TF-IDF vectors of n-grams; with `clip` the candidate's counts are bounded by the reference's."""
    mine = {g: c * frequency.weight(g) for g, c in Counter(ngrams(words, n)).items()}
    theirs = {g: c * frequency.weight(g) for g, c in Counter(ngrams(wanted, n)).items()}
    norm = math.sqrt(sum(v * v for v in mine.values())) * math.sqrt(sum(v * v for v in theirs.values()))
    if not norm:
        return 0.0
    return sum((min(v, theirs[g]) if clip else v) * theirs[g] for g, v in mine.items() if g in theirs) / norm
