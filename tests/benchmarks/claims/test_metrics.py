"""Metrics that add up over clips equal those of `emolab.metrics`, whole and for any set of talkers."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from benchmarks.claims.metrics import METRICS
from emolab.emotions import EMOTIONS
from emolab.metrics import bleu, distinct, emotion_f1, hit_rate, sentiment_f1, sentiment_of, unweighted_accuracy
from emolab.metrics import wheel_scores as official

WORDS = ("sad", "furious", "joyful", "afraid", "calm", "lonely", "amazed", "table")
SENTENCES = ("the speaker is sad and lonely", "a furious voice", "one hears a joyful, calm voice", "a low flat voice")


def label_rows(n: int = 60) -> list[dict[str, Any]]:
    rng = random.Random(0)
    return [
        {"gold": rng.choice(EMOTIONS[:5]), "predicted": rng.choice((*EMOTIONS, None)), "carriers": ["audio"]}
        for _ in range(n)
    ]


def word_rows(n: int = 60) -> list[dict[str, Any]]:
    rng = random.Random(1)
    rows = []
    for _ in range(n):
        gold, said = rng.sample(WORDS, 2), rng.sample(WORDS, rng.randrange(4))
        rows.append({"gold": gold, "predicted": said, "emotion": rng.choice(EMOTIONS), "sentiment": sentiment_of(gold)})
    return rows


def caption_rows(n: int = 40) -> list[dict[str, Any]]:
    rng = random.Random(2)
    return [{"reference": rng.choice(SENTENCES), "predicted": rng.choice((*SENTENCES, None))} for _ in range(n)]


def added_up(key: str, rows: list[dict[str, Any]]) -> float:
    metric = METRICS[key]
    assert metric.parts is not None and metric.value is not None
    return float(metric.value(metric.parts(rows).sum(0)))


@pytest.mark.parametrize("part", [slice(None), slice(0, 15), slice(10, 60)])
def test_labels(part: slice) -> None:
    rows = label_rows()[part]
    gold, predicted = [r["gold"] for r in rows], [r["predicted"] for r in rows]
    assert added_up("ua", rows) == pytest.approx(unweighted_accuracy(gold, predicted))
    assert added_up("parsed", rows) == pytest.approx(sum(p is not None for p in predicted) / len(rows))


@pytest.mark.parametrize("part", [slice(None), slice(0, 15), slice(10, 60)])
def test_words(part: slice) -> None:
    rows = word_rows()[part]
    gold, said = [r["gold"] for r in rows], [r["predicted"] for r in rows]
    assert added_up("wheel_f", rows) == pytest.approx(official(gold, said).f1)
    assert added_up("hit_rate", rows) == pytest.approx(hit_rate([r["emotion"] for r in rows], said))
    expected = sentiment_f1([r["sentiment"] for r in rows], [sentiment_of(words) for words in said])
    assert added_up("sentiment", rows) == pytest.approx(expected)
    assert added_up("n_words", rows) == pytest.approx(sum(map(len, said)) / len(rows))


@pytest.mark.parametrize("part", [slice(None), slice(0, 12)])
def test_captions(part: slice) -> None:
    rows = caption_rows()[part]
    gold, said = [r["reference"] for r in rows], [r["predicted"] or "" for r in rows]
    assert bleu(gold, said) > 0 and added_up("bleu_4", rows) == pytest.approx(bleu(gold, said))
    assert added_up("emotion_f1", rows) == pytest.approx(emotion_f1(gold, said))
    whole_run = METRICS["distinct_2"].of_run
    assert whole_run is not None and whole_run(rows, []) == pytest.approx(distinct(said, 2))


def test_bleu_without_a_match_is_zero() -> None:
    assert added_up("bleu_4", [{"reference": "a b c d e", "predicted": "v w x y z"}]) == 0.0


def test_rationales_name_the_carrier_and_nothing_else() -> None:
    rows = [
        {"carriers": ["video"], "text": "<think>the face tells it</think><answer>sad</answer>"},
        {"carriers": ["video"], "text": "<think>the voice tells it</think><answer>sad</answer>"},
        {"carriers": ["audio"], "text": "<think>the voice and the face tell it</think><answer>sad</answer>"},
        {"carriers": ["audio", "text"], "text": "<think>the voice tells it</think><answer>sad</answer>"},
        {"carriers": [], "text": "<think>nothing tells it</think><answer>neutral</answer>"},
    ]
    assert added_up("names_carrier", rows) == pytest.approx(1 / 3)


def test_a_habit_is_not_counted_as_naming() -> None:
    face = "<think>the face tells it</think><answer>sad</answer>"
    voice = "<think>the voice tells it</think><answer>sad</answer>"
    clips = [["video"], ["video"], ["audio"], ["audio"]]
    habit = [{"carriers": c, "text": face} for c in clips]
    assert added_up("names_carrier", habit) == 0.5 and added_up("beyond_habit", habit) == 0.0
    told = [{"carriers": c, "text": face if c == ["video"] else voice} for c in clips]
    assert added_up("names_carrier", told) == 1.0 and added_up("beyond_habit", told) == 0.5


def test_a_column_of_training_is_averaged_over_its_steps() -> None:
    of_run = METRICS["zero_variance"].of_run
    assert of_run is not None
    assert of_run([], [{"zero_variance": 0.2}, {"zero_variance": None}, {"zero_variance": 0.6}]) == pytest.approx(0.4)
    assert math.isnan(of_run([], []))


def test_values_work_on_whole_stacks() -> None:
    for key, rows in (("ua", label_rows()), ("wheel_f", word_rows()), ("bleu_4", caption_rows())):
        metric = METRICS[key]
        assert metric.parts is not None and metric.value is not None
        parts = metric.parts(rows)
        stack = np.stack([[parts[:20].sum(0), parts[20:].sum(0)]] * 3)
        assert metric.value(stack).shape == (3, 2)
        assert metric.value(stack)[2, 1] == pytest.approx(metric.value(parts[20:].sum(0)))
