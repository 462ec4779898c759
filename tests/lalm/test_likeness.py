"""How far a clip lies from training clips, on embeddings whose distances are known, and for the shipped model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.tiny_models import noise_samples, tiny_random
from emolab.errors import EvaluationError, ModelError
from emolab.lalm.likeness import FILE, Likeness, likeness_of, note, tower_identity

RNG = np.random.default_rng(0)


def normal(n: int, scale: float = 1.0) -> np.ndarray:
    """Clips that differ in 4 of 10 directions, with spreads of 4, 3, 2 and 1, and a little in the others."""
    return scale * RNG.normal(size=(n, 10)) * np.array([4.0, 3, 2, 1, *[0.05] * 6])


def test_distance_is_about_one_inside_and_grows_with_the_standard_deviations_outside():
    known = Likeness.of(normal(4000), [None] * 4000, [None] * 4000)
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
    known = Likeness.of(normal(1500), [None] * 1500, [None] * 1500, quantile=0.9)
    fresh = np.array([known.distance(row) for row in normal(1000)])
    assert np.mean(fresh > known.threshold) == pytest.approx(0.1, abs=0.03)
    assert np.mean([known.judge(row)["unlike"] for row in normal(200, 3.0)]) > 0.9


def test_the_threshold_allows_for_speakers_who_differ():
    places = 3 * normal(40)
    speakers = [str(i % 40) for i in range(1200)]
    clips = places[[int(s) for s in speakers]] + normal(1200)
    known = Likeness.of(clips, speakers, [None] * 1200)
    blind = Likeness.of(clips, [None] * 1200, [None] * 1200)
    new = 3 * normal(200) + normal(200)
    flagged = np.mean([[k.judge(row)["unlike"] for row in new] for k in (known, blind)], axis=1)
    assert flagged[0] < flagged[1] and flagged[0] < 0.15


def test_it_is_written_and_read_and_only_for_the_same_towers(tmp_path):
    model = tiny_random()
    samples = noise_samples(12, (1.0,))
    made = Likeness.fit(model, samples, "noise")
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
    with pytest.raises(EvaluationError, match="at least 10"):
        Likeness.fit(model, samples[:9])


def test_the_shipped_statistics_are_about_the_shipped_towers_and_tell_noise_from_the_corpus():
    """Where this fails after new weights: run `python data_scripts/likeness.py`."""
    from emolab.evaluate.predict import predict
    from emolab.lalm import load_model

    model = load_model("tiny-omni", device="cpu")
    assert model.likeness is not None and "synthetic" in model.likeness.source
    noise = RNG.normal(0, 0.1, 32_000).astype(np.float32)
    answer = predict(model, noise, max_new_tokens=4)
    assert answer["likeness"]["unlike"] and answer["likeness"]["as_far"] == 0.0 and "may mean nothing" in answer["note"]
