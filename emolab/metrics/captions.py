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

from emolab.wheels.scan import emotion_words
from emolab.wheels.shipped import forms

Reference = str | Sequence[str]
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
    return (
        BLEU.compute_bleu(
            total[:order], total[order:-2], total[-2], total[-1], smooth_method="none", max_ngram_order=order
        ).score
        / 100
    )


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
