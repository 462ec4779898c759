"""How far a clip lies from training clips, on embeddings whose distances are known, and for the shipped model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emolab.errors import EvaluationError, ModelError
from emolab.lalm.likeness import FILE, Likeness, likeness_of, note, tower_identity
from emolab.lalm.testing import noise_samples, tiny_random

RNG = np.random.default_rng(0)


def normal(n: int, scale: float = 1.0) -> np.ndarray:
    """Clips that differ in 4 of 10 directions, with spreads of 4, 3, 2 and 1, and a little in the others."""
    return scale * RNG.normal(size=(n, 10)) * np.array([4.0, 3, 2, 1, *[0.05] * 6])


def test_distance_is_about_one_inside_and_grows_with_the_standard_deviations_outside():
    known = Likeness.of(normal(4000), normal(2000))
    assert np.median(known.held_out) == pytest.approx(1.0, abs=0.1)
    axis = np.zeros(10)
    axis[0] = 4.0
    by_hand = np.sqrt(25.0 / (len(known.axes) + 1))
    assert known.distance(known.mean + 5 * axis) == pytest.approx(by_hand, rel=0.1)
    assert known.distance(known.mean) == pytest.approx(0.0, abs=1e-9)
    judged = known.judge(known.mean + 20 * axis)
    assert judged["unlike"] and judged["as_far"] == 0.0 and "95% of held-out clips" in note(judged)
    assert note(known.judge(known.mean)) == note(None) == ""


def test_the_threshold_is_a_quantile_of_held_out_clips():
    known = Likeness.of(normal(500), normal(1000), quantile=0.9)
    fresh = np.array([known.distance(row) for row in normal(1000)])
    assert np.mean(fresh > known.threshold) == pytest.approx(0.1, abs=0.03)
    assert np.mean([known.judge(row)["unlike"] for row in normal(200, 3.0)]) > 0.9


def test_it_is_written_and_read_and_only_for_the_same_towers(tmp_path):
    model = tiny_random()
    samples = noise_samples(6, (1.0,))
    made = Likeness.fit(model, samples[:3], samples[3:], "noise")
    made.save(tmp_path)
    read = likeness_of(model, tmp_path)
    assert read.source == "noise" and read.towers == tower_identity(model)
    assert read.held_out == pytest.approx(made.held_out, rel=1e-5) and read.threshold == pytest.approx(made.threshold)
    replace(made, towers="others").save(tmp_path)
    with pytest.raises(ModelError, match="other towers"):
        likeness_of(model, tmp_path)
    (tmp_path / FILE).write_bytes(b"no")
    with pytest.raises(EvaluationError, match="cannot be read"):
        likeness_of(model, tmp_path)
    with pytest.raises(EvaluationError, match="at least two"):
        Likeness.fit(model, samples[:1], samples)
