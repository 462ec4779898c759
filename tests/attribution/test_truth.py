"""The truth suite's statistics on attributions that are right, wrong or random by construction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from attribution_helpers import PROMPT, corpus, model

from emolab.attribution.checks import (
    noise_levels,
    noise_slopes,
    noise_sweep,
    null_tables,
    null_values,
    randomised_weights,
    with_noise,
)
from emolab.attribution.collect import Measured, Settings, measure, method_values
from emolab.attribution.deletion import deletions
from emolab.attribution.explain import Effort, explain
from emolab.attribution.shapley import exact_from_table
from emolab.attribution.shares import null_band
from emolab.attribution.stated import (
    evidence_sentence,
    stated_against_measured,
    stated_cues,
    stated_modalities,
)
from emolab.attribution.table import COLUMNS, axioms, cell, doubled, markdown, threshold
from emolab.attribution.truth import (
    auc,
    bootstrap,
    conflict,
    mean_interval,
    recovery,
    share_interval,
    slope_of_share,
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
    assert {m: part["recovery"] for m, part in right["by_modality"].items()} == {"audio": 1, "video": 1, "text": 1}
    assert right["by_modality"]["audio"]["n"] == 2 and right["by_modality"]["audio"]["recovery_ci"][1] == 1.0
    assert recovery(-PERFECT, CARRIERS, SPEAKERS, n_boot=100)["recovery"] == 0.0
    assert recovery(np.zeros((5, 3)), CARRIERS, SPEAKERS, n_boot=100)["recovery"] == 0.0


def test_recovery_counts_only_right_answers_and_needs_some():
    answered = np.array([True, False, False, True, True])
    assert recovery(PERFECT, CARRIERS, SPEAKERS, answered, n_boot=20)["n"] == 2
    nothing_right = recovery(PERFECT, CARRIERS, SPEAKERS, np.zeros(5, bool), n_boot=20)
    assert all(nothing_right[key] is None for key in ("recovery", "recovery_ci", "auc", "auc_ci"))
    with pytest.raises(AttributionError, match="exactly one carrying"):
        recovery(PERFECT[3:4], CARRIERS[3:4], SPEAKERS[3:4])


def test_samples_that_mislead_are_no_single_modality_samples():
    values = np.array([[2.0, 0, 0], [0, 0, 2.0], [2.0, 0, 0]])
    misled = np.array([False, True, False])
    every = recovery(values, [["audio"]] * 3, SPEAKERS, n_boot=20)
    clear = recovery(values, [["audio"]] * 3, SPEAKERS, contested=misled, n_boot=20)
    assert (every["n"], clear["n"], clear["recovery"]) == (3, 2, 1.0) and every["recovery"] == pytest.approx(2 / 3)


def test_auc_does_not_depend_on_how_large_a_samples_values_are():
    values = np.array([[10.0, 9.0, 8.0], [0.0, -1.0, -2.0]])
    assert recovery(values, [["audio"], ["audio"]], SPEAKERS, n_boot=20)["auc"] == 1.0


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


def test_structure_left_of_the_same_of_other_and_of_constant_attributions():
    same = structure_left(PERFECT, PERFECT, n_boot=20)
    assert same["rank_correlation"] == pytest.approx(1.0) and same["same_top"] == 1.0
    rng = np.random.default_rng(0)
    other = structure_left(rng.random((60, 3)), rng.random((60, 3)), n_boot=100)
    low, high = other["rank_correlation_ci"]
    assert low < 0 < high and abs(other["rank_correlation"]) < 0.25
    assert structure_left(PERFECT, np.ones((5, 3)), n_boot=20)["rank_correlation"] == 0.0


def test_structure_left_is_scipys_rank_correlation():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(1)
    a, b = rng.random((20, 3)), rng.random((20, 3))
    wanted = np.mean([spearmanr(a[:, j], b[:, j]).statistic for j in range(3)])
    assert structure_left(a, b, n_boot=5)["rank_correlation"] == pytest.approx(wanted)


def test_slope_of_a_share_is_least_squares():
    shares = np.array([[0.8, 0.7, 0.6, 0.5], [0.2, 0.2, 0.5, 0.1]])
    slopes = slope_of_share(shares, (-2.0, -1.0, 0.0, 1.0))
    assert slopes[0] == pytest.approx(-0.1) and slopes == pytest.approx(np.polyfit([-2, -1, 0, 1], shares.T, 1)[0])


def test_a_share_of_all_or_none_has_an_exact_interval():
    assert share_interval(np.ones(39), ["a"] * 39) == [pytest.approx(0.025 ** (1 / 39)), 1.0]
    assert share_interval(np.zeros(10), list(range(10)))[0] == 0.0
    assert share_interval(np.repeat([0.0, 1.0], 50), ["x"] * 50 + ["y"] * 50, 200) == [0.0, 1.0]


def test_intervals_draw_whole_talkers():
    values = np.repeat([0.0, 1.0], 50)
    assert mean_interval(values, ["x"] * 50 + ["y"] * 50, 200) == [0.0, 1.0]
    low, high = mean_interval(values, n=200)
    assert 0.35 < low < 0.5 < high < 0.65


def test_chosen_samples_are_even_over_conditions_and_show_their_carriers():
    found = choose(corpus(), 5)
    assert len({s.extra["condition"] for s in found}) == 5 and all(s.split == "test" for s in found)
    emphasised = choose(corpus(), 4, single_turns=2)
    assert [s.extra["condition"] for s in emphasised[:2]] == ["A", "A"]
    assert all("video" not in s.extra["carriers"] for s in choose(corpus(), 9, shown=("audio", "text")))
    with pytest.raises(AttributionError, match="states carriers"):
        choose(Corpus(corpus().root, [EmotionSample("x", text="x", emotion="sad", split="test")]), 3)


def test_measured_tables_and_methods_fit_together():
    samples = choose(corpus(), 4)
    measured = measure(model(), samples, donors_of(corpus()), PROMPT, QUICK, progress=False)
    assert measured.first == "neutral" and measured.table("swap").shape == (4, 8)
    assert measured.interactions().shape == (4, 3, 3)
    gap = measured.shapley("mean").sum(1) - (measured.table("mean")[:, -1] - measured.table("mean")[:, 0])
    assert np.abs(gap).max() < 1e-5
    methods = method_values(measured)
    assert (
        all(v.shape == (4, 3) for v in methods.values())
        and "Shapley, swap" in methods
        and "Banzhaf, neutral" in methods
        and "attention rollout" in methods
    )


def answered_corpus() -> Corpus:
    """The noise, with what the random model says of its test samples as their labels."""
    samples = choose(corpus(), 10)
    own = measure(model(), samples, donors_of(corpus()), PROMPT, QUICK, ("mean",), inner=False, progress=False).own
    answers = {s.id: label for s, label in zip(samples, own, strict=True)}
    return corpus().replace(replace(s, emotion=answers.get(s.id, s.emotion)) for s in corpus())


def test_the_whole_suite_has_an_interval_on_every_figure_of_every_method():
    prosody = {"f0": 0.0, "rate": 0.0}
    truth = {s.id: {"shown": {"audio": "sad", "text": "happy", "video": "neutral"}, "prosody": prosody}
             for s in corpus()}  # fmt: skip
    result = validate(model(), answered_corpus(), PROMPT, truth, 10, 3, QUICK, ("neutral", "mean"), n_boot=10,
                      progress=False)  # fmt: skip
    assert result["answered_right"] == 1.0 and all(worst < 1e-5 for worst in result["axioms"].values())
    for row in result["methods"]:
        for column in COLUMNS:
            if row.get(column.key) is not None:
                assert len(row[f"{column.key}_ci"]) == 2, (row["name"], column.key)
    full = {"recovery", "auc", "noise", "sanity", "faithfulness", "efficiency"}
    shapley = result["methods"][0]
    assert full <= {key for key, value in shapley.items() if value is not None} and "conflict" in shapley
    assert all(row["noise"] is not None and row["sanity"] is not None for row in result["methods"])
    assert result["methods"][0]["efficiency"] < 1e-5 < result["methods"][2]["efficiency"]
    assert [r["modality"] for r in result["shares"]] == ["audio", "video", "text"]
    assert sum(r["parts_share"] for r in result["shares"]) == pytest.approx(1.0)
    lines = markdown(result, result).splitlines()
    assert len(lines) == 2 + len(result["methods"]) and "<br>" in lines[2] and lines[0].startswith("| method |")


def test_costlier_checks_on_noise():
    samples, donors = choose(corpus(), 3), donors_of(corpus())
    sweep = noise_sweep(model(), samples, donors, PROMPT, QUICK, (0.0, -10.0), ("mean",), inner=False)
    rows = noise_levels(sweep, 20)
    assert [r["snr"] for r in rows] == [None, 0.0, -10.0] and len(rows[0]["right_ci"]) == 2
    assert rows[0]["share_audio"] + rows[0]["share_video"] + rows[0]["share_text"] == pytest.approx(1.0)
    slopes = noise_slopes(sweep, "video", 20)
    assert slopes["Shapley, mean"]["noise"] == pytest.approx(rows[2]["share_audio"] - rows[1]["share_audio"])
    assert slopes["Shapley, mean"]["noise_other"] == pytest.approx(rows[2]["share_video"] - rows[1]["share_video"])
    assert sweep[0.0].explained == [s.emotion for s in samples]


def test_null_is_about_the_modality_that_was_exchanged():
    samples, donors = choose(corpus(), 3), donors_of(corpus())
    tables = null_tables(model(), samples, donors, PROMPT, QUICK)
    values = null_values(model(), samples, donors, PROMPT, QUICK)
    assert tables.shape == (3, 3, 8) and values == pytest.approx(exact_from_table(tables))
    band = null_band(values)
    assert band["share_upper"].shape == (3,) and (band["share_upper"] >= band["share_mean"]).all()
    own = np.arange(3)
    assert threshold(values, 1.0) == pytest.approx(np.maximum(values[:, own, own].max(0), 1e-9))


@pytest.mark.parametrize("kind", ["word", "part"])
def test_deletions_judge_every_method_in_one_game(kind):
    samples, donors = choose(corpus(), 2), donors_of(corpus())
    found = deletions(model(), samples, donors, PROMPT, kind, QUICK, ("swap", "mean"), pairs=2)
    names = {r["name"] for r in found.rows()}
    methods = method_values(measure(model(), samples, donors, PROMPT, QUICK, ("swap", "mean"), progress=False))
    assert names == set(methods)
    assert all(len(curves) == 2 for curves in found.curves.values())
    ends = {(c[0].top[0], c[0].top[-1]) for c in found.curves.values()}
    assert len(ends) == 1
    assert all(sum(share.values()) == pytest.approx(1.0) or share == {"text": 0.0} for share in found.shares)


def test_axioms_find_a_table_that_is_shared_out_wrongly(monkeypatch):
    table = np.random.default_rng(0).normal(size=(4, 8, 1))
    measured = Measured([corpus()[0]] * 4, ("sad",), {"swap": table}, ["sad"] * 4)
    assert all(worst < 1e-12 for worst in axioms(measured).values())
    import emolab.attribution.table as tables

    wrong = {"Shapley": np.random.default_rng(1).normal(size=(4, 5))}
    monkeypatch.setattr(tables, "from_table", lambda doubled: wrong)
    worst = axioms(measured)
    assert worst["twins"] > 0.1 and worst["dummy"] > 0.1


def test_doubled_game_by_hand():
    table = np.array([0.0, 1.0, 10.0, 11.0])  # player 0 brings 1, player 1 brings 10
    twice = doubled(table)
    assert twice.shape == (16,) and twice[0b0100] == 1.0 and twice[0b0101] == 1.0
    assert twice[0b0110] == 11.0 and twice[0b1000] == 0.0 and twice[0b1111] == 11.0


def test_a_cell_shows_a_figure_with_its_interval():
    assert cell({"x": 0.5, "x_ci": [0.25, 0.75]}, "x") == "0.50 [0.25, 0.75]"
    assert cell({"x": None}, "x") == cell({}, "x") == "–"
    assert cell({"x": 1.0, "x_ci": [float("nan")] * 2}, "x") == "1.00"


def test_explain_gives_modalities_and_fine_players():
    sample = choose(corpus(), 1)[0]
    found = explain(model(), sample, PROMPT, donors_of(corpus()), settings=QUICK, effort=Effort(4))
    assert sum(found["phi"].values()) == pytest.approx(found["full"] - found["empty"], abs=1e-5)
    assert set(found["players"]) == {"word", "window", "spoken", "cell"} and found["word_times"] == "guessed"
    assert sum(found["parts_shares"].values()) == pytest.approx(1.0)
    assert [p["name"] for p in found["players"]["word"]] == sample.text.split()
    times = [("all", 0.0, 0.4), ("of it", 0.4, 1.0)]
    told = explain(model(), sample, PROMPT, [], None, "silence", QUICK, method="leave one out", times=times)
    assert [p["name"] for p in told["players"]["spoken"]] == ["all", "of it"] and told["word_times"] == "given"
    with pytest.raises(AttributionError, match="hangry"):
        explain(model(), sample, PROMPT, donors_of(corpus()), "hangry")
