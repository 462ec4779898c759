"""Tables of scores: captioning as MECap-R1 reports it, and the sentiment of words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from emolab.metrics.captions import (
    CHINESE,
    Reference,
    bleu,
    distinct,
    emotion_f1,
    references,
    rouge_l,
    vocabulary_size,
)
from emolab.metrics.cider import DocumentFrequency, cider, cider_sample
from emolab.metrics.classification import weighted_f1
from emolab.wheels.scan import emotion_words
from emolab.wheels.shipped import valence_of


def caption_table(gold: Sequence[Reference], pred: Sequence[str]) -> dict[str, float]:
    """Every caption score: bleu_1, bleu_4, rouge_l, cider, emotion_f1, distinct_1, distinct_2, vocabulary,
    n."""
    return {
        "bleu_1": bleu(gold, pred, 1),
        "bleu_4": bleu(gold, pred, 4),
        "rouge_l": rouge_l(gold, pred),
        "cider": cider(gold, pred),
        "emotion_f1": emotion_f1(gold, pred),
        "distinct_1": distinct(pred, 1),
        "distinct_2": distinct(pred, 2),
        "vocabulary": vocabulary_size(pred),
        "n": len(pred),
    }


def caption_notes(gold: Sequence[Reference], pred: Sequence[str]) -> list[str]:
    """What a reader of the scores must know: how a language was tokenised, and which scores are undefined and why."""
    texts = [text for refs, p in zip(gold, pred, strict=True) for text in (*references(refs), p)]
    notes = []
    if chinese := sum(bool(CHINESE.search(text)) for text in texts):
        notes.append(
            f"{chinese} of {len(texts)} texts hold Chinese: there BLEU uses sacrebleu's tokenizer zh, and the other "
            "scores count characters, so they do not compare with those of English captions"
        )
    weights = DocumentFrequency.fit(gold)
    undefined = sum(math.isnan(cider_sample(references(g), p, weights)) for g, p in zip(gold, pred, strict=True))
    if undefined:
        notes.append(
            f"CIDEr is undefined for {undefined} of {len(gold)} samples and left out there: it weighs an n-gram by how "
            "few samples have it in their references, and here all have every one"
        )
    if gold and not any(emotion_words(reference) for refs in gold for reference in references(refs)):
        notes.append("Emo-F1 says nothing: our lexicon (English and Chinese) finds no emotion word in any reference")
    return notes


def sentiment_f1(gold: Sequence[float], pred: Sequence[float | None]) -> float:
    """Weighted F1 of negative against positive, samples whose gold is exactly zero left out (MOSI's convention).

    A prediction of zero or None is wrong. NaN where every gold is zero.
    """
    kept = [(_sign(g), _sign(p)) for g, p in zip(gold, pred, strict=True) if g != 0]
    return weighted_f1([g for g, _ in kept if g is not None], [p for _, p in kept])


def _sign(value: float | None) -> str | None:
    return None if value is None or value == 0 else "positive" if value > 0 else "negative"


def sentiment_of(words: Iterable[str]) -> float:
    """Sentiment of emotion words, -1 to 1: the mean valence of those our lexicon knows, 0 where it knows none."""
    known = [valence for word in words if (valence := valence_of(word.lower().strip())) is not None]
    return sum(known) / len(known) if known else 0.0
