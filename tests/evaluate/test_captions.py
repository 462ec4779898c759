"""Evaluation of captions: what each score sees and does not see, intervals over talkers, and the run on a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emolab.emotions import EMOTIONS
from emolab.errors import EvaluationError
from emolab.evaluate.captions import CAPTION_KEYS, evaluate_captions, summarise_captions
from emolab.metrics import caption_table
from emolab.samples import Corpus

VOICE = "One hears a {pitch}, lively voice, loud and fast, bright and rough, ending in a fall."
FEELINGS = {"angry": "angry and mad", "sad": "sad and unhappy", "happy": "happy and glad", "fearful": "afraid, scared"}


def rows(**change: Any) -> list[dict[str, Any]]:
    """Twelve samples of four talkers, described perfectly unless `change` maps a row to another caption."""
    made = []
    for i in range(12):
        gold = list(FEELINGS)[i % 4]
        caption = f"{VOICE.format(pitch=('high', 'low', 'mid-pitched')[i % 3])} The speaker feels {FEELINGS[gold]}."
        row = {"reference": caption, "predicted": caption, "gold": gold, "speaker": f"t{i // 3}"}
        made.append(row | {key: value(row) for key, value in change.items()})
    return made


def test_perfect_captions_score_one_and_intervals_hold_the_score() -> None:
    result = summarise_captions(rows(), n_boot=50)
    assert set(CAPTION_KEYS) <= set(result) and result["n"] == 12 and result["parse_rate"] == 1.0
    for name in ("emotion_f1", "bleu_1", "bleu_4", "rouge_l", "hit_rate"):
        assert result[name] == pytest.approx(1.0), name
        assert result[f"{name}_ci"] == pytest.approx([1.0, 1.0]), name


def test_a_wrong_feeling_costs_emo_f1_and_hardly_any_bleu() -> None:
    """The trap of the lesson: overlap with the reference does not see one wrong word."""
    wrong = summarise_captions(
        rows(predicted=lambda r: r["reference"].replace(FEELINGS[r["gold"]], "surprised and amazed")), n_boot=50
    )
    assert wrong["emotion_f1"] == 0.0 and wrong["hit_rate"] == 0.0
    assert wrong["bleu_4"] > 0.85 and wrong["rouge_l"] > 0.85
    other = summarise_captions(
        rows(predicted=lambda r: f"This person seems {FEELINGS[r['gold']]}, to judge by the tone."), n_boot=50
    )
    assert other["emotion_f1"] == 1.0 and other["bleu_4"] == 0.0


def test_scores_are_those_of_the_metrics_and_empty_captions_count() -> None:
    made = rows(predicted=lambda r: None if r["speaker"] == "t0" else r["reference"].replace("loud", "quiet"))
    result = summarise_captions(made, n_boot=50)
    table = caption_table([r["reference"] for r in made], [r["predicted"] or "" for r in made])
    for name in set(CAPTION_KEYS) & set(table):
        assert result[name] == pytest.approx(table[name]), name
    assert result["parse_rate"] == 0.75 and result["emotion_f1"] == pytest.approx(2 * 9 / (9 + 12))
    assert result["hit_rate"] == pytest.approx(0.75)


def test_intervals_draw_whole_talkers() -> None:
    """One of four talkers is all wrong: drawing talkers spreads more than drawing rows."""
    made = rows(predicted=lambda r: "" if r["speaker"] == "t0" else r["reference"])
    talkers = summarise_captions(made, n_boot=300)["hit_rate_ci"]
    single = summarise_captions([r | {"speaker": None} for r in made], n_boot=300)["hit_rate_ci"]
    assert talkers[1] - talkers[0] > single[1] - single[0]
    assert talkers[0] <= 0.5 and talkers[1] == 1.0


def test_without_labels_there_is_no_hit_rate() -> None:
    result = summarise_captions(rows(gold=lambda r: None), n_boot=10)
    assert result["hit_rate"] is None and "hit_rate_ci" not in result and result["emotion_f1"] == 1.0
    with pytest.raises(EvaluationError, match="reference caption"):
        summarise_captions([])


def test_a_model_is_asked_and_samples_without_captions_are_counted() -> None:
    from benchmarks.tiny_models import noise_samples, tiny_random

    samples = [
        replace(s, emotion=EMOTIONS[i % 7], speaker=f"k{i % 4}", caption="The speaker is sad." if i else None)
        for i, s in enumerate(noise_samples(6, (0.4,), 0))
    ]
    corpus = Corpus(Path(), samples, "noise")
    fast: dict[str, Any] = {"max_new_tokens": 3, "progress": False, "n_boot": 20}
    result = evaluate_captions(tiny_random(), corpus, control="silent", **fast)
    assert result["n"] == 5 and result["info"]["control"] == "silent"
    assert "no reference caption" in str(result["info"]["skipped"])
    assert {"id", "speaker", "gold", "reference", "predicted", "text", "format_ok"} <= set(result["rows"][0])
    assert result["info"]["provenance"]["config"]["max_new_tokens"] == 3
    bare = corpus.replace(replace(s, caption=" ") for s in corpus)
    with pytest.raises(EvaluationError, match="no reference caption"):
        evaluate_captions(tiny_random(), bare, **fast)
