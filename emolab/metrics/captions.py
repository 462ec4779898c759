"""Scores of captions against reference captions, each in [0, 1] unless it says otherwise.

References are one string a sample, or several. BLEU equals sacrebleu, ROUGE-L and CIDEr equal pycocoevalcap, on 200
committed pairs in English and Chinese. METEOR and SPICE are left out on purpose: their published scorers need Java and
WordNet, paraphrase tables or a scene-graph parser, and a number without these would only share their name.

Tokens are lower-case words; a Chinese or Japanese character is a token of its own, because nothing separates words
there (a choice that needs no segmenter, and the one of sacrebleu). BLEU is tokenised by sacrebleu: with "zh" where a
reference or the caption holds Chinese, else with its default "13a". So scores of two languages are not comparable.
`emolab.metrics.caption_notes` says what was done, and what is undefined.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from emolab.wheels.scan import emotion_words
from emolab.wheels.shipped import forms

Reference = str | Sequence[str]
Gram = tuple[str, ...]
_ORDERS = (1, 2, 3, 4)
_SIGMA = 6.0
_CHARACTER = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_TOKEN = re.compile(rf"[{_CHARACTER}]|[^\W{_CHARACTER}]+(?:'[^\W{_CHARACTER}]+)?")


def tokens(text: str) -> list[str]:
    """Lower-case words of a text, and its Chinese and Japanese characters one by one.

    >>> tokens("It isn't sad."), tokens("声音 low")
    (['it', "isn't", 'sad'], ['声', '音', 'low'])
    """
    return _TOKEN.findall(text.lower().replace("’", "'"))


def bleu_tokenizer(*texts: str) -> str:
    """The tokenizer of sacrebleu that fits texts which are compared: "zh" where one holds Chinese, else "13a"."""
    return "zh" if any(map(CHINESE.search, texts)) else "13a"


def references(gold: Reference) -> list[str]:
    """One or several references as a list."""
    return [gold] if isinstance(gold, str) else list(gold)


def bleu(gold: Sequence[Reference], pred: Sequence[str], order: int = 4) -> float:
    """Corpus BLEU of n-grams up to `order` (sacrebleu, lower case, no smoothing), divided by 100.

    Each sample is tokenised by its own language.
    """
    return bleu_of([bleu_counts(g, p, order) for g, p in zip(gold, pred, strict=True)])


def bleu_counts(gold: Reference, pred: str, order: int = 4) -> tuple[int, ...]:
    """What corpus BLEU adds up over samples: matching n-grams and all n-grams of each order, length, reference
    length."""
    from sacrebleu.metrics import BLEU

    tokenizer = bleu_tokenizer(pred, *references(gold))
    metric = BLEU(max_ngram_order=order, lowercase=True, smooth_method="none", tokenize=tokenizer)
    found = metric.corpus_score([pred], [[reference] for reference in references(gold)])
    return (*found.counts, *found.totals, found.sys_len, found.ref_len)


def bleu_of(counts: Sequence[Sequence[int]]) -> float:
    """Corpus BLEU in [0, 1] from the `bleu_counts` of its samples, so that a bootstrap counts n-grams once."""
    from sacrebleu.metrics import BLEU

    total = [sum(column) for column in zip(*counts, strict=True)]
    order = (len(total) - 2) // 2
    matching, every, length, wanted = total[:order], total[order:-2], total[-2], total[-1]
    found = BLEU.compute_bleu(matching, every, length, wanted, smooth_method="none", max_ngram_order=order)
    return found.score / 100


def rouge_l(gold: Sequence[Reference], pred: Sequence[str], beta: float = 1.2) -> float:
    """Mean F of the longest common subsequence (Lin 2004); β = 1.2 as in COCO captions, β = 1 gives plain F1.

    With several references, the best precision and the best recall make the F, as in COCO's scorer.
    """
    return _mean(_rouge_l(references(g), tokens(p), beta) for g, p in zip(gold, pred, strict=True))


def _rouge_l(refs: Sequence[str], candidate: list[str], beta: float) -> float:
    common = [(_lcs(words, candidate), len(words)) for words in map(tokens, refs)]
    precision = max((found / len(candidate) for found, _ in common if candidate), default=0.0)
    recall = max((found / size for found, size in common if size), default=0.0)
    return (1 + beta**2) * precision * recall / (recall + beta**2 * precision) if precision and recall else 0.0


def _lcs(a: Sequence[str], b: Sequence[str]) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        previous = 0
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], previous + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def _family(word: str) -> str:
    return forms()[word].family if word in forms() else ""


def distinct(pred: Sequence[str], n: int = 1) -> float:
    """Distinct-n (Li et al. 2016): different n-grams of `tokens` over all n-grams of all predictions. NaN where there
    are none."""
    grams = Counter(gram for text in pred for gram in ngrams(tokens(text), n))
    return len(grams) / grams.total() if grams else float("nan")


def vocabulary_size(pred: Sequence[str]) -> int:
    """How many different `tokens` the predictions use."""
    return len({word for text in pred for word in tokens(text)})


def emotion_f1(gold: Sequence[Reference], pred: Sequence[str]) -> float:
    """Emo-F1: micro F1 of the emotion families that captions name, found with our lexicon (the choice is ours)."""
    return f1_of([emotion_counts(g, p) for g, p in zip(gold, pred, strict=True)])


def emotion_counts(gold: Reference, pred: str) -> tuple[int, int, int]:
    """What Emo-F1 adds up over samples: emotion families that both name, that `pred` names, that `gold` names."""
    truth = {_family(word) for reference in references(gold) for word in emotion_words(reference)}
    guess = {_family(word) for word in emotion_words(pred)}
    return len(truth & guess), len(guess), len(truth)


def mean_defined(values: Iterable[float]) -> float:
    """The mean of the values that are not NaN; NaN where there is none."""
    return _mean(value for value in values if not math.isnan(value))


def f1_of(counts: Iterable[tuple[int, int, int]]) -> float:
    """Micro F1 from (hits, given, wanted) of each sample; NaN where nothing is given nor wanted."""
    hits = given = wanted = 0
    for row in counts:
        hits, given, wanted = hits + row[0], given + row[1], wanted + row[2]
    return 2 * hits / (given + wanted) if given + wanted else float("nan")


def ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """All n-grams of a token list, in order."""
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found) if found else float("nan")


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
