"""Scores of attributions that are right, wrong or random by construction."""

from __future__ import annotations

import numpy as np
import pytest
from emolab_course.truth import auc, conflict, recovery

from emolab.errors import AttributionError

CARRIERS = [["audio"], ["video"], ["text"], ["audio", "text"], ["audio"]]
PERFECT = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 2], [1, -1, 1], [1, 0, 0.5]], float)
SPEAKERS = ["a", "b", "c", "d", "e"]


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


def test_conflict_follows_whoever_shows_the_predicted_emotion():
    shown = [{"audio": "sad", "text": "happy", "video": "neutral"}] * 3
    values = np.array([[1.0, 0, -1], [1.0, 0, -1], [1.0, 0, -1]])
    found = conflict(values, ["sad", "happy", "angry"], shown, ["a", "b", "c"], n_boot=50)
    assert (found["follows"], found["positive"], found["n"], found["unexplained"]) == (0.5, 0.5, 2, 1)
    assert conflict(values, ["angry"] * 3, shown, ["a"] * 3)["follows"] is None
