"""Open-vocabulary evaluation: scores by hand, what spam does to them, what is left out, and a run of a random model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emolab.errors import EvaluationError
from emolab.evaluate import read_result, write_result
from emolab.evaluate.words import METRICS, answer_row, evaluate_words, gold_sentiment, summarise_words
from emolab.samples import Corpus, EmotionSample
from emolab.wheels import embedded, wheel_scores
from emolab.wheels.shipped import forms


def rows(*pairs: tuple[tuple[str, ...], str], labels: tuple[str | None, ...] = ()) -> list[dict[str, Any]]:
    """Rows of (gold words, answer) pairs, each of a talker of its own."""
    found = []
    for i, (words, text) in enumerate(pairs):
        label = labels[i] if labels else words[0]
        found.append(answer_row(EmotionSample(f"s{i}", words=words, emotion=label, speaker=f"k{i}"), text))
    return found


def answer(words: str) -> str:
    return f"<answer>{words}</answer>"


def test_scores_by_hand() -> None:
    given = rows(
        (("sad", "gloomy"), answer("sorrowful, unhappy")),
        (("happy",), answer("glad, sad")),
        (("angry",), answer("purple")),
        (("surprised",), "no idea, whatever"),
    )
    got = summarise_words(given, n_boot=50)
    assert got["wheel_precision"] == pytest.approx((1 + 0.5 + 0 + 0) / 4)
    assert got["wheel_recall"] == pytest.approx(0.5)
    p, r = 1.5 / 4, 2 / 4
    assert got["wheel_f"] == pytest.approx(2 * p * r / (p + r))
    assert got["hit_rate"] == 0.5 and got["parse_rate"] == 0.5 and got["n"] == 4
    assert got["n_words"] == pytest.approx((2 + 2 + 1 + 2) / 4) and got["gold_words"] == 1.25
    assert got["n_clusters"] == pytest.approx((1 + 2) / 4)
    low, high = got["wheel_f_ci"]
    assert 0 <= low < got["wheel_f"] < high <= 1
    assert set(METRICS) <= set(got)
    same = wheel_scores([r["gold"] for r in given], [r["predicted"] for r in given])
    assert (same.f1, same.precision) == (got["wheel_f"], got["wheel_precision"])


def test_sentiment_leaves_out_what_has_none_and_counts_no_valence_as_wrong() -> None:
    given = rows(
        (("sad",), answer("angry")),
        (("happy",), answer("joyful")),
        (("neutral",), answer("happy")),
        (("surprised",), answer("sad")),
        (("happy",), answer("surprised")),
    )
    assert [row["sentiment"] for row in given] == [-1.0, 1.0, 0.0, 0.0, 1.0]
    # negative: right once; positive: one of two recalled, precision 1, F1 2/3; weights 1/3 and 2/3
    assert summarise_words(given, n_boot=5)["sentiment_f1"] == pytest.approx(1 / 3 + 2 / 3 * 2 / 3)
    assert gold_sentiment(EmotionSample("x", valence=-0.4)) == -0.4
    assert gold_sentiment(EmotionSample("x", valence=-0.4, words=("happy",))) == 1.0


def test_naming_everything_hits_always_and_costs_precision() -> None:
    gold = (("sad",), ("happy",), ("angry", "furious"))
    spam = summarise_words(rows(*((words, answer(", ".join(forms()))) for words in gold)), n_boot=5)
    right = summarise_words(rows(*((words, answer(words[0])) for words in gold)), n_boot=5)
    assert spam["hit_rate"] == 1.0 == right["hit_rate"] == spam["wheel_recall"]
    assert right["wheel_f"] == 1.0 and spam["wheel_f"] < 0.35
    assert right["n_clusters"] == 1.0 and spam["n_clusters"] == sum(map(len, embedded().clusters(forms()))) / 5


def test_a_metric_without_samples_is_none() -> None:
    only_label = rows(((), answer("sad")), labels=("sad",))
    got = summarise_words(only_label, n_boot=5)
    assert got["hit_rate"] == 1.0 and got["wheel_f"] is None is got["wheel_f_ci"] and got["sentiment_f1"] is None
    only_words = summarise_words(rows((("sad",), answer("sad")), labels=(None,)), n_boot=5)
    assert only_words["wheel_f"] == 1.0 and only_words["hit_rate"] is None
    with pytest.raises(EvaluationError, match="nothing to score"):
        summarise_words([])


def test_a_random_model_is_evaluated_under_controls_and_read_back(tmp_path: Path) -> None:
    from benchmarks.tiny_models import noise_samples, tiny_random

    emotions = ("sad", "happy", "angry", "fearful")
    samples = [
        replace(s, emotion=emotions[i], words=(emotions[i], "gloomy"), speaker=f"k{i}")
        for i, s in enumerate(noise_samples(4, (0.3,), 2))
    ]
    unusable = replace(samples[0], id="bare", emotion=None, valence=None, words=("purple",))
    corpus = Corpus(Path(), [*samples, unusable], "noise")
    options: dict[str, Any] = {"max_new_tokens": 3, "n_boot": 20, "progress": False}
    model = tiny_random()
    result = evaluate_words(model, corpus, **options)
    assert result["n"] == 4 and result["info"]["prompt"] == "words-v1" and len(result["rows"]) == 4
    assert result["info"]["skipped"]["items"] == {"no words on a wheel, no label, no valence": ["bare: purple"]}
    assert result["info"]["provenance"]["config"]["max_new_tokens"] == 3
    swapped = evaluate_words(model, corpus, "words_direct", control="swapped", **options)
    assert all(row["donor_emotion"] != row["emotion"] for row in swapped["rows"])
    again = read_result(write_result(result, tmp_path / "words"))
    assert again["wheel_f"] == result["wheel_f"] and list(again["rows"][1]["gold"]) == ["happy", "gloomy"]
    with pytest.raises(EvaluationError, match="unknown control"):
        evaluate_words(model, corpus, control="loud", **options)
    with pytest.raises(EvaluationError, match="nothing to score; 1 no words on a wheel"):
        evaluate_words(model, corpus.replace([unusable]), **options)
