"""Run a model that answers in words of its own over a corpus, and score them as open-vocabulary recognition does.

Three questions of the same answers, as MER-UniBench asks them of different data sets (AffectGPT): do the words lie
where the gold words lie on the emotion wheels (F), does one of them name the basic emotion (hit rate), and is their
sentiment right (weighted F1)?
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean as mean
from typing import TYPE_CHECKING, Any, Unpack

from emolab.emotions import concept
from emolab.errors import EvaluationError
from emolab.evaluate.asking import WRITTEN, AskOptions, ask, noted, pool_rows
from emolab.evaluate.results import talkers
from emolab.metrics import bootstrap_ci, sentiment_f1, sentiment_of
from emolab.parsing import parse, parse_words
from emolab.prompts import Prompt
from emolab.samples import Corpus, EmotionSample
from emolab.wheels import WheelSet, embedded, hit_rate, load_wheels
from emolab.wheels.score import counted, mean_scores, score_table

if TYPE_CHECKING:
    from emolab.lalm.base import LALM

METRICS = ("wheel_f", "wheel_precision", "wheel_recall", "hit_rate", "sentiment_f1", "n_words", "n_clusters")
"""What `summarise_words` reports beside "wheel_f_ci", "gold_words", "n", "parse_rate", "seed" and "seconds"."""


def evaluate_words(
    lalm: LALM,
    corpus: Corpus,
    prompt: Prompt | str = "words",
    *,
    n_boot: int = 1000,
    wheels: str = "embedded",
    **options: Unpack[AskOptions],
) -> dict[str, Any]:
    """Evaluate the words that a model answers with on every sample with usable media and a gold to compare them with:
    words that a wheel knows, a label, or a valence.

    `wheels` is "embedded" or a folder of the official files. Returns `summarise_words` of the answers, the raw `rows`,
    and `info` (what ran, what was skipped). Raises EvaluationError for an unknown control or where nothing can be
    scored.
    """
    known = load_wheels(wheels)

    def fault(sample: EmotionSample) -> tuple[str, str] | None:
        if any(known.clusters(sample.words)) or sample.emotion is not None or sample.valence is not None:
            return None
        return "no words on a wheel, no label, no valence", f"{sample.id}: {', '.join(sample.words)}"

    options.setdefault("max_new_tokens", WRITTEN)
    asked = ask(lalm, corpus, prompt, fault, **options)
    rows = pool_rows([answer_row(sample, text) for sample, text in zip(asked.samples, asked.texts, strict=True)])
    result = summarise_words(rows, known, options.get("seed", 0), asked.info["seconds"], n_boot)
    return result | {"rows": rows, "info": asked.info | {"wheels": wheels}}


def answer_row(sample: EmotionSample, text: str) -> dict[str, Any]:
    """The row of a result: gold and predicted words, the sample's label and sentiment, and the raw text."""
    return noted(sample) | {
        "gold": [word.lower().strip() for word in sample.words],
        "predicted": list(parse_words(text)),
        "emotion": concept(sample.emotion or "") or sample.emotion,
        "sentiment": gold_sentiment(sample),
        "text": text,
        "format_ok": parse(text).format_ok,
    }


def gold_sentiment(sample: EmotionSample) -> float | None:
    """What counts as a sample's sentiment, -1 to 1: that of its gold words through our lexicon, else its valence.

    Words come first because the embedded corpus's ratings are never exactly zero: MER-UniBench leaves samples of zero
    sentiment out, and here those are the ones whose words have no valence (neutral and surprised ones).
    """
    return sentiment_of(sample.words) if sample.words else sample.valence


def summarise_words(
    rows: Sequence[Mapping[str, Any]],
    wheels: WheelSet | None = None,
    seed: int = 0,
    seconds: float = 0.0,
    n_boot: int = 1000,
) -> dict[str, Any]:
    """The scores of rows as `answer_row` makes them.

    - wheel_f, wheel_precision, wheel_recall: level 1, the mean over wheels; `wheel_f_ci` is a 95% bootstrap interval
      that draws whole talkers where they are known;
    - hit_rate: share of samples with a label whose label is among the predicted clusters. It is a recall: naming
      everything scores 1;
    - sentiment_f1: weighted F1 of negative against positive, gold of zero left out; an answer without valence is wrong;
    - n_words and n_clusters: words named, and clusters that they make on a wheel, per answer; gold_words beside them;
    - parse_rate: share of answers with at least one word that a wheel knows.

    The first five are None where no sample counts. Raises EvaluationError without rows.
    """
    if not rows:
        raise EvaluationError("there is nothing to score: no sample has both usable media and a gold to compare with")
    wheels = wheels or embedded()
    named = [wheels.clusters(row["predicted"]) for row in rows]
    labelled = [row for row in rows if row["emotion"] is not None]
    felt = [row for row in rows if row["sentiment"] is not None]
    hits = hit_rate([r["emotion"] for r in labelled], [r["predicted"] for r in labelled], wheels)
    signs = sentiment_f1([r["sentiment"] for r in felt], [sentiment_of(r["predicted"]) for r in felt])
    return _wheel_scores(rows, wheels, seed, n_boot) | {
        "hit_rate": None if math.isnan(hits) else hits,
        "sentiment_f1": None if math.isnan(signs) else signs,
        "n_words": mean(len(row["predicted"]) for row in rows),
        "n_clusters": mean(len(found) for clusters in named for found in clusters),
        "gold_words": mean(len(row["gold"]) for row in rows),
        "n": len(rows),
        "parse_rate": mean(any(clusters) for clusters in named),
        "seed": seed,
        "seconds": round(seconds, 3),
    }


def _wheel_scores(rows: Sequence[Mapping[str, Any]], wheels: WheelSet, seed: int, n_boot: int) -> dict[str, Any]:
    table = score_table([row["gold"] for row in rows], [row["predicted"] for row in rows], wheels)
    names = ("wheel_precision", "wheel_recall", "wheel_f")
    if not counted(table).any():
        return dict.fromkeys((*names, "wheel_f_ci"))

    def wheel_f(drawn: list[int], _: list[int]) -> float:
        return float(mean_scores(table[drawn])[:, 2].mean())

    order = list(range(len(rows)))
    interval = bootstrap_ci(wheel_f, order, order, groups=talkers(rows), n=n_boot, seed=seed)
    scores = dict(zip(names, mean_scores(table).mean(0).tolist(), strict=True))
    return {"wheel_f": scores.pop("wheel_f"), "wheel_f_ci": list(interval)} | scores
