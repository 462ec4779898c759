"""Evaluation of captions: a model describes every sample, and its words are compared with the reference caption.

Two questions that one score would mix: does the caption read like the reference (BLEU, ROUGE-L, CIDEr), and
does it name the feeling that the reference names (Emo-F1, and the hit rate of the gold label)? A caption in the right
words with the wrong feeling scores high on the first and zero on the second.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from statistics import fmean as mean
from typing import TYPE_CHECKING, Any, Unpack

from emolab.emotions import concept
from emolab.errors import EvaluationError
from emolab.evaluate.asking import WRITTEN, AskOptions, ask, noted, pool_rows
from emolab.evaluate.results import talkers
from emolab.metrics import bootstrap_ci, caption_notes, caption_table, hit_rate, rouge_l
from emolab.metrics import captions as counting
from emolab.parsing import answer_text, parse
from emolab.prompts import Prompt
from emolab.samples import Corpus, EmotionSample
from emolab.wheels.scan import emotion_words

if TYPE_CHECKING:
    from emolab.lalm.base import LALM

AGREEMENT = ("emotion_f1", "bleu_1", "bleu_4", "rouge_l", "cider")
CAPTION_KEYS = (*AGREEMENT, "distinct_1", "distinct_2", "vocabulary", "hit_rate", "length")
"""Scores of a caption evaluation. In [0, 1], but CIDEr (0 to 10), `vocabulary` (words) and `length` (mean words)."""

Counted = dict[str, tuple[list[Any], Callable[[list[Any]], float]]]


def evaluate_captions(
    lalm: LALM,
    corpus: Corpus,
    prompt: Prompt | str = "caption",
    *,
    n_boot: int = 1000,
    **options: Unpack[AskOptions],
) -> dict[str, Any]:
    """Let a model describe every sample that has a reference caption, and score what it says.

    Returns what `summarise_captions` does, the raw outputs `rows` and `info`, whose `notes` say how a language was
    tokenised and what is undefined. Raises EvaluationError for an unknown control or where no sample has a caption.
    """
    options.setdefault("max_new_tokens", WRITTEN)
    asked = ask(lalm, corpus, prompt, _without_caption, **options)
    rows = pool_rows([_row(sample, text) for sample, text in zip(asked.samples, asked.texts, strict=True)])
    scores = summarise_captions(rows, options.get("seed", 0), asked.info["seconds"], n_boot)
    notes = caption_notes([r["reference"] for r in rows], [r["predicted"] or "" for r in rows])
    return scores | {"rows": rows, "info": asked.info | {"notes": notes}}


def _without_caption(sample: EmotionSample) -> tuple[str, str] | None:
    return None if sample.caption and sample.caption.strip() else ("no reference caption", sample.id)


def _row(sample: EmotionSample, text: str) -> dict[str, Any]:
    said = {"text": text, "predicted": answer_text(text), "format_ok": parse(text).format_ok}
    return noted(sample) | {"gold": concept(sample.emotion or ""), "reference": sample.caption} | said


def summarise_captions(
    rows: Sequence[Mapping[str, Any]], seed: int = 0, seconds: float = 0.0, n_boot: int = 1000
) -> dict[str, Any]:
    """CAPTION_KEYS, `n`, `parse_rate`, `seed`, `seconds`, and 95% intervals `<score>_ci`.

    Rows have `reference` (a caption or several), `predicted` (the caption, None where none could be read), `gold` (the
    label or None) and `speaker`. The bootstrap draws whole speakers where three or more are known. Distinct-n and the
    vocabulary get no interval: they depend on how many different texts there are, and a resample repeats some.
    `hit_rate` is None without labels. Raises EvaluationError without rows.
    """
    if not rows:
        raise EvaluationError("there is nothing to score: no sample has both usable media and a reference caption")
    gold, predicted = [r["reference"] for r in rows], [r["predicted"] or "" for r in rows]
    groups = talkers(rows)
    table = caption_table(gold, predicted)
    scores: dict[str, Any] = {name: table.get(name) for name in CAPTION_KEYS}
    for name, (values, combine) in _counted(gold, predicted, [r.get("gold") for r in rows]).items():
        scores[name] = combine(values)
        scores[f"{name}_ci"] = _interval(values, combine, groups, n_boot, seed)
    parsed = sum(r["predicted"] is not None for r in rows) / len(rows)
    return scores | {"n": len(rows), "parse_rate": parsed, "seed": seed, "seconds": round(seconds, 3)}


def _interval(
    values: list[Any], combine: Callable[[list[Any]], float], groups: list[Hashable] | None, n: int, seed: int
) -> list[float]:
    return list(bootstrap_ci(lambda drawn, _: combine(drawn), values, values, groups=groups, n=n, seed=seed))


def _counted(gold: Sequence[counting.Reference], predicted: Sequence[str], labels: Sequence[str | None]) -> Counted:
    """What each sample adds to a score, and how the sums become the score, so that a resample counts nothing anew."""
    pairs = list(zip(gold, predicted, strict=True))
    known = counting.DocumentFrequency.fit(gold)
    counted: Counted = {
        "emotion_f1": ([counting.emotion_counts(g, p) for g, p in pairs], counting.f1_of),
        "bleu_1": ([counting.bleu_counts(g, p, 1) for g, p in pairs], counting.bleu_of),
        "bleu_4": ([counting.bleu_counts(g, p, 4) for g, p in pairs], counting.bleu_of),
        "rouge_l": ([rouge_l([g], [p]) for g, p in pairs], mean),
        "cider": ([counting.cider_sample(counting.references(g), p, known) for g, p in pairs], counting.mean_defined),
        "length": ([len(counting.tokens(p)) for p in predicted], mean),
    }
    if None not in labels:
        named = zip(labels, predicted, strict=True)
        counted["hit_rate"] = ([hit_rate([str(label)], [emotion_words(p)]) for label, p in named], mean)
    return counted
