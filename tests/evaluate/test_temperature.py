"""Temperatures: fitted by likelihood, kept beside a checkpoint, and used by a prediction without changing its label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_scripts.pretraining.temperature import calibration_error, fit_temperature
from emolab.errors import EvaluationError
from emolab.evaluate.calibration import Temperatures, softmax

LABELS = ("x", "y", "z")


def test_softmax_by_hand() -> None:
    assert softmax(np.array([[np.log(4.0), 0.0]])).tolist() == [pytest.approx([0.8, 0.2])]
    assert softmax(np.array([[np.log(4.0), 0.0]]), 2.0).tolist() == [pytest.approx([2 / 3, 1 / 3])]


def test_the_temperature_of_made_scores_is_found() -> None:
    """Labels drawn at temperature 1, scores three times too sure: the fit undoes the three."""
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 1.5, (6000, 3))
    gold = [LABELS[rng.choice(3, p=p)] for p in softmax(scores)]
    assert fit_temperature(3 * scores, gold, LABELS) == pytest.approx(3, rel=0.08)
    sure, honest = (calibration_error(softmax(3 * scores, t), gold, LABELS) for t in (1.0, 3.0))
    assert honest < 0.03 < 0.15 < sure


def test_calibration_error_by_hand() -> None:
    posterior = np.array([[0.95, 0.05, 0.0], [0.95, 0.05, 0.0], [0.55, 0.45, 0.0], [0.55, 0.45, 0.0]])
    assert calibration_error(posterior, ["x", "y", "x", "x"], LABELS) == pytest.approx(0.5 * 0.45 + 0.5 * 0.45)


def test_a_folder_keeps_them_and_a_missing_file_changes_nothing(tmp_path: Path) -> None:
    made = Temperatures(1.3, 4.0, "somewhere")
    made.save(tmp_path)
    assert Temperatures.load(tmp_path) == made and made.of(True) == 4.0 and made.of(False) == 1.3
    assert Temperatures.load(tmp_path / "none") == Temperatures.load(None) == Temperatures()


@pytest.mark.parametrize("content", ["{", '{"like": 0, "unlike": 1}', '{"cold": 1}', "[]"])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "temperature.json").write_text(content)
    with pytest.raises(EvaluationError, match=r"temperature\.json"):
        Temperatures.load(tmp_path)


def test_nothing_to_fit_is_said() -> None:
    with pytest.raises(EvaluationError, match="held-out"):
        fit_temperature(np.zeros((0, 3)), [], LABELS)


def test_a_prediction_is_less_sure_at_a_temperature_and_says_the_same(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from emolab.evaluate.predict import predict
    from emolab.lalm import load_model

    model = load_model("tiny-omni")
    wave = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)  # no speech: unlike the training clips
    plain = predict(model, wave)
    Temperatures(1.0, 8.0).save(tmp_path)
    model.home = tmp_path
    flat = predict(model, wave)
    assert plain["temperature"] == 1.0 and flat["temperature"] in (1.0, 8.0)
    if flat["temperature"] == 8.0:
        assert max(flat["distribution"].values()) < max(plain["distribution"].values())
    assert flat["label"] == plain["label"] and sum(flat["distribution"].values()) == pytest.approx(1)
