"""The truth suite's statistics on attributions that are right, wrong or random by construction."""

from __future__ import annotations

import numpy as np
import pytest
from attribution_helpers import PROMPT, corpus, model

from emolab.attribution.checks import deletion_table, null_values, randomised_weights, snr_sweep, with_noise
from emolab.attribution.collect import Settings, measure, method_values
from emolab.attribution.explain import explain
from emolab.attribution.shares import null_band
from emolab.attribution.stated import (
    evidence_sentence,
    stated_against_measured,
    stated_cues,
    stated_modalities,
)
from emolab.attribution.truth import (
    auc,
    bootstrap,
    conflict,
    recovery,
    structure_left,
)
from emolab.attribution.validate import choose, donors_of, validate
from emolab.attribution.values import label_values
from emolab.errors import AttributionError
from emolab.media import audio_of
from emolab.samples import Corpus, EmotionSample

CARRIERS = [["audio"], ["video"], ["text"], ["audio", "text"], ["audio"]]
PERFECT = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 2], [1, -1, 1], [1, 0, 0.5]], float)
STRUCTURED = (
    "<think><content>neutral words</content><acoustics>pitch low, pace slow</acoustics><summary>sad</summary></think>"
    "<answer>sad</answer>"
)
SPEAKERS = ["a", "b", "c", "d", "e"]
QUICK = Settings(n_donors=2, gradient_steps=2)


def test_recovery_of_a_perfect_a_reversed_and_a_tied_method():
    right = recovery(PERFECT, CARRIERS, SPEAKERS, n_boot=100)
    assert right["recovery"] == 1.0 and right["auc"] == 1.0 and right["n"] == 4
    assert right["by_modality"] == {"audio": 1.0, "video": 1.0, "text": 1.0}
    assert recovery(-PERFECT, CARRIERS, SPEAKERS, n_boot=100)["recovery"] == 0.0
    assert recovery(np.zeros((5, 3)), CARRIERS, SPEAKERS, n_boot=100)["recovery"] == 0.0


def test_recovery_counts_only_right_answers_and_needs_some():
    answered = np.array([True, False, False, True, True])
    assert recovery(PERFECT, CARRIERS, SPEAKERS, answered, n_boot=20)["n"] == 2
    nothing_right = recovery(PERFECT, CARRIERS, SPEAKERS, np.zeros(5, bool), n_boot=20)
    assert nothing_right["recovery"] is None and nothing_right["recovery_ci"] is None and nothing_right["auc"] == 1.0
    with pytest.raises(AttributionError, match="exactly one carrying"):
        recovery(PERFECT[3:4], CARRIERS[3:4], SPEAKERS[3:4])


def test_random_attributions_recover_a_third():
    rng = np.random.default_rng(0)
    found = recovery(
        rng.random((600, 3)), [[m] for m in ("audio", "video", "text")] * 200, list(range(600)), n_boot=200
    )
    low, high = found["recovery_ci"]
    assert low < 1 / 3 < high and found["auc"] == pytest.approx(0.5, abs=0.05)


def test_auc_equals_scikit_learn_with_ties():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(1)
    scores, positive = rng.integers(0, 5, 60).astype(float), rng.random(60) < 0.4
    assert auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))
    assert np.isnan(auc(scores, np.ones(60, bool)))


def test_bootstrap_draws_whole_groups():
    values = np.repeat([0.0, 1.0], 50)
    low, high = bootstrap(lambda i: float(values[i].mean()), ["x"] * 50 + ["y"] * 50, 200)
    assert (low, high) == (0.0, 1.0)
    tight = bootstrap(lambda i: float(values[i].mean()), list(range(100)), 200)
    assert tight[1] - tight[0] < 0.3


def test_conflict_follows_whoever_shows_the_predicted_emotion():
    shown = [{"audio": "sad", "text": "happy", "video": "neutral"}] * 3
    values = np.array([[1.0, 0, -1], [1.0, 0, -1], [1.0, 0, -1]])
    found = conflict(values, ["sad", "happy", "angry"], shown, ["a", "b", "c"], n_boot=50)
    assert (found["follows"], found["positive"], found["n"], found["unexplained"]) == (0.5, 0.5, 2, 1)
    assert conflict(values, ["angry"] * 3, shown, ["a"] * 3)["follows"] is None


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("<think>The voice is low and slow.</think><answer>sad</answer>", {"audio"}),
        ("<think>The words say so, and the brows are knitted.</think><answer>sad</answer>", {"text", "video"}),
        (STRUCTURED, {"audio"}),
        ("<answer>sad</answer>", set()),
        ("<think>It is what it is.</think><answer>sad</answer>", set()),
    ],
)
def test_what_a_rationale_states(text, stated):
    assert stated_modalities(text) == stated


def test_stated_against_measured_by_hand():
    voice, words = (
        "<think>The voice is low.</think><answer>sad</answer>",
        "<think>The words are sad.</think><answer>sad</answer>",
    )
    values = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 0, 0]])
    found = stated_against_measured(
        [voice, words, "<answer>sad</answer>"], values, np.full(3, 0.1), ["a", "b", "c"], n_boot=50
    )
    assert (found["hallucination"], found["omission"], found["agreement"], found["silent"]) == (0.5, 0.5, 0.5, 1)
    assert stated_against_measured(["x"], values[:1], np.zeros(3), ["a"])["hallucination"] is None


def test_evidence_sentences_are_read_back():
    for carriers in (["audio"], ["video", "text"], ["audio", "video", "text"]):
        text = f"<think>{evidence_sentence(carriers)}</think><answer>sad</answer>"
        assert stated_modalities(text) == set(carriers)
    assert stated_modalities(f"<think>{evidence_sentence([])}</think><answer>neutral</answer>") == set()


def test_stated_cues_by_hand():
    said = ["a high, lively voice, fast and loud, clear", "a low, flat voice, slow and quiet, breathy", "who knows"]
    true = [{"pitch": "high", "pace": "fast"}, {"pitch": "high", "pace": "slow"}, {}]
    true = [{"range": "wide", "loudness": "loud", "quality": "clear", "timbre": "even"} | t for t in true]
    found = stated_cues(said, true)
    assert found["silent"] == 1 and found["by_attribute"]["pitch"] == 0.5 and found["by_attribute"]["pace"] == 1.0
    assert found["wrong"] == pytest.approx((0 + 4 / 6) / 2)
    assert stated_cues(["x"], [{}])["wrong"] is None


def test_noise_has_the_wanted_level():
    sample = corpus()[0]
    clean, noisy = audio_of(sample), audio_of(with_noise(sample, 6.0))
    ratio = 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2))
    assert ratio == pytest.approx(6.0, abs=0.2)


def test_randomised_weights_change_the_model_and_give_it_back():
    lalm = model()
    batch = lalm.encode(corpus().samples[:2], PROMPT)
    before = label_values(lalm, batch).detach()
    with randomised_weights(lalm):
        assert (label_values(lalm, batch).detach() - before).abs().max() > 1e-4
    assert (label_values(lalm, batch).detach() - before).abs().max() == 0
    assert structure_left(PERFECT, PERFECT) == {"rank_correlation": pytest.approx(1.0), "same_top": 1.0}


def test_chosen_samples_are_even_over_conditions_and_show_their_carriers():
    found = choose(corpus(), 5)
    assert len({s.extra["condition"] for s in found}) == 5 and all(s.split == "test" for s in found)
    assert all("video" not in s.extra["carriers"] for s in choose(corpus(), 9, shown=("audio", "text")))
    with pytest.raises(AttributionError, match="states carriers"):
        choose(Corpus(corpus().root, [EmotionSample("x", text="x", emotion="sad", split="test")]), 3)


def test_measured_tables_and_methods_fit_together():
    samples = choose(corpus(), 4)
    measured = measure(model(), samples, donors_of(corpus())[:5], PROMPT, QUICK, progress=False)
    assert measured.table("swap").shape == (4, 8) and measured.interactions().shape == (4, 3, 3)
    gap = measured.shapley("mean").sum(1) - (measured.table("mean")[:, -1] - measured.table("mean")[:, 0])
    assert np.abs(gap).max() < 1e-5
    methods = method_values(measured)
    assert (
        all(v.shape == (4, 3) for v in methods.values())
        and "Shapley, swap" in methods
        and "attention rollout" in methods
    )


def test_the_whole_suite_runs_and_names_its_methods():
    truth = {s.id: {"shown": {"audio": "sad", "text": "happy", "video": "neutral"}} for s in corpus()}
    one_label = Corpus(corpus().root, corpus().samples)
    samples = choose(one_label, 10)
    own = measure(model(), samples, donors_of(corpus())[:5], PROMPT, QUICK, ("mean",), inner=False, progress=False).own
    from dataclasses import replace

    answers = {s.id: label for s, label in zip(samples, own, strict=True)}
    answered = one_label.replace(replace(s, emotion=answers.get(s.id, s.emotion)) for s in one_label)
    result = validate(
        model(), answered, PROMPT, truth, 10, 4, QUICK, ("swap", "mean"), ("sanity",), n_boot=20, progress=False
    )
    assert result["answered_right"] == 1.0 and result["axioms"]["swap"] < 1e-5
    row = result["methods"][0]
    assert {"name", "recovery", "recovery_ci", "auc", "auc_ci", "conflict"} <= set(row)
    assert {r["name"] for r in result["sanity"]} <= {r["name"] for r in result["methods"]} | {"Shapley, mean"}
    assert [r["modality"] for r in result["shares"]] == ["audio", "video", "text"]


def test_costlier_checks_on_noise():
    samples, donors = choose(corpus(), 3), donors_of(corpus())[:4]
    rows = snr_sweep(model(), samples, donors, PROMPT, QUICK, (0.0,))
    assert [r["snr"] for r in rows] == [None, 0.0]
    assert rows[0]["share_audio"] + rows[0]["share_video"] + rows[0]["share_text"] == pytest.approx(1.0)
    band = null_band(null_values(model(), samples, donors, PROMPT, QUICK))
    assert band["share_upper"].shape == (3,) and (band["share_upper"] >= band["share_mean"]).all()
    table = deletion_table(model(), samples, donors, PROMPT, "word", QUICK, pairs=2)
    assert {"Shapley, sampled", "chance"} <= {r["name"] for r in table} and len(table[0]["advantage_ci"]) == 2


def test_explain_gives_modalities_and_fine_players():
    sample = choose(corpus(), 1)[0]
    found = explain(model(), sample, PROMPT, donors_of(corpus())[:4], settings=QUICK, max_pairs=4)
    assert sum(found["phi"].values()) == pytest.approx(found["full"] - found["empty"], abs=1e-5)
    assert set(found["players"]) == {"word", "window", "cell"} and sum(found["fine_shares"].values()) == pytest.approx(
        1.0
    )
    assert [p["name"] for p in found["players"]["word"]] == sample.text.split()
    with pytest.raises(AttributionError, match="hangry"):
        explain(model(), sample, PROMPT, donors_of(corpus())[:4], "hangry")
