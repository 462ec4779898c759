"""The truth suite on a tiny random model, and its statistics by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from attribution_helpers import PROMPT, corpus, model
from emolab_course.measure import Measured, Settings, choose, measure, method_values, null_values
from emolab_course.truth import COLUMNS

from benchmarks.truth.checks import (
    noise_levels,
    noise_slopes,
    noise_sweep,
    randomised_weights,
    slope_of_share,
    structure_left,
    with_noise,
)
from benchmarks.truth.deletion import deletions
from benchmarks.truth.suite import validate
from benchmarks.truth.table import axioms, cell, doubled, markdown, threshold
from emolab.attribution.game import asked_labels, background_samples, label_values
from emolab.media import audio_of
from emolab.samples import Corpus

LABELS = asked_labels(PROMPT)
PERFECT = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 2], [1, -1, 1], [1, 0, 0.5]], float)
QUICK = Settings(versions=2, gradient_steps=2)


def test_noise_has_the_wanted_level():
    sample = corpus()[0]
    clean, noisy = audio_of(sample), audio_of(with_noise(sample, 6.0))
    ratio = 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2))
    assert ratio == pytest.approx(6.0, abs=0.2)


def test_randomised_weights_change_the_model_and_give_it_back():
    lalm = model()
    batch = lalm.encode(corpus().samples[:2], PROMPT)
    before = label_values(lalm, batch, LABELS).detach()
    with randomised_weights(lalm):
        assert (label_values(lalm, batch, LABELS).detach() - before).abs().max() > 1e-4
    assert (label_values(lalm, batch, LABELS).detach() - before).abs().max() == 0


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


def answered_corpus() -> Corpus:
    """The noise, with what the random model says of its test samples as their labels."""
    samples = choose(corpus(), 10)
    own = measure(
        model(), samples, background_samples(corpus()), PROMPT, QUICK, ("mean",), inner=False, progress=False
    ).own
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
    samples, background = choose(corpus(), 3), background_samples(corpus())
    sweep = noise_sweep(model(), samples, background, PROMPT, QUICK, (0.0, -10.0), ("mean",), inner=False)
    rows = noise_levels(sweep, 20)
    assert [r["snr"] for r in rows] == [None, 0.0, -10.0] and len(rows[0]["right_ci"]) == 2
    assert rows[0]["share_audio"] + rows[0]["share_video"] + rows[0]["share_text"] == pytest.approx(1.0)
    slopes = noise_slopes(sweep, "video", 20)
    assert slopes["Shapley, mean"]["noise"] == pytest.approx(rows[2]["share_audio"] - rows[1]["share_audio"])
    assert slopes["Shapley, mean"]["noise_other"] == pytest.approx(rows[2]["share_video"] - rows[1]["share_video"])
    assert sweep[0.0].explained == [s.emotion for s in samples]


@pytest.mark.parametrize("kind", ["word", "part"])
def test_deletions_judge_every_method_in_one_game(kind):
    samples, background = choose(corpus(), 2), background_samples(corpus())
    found = deletions(model(), samples, background, PROMPT, kind, QUICK, ("swap", "mean"), pairs=2)
    names = {r["name"] for r in found.rows()}
    methods = method_values(measure(model(), samples, background, PROMPT, QUICK, ("swap", "mean"), progress=False))
    assert names == set(methods)
    assert all(len(curves) == 2 for curves in found.curves.values())
    ends = {(c[0].top[0], c[0].top[-1]) for c in found.curves.values()}
    assert len(ends) == 1
    assert all(sum(share.values()) == pytest.approx(1.0) or share == {"text": 0.0} for share in found.shares)


def test_axioms_find_a_table_that_is_shared_out_wrongly(monkeypatch):
    table = np.random.default_rng(0).normal(size=(4, 8, 1))
    measured = Measured([corpus()[0]] * 4, ("sad",), {"swap": table}, ["sad"] * 4)
    assert all(worst < 1e-12 for worst in axioms(measured).values())
    from benchmarks.truth import table as tables

    wrong = {"Shapley": np.random.default_rng(1).normal(size=(4, 5))}
    monkeypatch.setattr(tables, "from_table", lambda doubled: wrong)
    worst = axioms(measured)
    assert worst["twins"] > 0.1 and worst["dummy"] > 0.1


def test_a_threshold_is_a_quantile_of_what_an_exchanged_modality_gets():
    values = null_values(model(), choose(corpus(), 2), background_samples(corpus()), PROMPT, QUICK)
    own = np.arange(3)
    assert threshold(values, 1.0) == pytest.approx(np.maximum(values[:, own, own].max(0), 1e-9))


def test_doubled_game_by_hand():
    table = np.array([0.0, 1.0, 10.0, 11.0])  # player 0 brings 1, player 1 brings 10
    twice = doubled(table)
    assert twice.shape == (16,) and twice[0b0100] == 1.0 and twice[0b0101] == 1.0
    assert twice[0b0110] == 11.0 and twice[0b1000] == 0.0 and twice[0b1111] == 11.0


def test_a_cell_shows_a_figure_with_its_interval():
    assert cell({"x": 0.5, "x_ci": [0.25, 0.75]}, "x") == "0.50 [0.25, 0.75]"
    assert cell({"x": None}, "x") == cell({}, "x") == "–"
    assert cell({"x": 1.0, "x_ci": [float("nan")] * 2}, "x") == "1.00"
