"""Evaluation of tiny random models: keys, parsing, controls end to end, skips, result files."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from emolab.emotions import EMOLAB_7, EMOTIONS, label_set
from emolab.errors import EvaluationError
from emolab.evaluate import KEYS, evaluate, read_result, summarise, write_result
from emolab.evaluate.inputs import part_of
from emolab.prompts import get_prompt
from emolab.samples import Corpus, EmotionSample

FAST = {"n_boot": 50, "max_new_tokens": 3, "progress": False}


@cache
def model():
    from benchmarks.tiny_models import tiny_random

    return tiny_random()


def corpus(n: int = 14, frames: int = 0) -> Corpus:
    from benchmarks.tiny_models import noise_samples

    samples = [
        replace(s, emotion=EMOTIONS[i % 7], speaker=f"k{i % 4}", split="test")
        for i, s in enumerate(noise_samples(n, (0.4,), frames))
    ]
    return Corpus(Path(), samples, "noise")


def test_generate_has_exactly_the_contract_keys_rows_and_provenance():
    result = evaluate(model(), corpus(), mode="generate", **FAST)
    assert set(result) == {*KEYS, "rows", "info"}
    assert result["n"] == 14 and len(result["ua_ci"]) == 2 and 0 <= result["parse_rate"] <= 1
    assert {"id", "gold", "predicted", "text", "format_ok"} <= set(result["rows"][0])
    made = result["info"]["provenance"]
    assert {"command", "config_hash", "seed", "versions", "device"} <= set(made) and made["versions"]["torch"]


def test_label_mode_always_answers_and_reports_every_calibration():
    result = evaluate(model(), corpus(), mode="labels", **FAST)
    assert result["parse_rate"] == 1.0 and set(result["info"]["by_calibration"]) == {"none", "contextual", "mean"}
    assert sum(np.exp(list(result["rows"][0]["posterior"].values()))) == pytest.approx(1.0)
    assert sum(result["info"]["label_bias"]["content_free"].values()) == pytest.approx(1.0)
    calibrated = evaluate(model(), corpus(), mode="labels", calibration="contextual", **FAST)
    assert calibrated["ua"] == result["info"]["by_calibration"]["contextual"]["ua"]


def test_answers_do_not_depend_on_the_batch_size():
    one, many = (evaluate(model(), corpus(), mode="labels", batch_size=size, **FAST) for size in (1, 16))
    for a, b in zip(one["rows"], many["rows"], strict=True):
        assert list(a["posterior"].values()) == pytest.approx(list(b["posterior"].values()), abs=1e-4)


class Prompted:
    """A model that keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def __getattr__(self, name):
        return getattr(model(), name)

    def encode(self, samples, prompt, *rest, **options):
        self.asked.append(prompt)
        return model().encode(samples, prompt, *rest, **options)

    def encoded(self, parts, prompt, **options):
        self.asked.append(prompt)
        return model().encoded(parts, prompt, **options)


@pytest.mark.parametrize("labels", ["mafw-11", "ravdess-8", "calm, tense, bored", "emodb-7", "iemocap-4"])
@pytest.mark.parametrize("mode", ["generate", "labels"])
def test_a_corpus_is_asked_and_scored_in_its_own_labels(labels, mode):
    own, seen = label_set(labels), Prompted()
    mine = replace(
        corpus(), samples=[replace(s, emotion=own[i % len(own)]) for i, s in enumerate(corpus())], labels=own
    )
    result = evaluate(seen, mine, mode=mode, **FAST)
    assert {p.labels for p in seen.asked} == {own} and {p.id for p in seen.asked} == {f"direct-v1/{own.name}"}
    assert result["chance"] == own.chance == 1 / len(own) and result["n"] == 14
    assert result["info"]["labels"] == list(own) and result["info"]["prompt"] == f"direct-v1/{own.name}"
    assert {row["gold"] for row in result["rows"]} == set(own)
    if mode == "labels":
        assert list(result["rows"][0]["posterior"]) == list(own) == list(result["info"]["label_bias"]["inputs"])


def test_other_labels_than_the_corpus_s_go_through_the_map_and_what_is_dropped_is_counted():
    own = label_set("emodb-7")
    mine = replace(corpus(), samples=[replace(s, emotion=own[i % 7]) for i, s in enumerate(corpus())], labels=own)
    for prompt, labels in (("direct", "iemocap-4"), (get_prompt("direct", "iemocap-4"), None)):
        result = evaluate(model(), mine, prompt, mode="labels", labels=labels, **FAST)
        assert result["chance"] == 0.25 and result["info"]["prompt"] == "direct-v1/iemocap-4"
        assert {row["gold"] for row in result["rows"]} == {"neutral", "happy", "sad", "angry"} and result["n"] == 8
        assert result["info"]["skipped"]["skipped"] == {"unknown label": 6}
        items = result["info"]["skipped"]["items"]["unknown label"]
        assert any("boredom (no such label in the target)" in item for item in items)
    seven = evaluate(model(), mine, mode="labels", labels="emolab-7", **FAST)
    assert {row["gold"] for row in seven["rows"]} == {"neutral", "happy", "sad", "angry", "fearful", "disgusted"}


def test_silent_answers_depend_on_nothing_that_was_said():
    wordless = corpus().replace(replace(s, text=None) for s in corpus())
    posteriors = [
        list(r["posterior"].values())
        for r in evaluate(model(), wordless, mode="labels", control="silent", **FAST)["rows"]
    ]
    assert np.ptp(posteriors, axis=0).max() < 1e-5
    heard = [list(r["posterior"].values()) for r in evaluate(model(), wordless, mode="labels", **FAST)["rows"]]
    assert np.ptp(heard, axis=0).max() > 1e-5


def test_controls_run_and_swapped_rows_name_their_donor():
    rows = evaluate(model(), corpus(), mode="labels", control="swapped", **FAST)["rows"]
    assert all(r["donor_emotion"] != r["gold"] for r in rows)
    for control in ("no_transcript", "no_video"):
        assert (
            evaluate(model(), corpus(7, frames=2), mode="labels", control=control, **FAST)["info"]["control"] == control
        )


def test_unlabelled_unknown_and_unusable_samples_are_counted_not_scored(tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF not a wave")
    extra = [
        EmotionSample("u", text="x"),
        EmotionSample("b", audio="broken.wav", emotion="sad"),
        EmotionSample("m", audio="missing.wav", emotion="sad"),
        EmotionSample("w", text="x", emotion="hangry"),
    ]
    mixed = Corpus(tmp_path, [*corpus(7), *extra], "mixed", EMOLAB_7)
    result = evaluate(model(), mixed, mode="labels", **FAST)
    assert result["n"] == 7 and result["info"]["skipped"]["skipped"] == {
        "unlabelled": 1,
        "corrupt": 1,
        "missing": 1,
        "unknown label": 1,
    }
    with pytest.raises(EvaluationError, match=r"nothing to score; 1 unlabelled .*broken\.wav.*missing\.wav"):
        evaluate(model(), Corpus(tmp_path, extra, "bad", EMOLAB_7), mode="labels", **FAST)


@pytest.mark.parametrize("mode", ["generate", "labels"])
def test_windows_of_a_long_clip_are_one_answer(mode):
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000 * 70)
    long = replace(corpus(1)[0], id="long", extra={"waveform": noise})
    mixed = corpus(3).replace([long, *corpus(3)])
    result = evaluate(model(), mixed, mode=mode, **FAST)
    assert [row["id"] for row in result["rows"]] == ["long", *(s.id for s in corpus(3))] and result["n"] == 4
    first = result["rows"][0]
    assert first["windows"] > 1 and "window_of" not in first
    if mode == "labels":
        assert np.exp(list(first["posterior"].values())).sum() == pytest.approx(1.0)
        assert first["predicted"] == max(first["posterior"], key=first["posterior"].get)
    left_out = evaluate(model(), mixed, mode=mode, long_clips="skip", **FAST)
    assert left_out["n"] == 3 and sum(left_out["info"]["skipped"]["skipped"].values()) == 1


def test_unknown_mode_is_refused():
    with pytest.raises(EvaluationError, match="generate, labels"):
        evaluate(model(), corpus(), mode="guess")


def test_summary_by_hand_counts_an_unparsed_answer_as_wrong():
    rows = [
        {"gold": "sad", "predicted": "sad"},
        {"gold": "sad", "predicted": None},
        {"gold": "happy", "predicted": "happy"},
    ]
    result = summarise(rows, seed=3, n_boot=20)
    assert (result["ua"], result["wa"], result["parse_rate"]) == pytest.approx((0.75, 2 / 3, 2 / 3))
    assert tuple(result) == KEYS and result["seed"] == 3 and result["chance"] == 1 / 7
    assert summarise(rows, n_boot=2, labels=("sad", "happy"))["chance"] == 0.5
    asked = [{"gold": "joy", "predicted": "fear"}], [{"gold": "a", "predicted": "b", "posterior": dict.fromkeys("abc")}]
    assert [summarise(found, n_boot=2)["chance"] for found in asked] == [1 / 7, 1 / 3]


def test_results_survive_a_round_trip(tmp_path):
    result = evaluate(model(), corpus(), mode="labels", **FAST)
    path = write_result(result, tmp_path / "deep" / "zero.json")
    again = read_result(path)
    assert again["rows"] == result["rows"] and again["ua"] == result["ua"] and again["info"] == result["info"]
    with pytest.raises(EvaluationError, match="no such result"):
        read_result(tmp_path / "none.json")


def test_part_of_a_corpus():
    whole = corpus(14)
    assert len(part_of(whole, "test", ["emotion=sad,happy"])) == 4
    first, again = (part_of(whole, "test", limit=5, seed=1) for _ in range(2))
    assert [s.id for s in first] == [s.id for s in again] and len(first) == 5
    for condition, message in (("emotion", "KEY=VALUE"), ("moon=full", "no sample"), ("emotion=calm", "meets")):
        with pytest.raises(EvaluationError, match=message):
            part_of(whole, "test", [condition])
