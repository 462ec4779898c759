"""Attributions of many samples on a tiny random model."""

from __future__ import annotations

import numpy as np
import pytest
from attribution_helpers import PROMPT, corpus, model
from emolab_course.measure import Settings, choose, measure, method_values, null_tables, null_values
from emolab_course.methods import null_band

from emolab.attribution.game import background_samples
from emolab.attribution.shapley import exact_from_table
from emolab.errors import AttributionError
from emolab.samples import Corpus, EmotionSample

QUICK = Settings(versions=2, gradient_steps=2)


def test_chosen_samples_are_even_over_conditions_and_show_their_carriers():
    found = choose(corpus(), 5)
    assert len({s.extra["condition"] for s in found}) == 5 and all(s.split == "test" for s in found)
    emphasised = choose(corpus(), 4, single_turns=2)
    assert [s.extra["condition"] for s in emphasised[:2]] == ["A", "A"]
    assert all("video" not in s.extra["carriers"] for s in choose(corpus(), 9, shown=("audio", "text")))
    with pytest.raises(AttributionError, match="states which of audio, video, text carries"):
        choose(Corpus(corpus().root, [EmotionSample("x", text="x", emotion="sad", split="test")]), 3)


def test_measured_tables_and_methods_fit_together():
    samples = choose(corpus(), 4)
    measured = measure(model(), samples, background_samples(corpus()), PROMPT, QUICK, progress=False)
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


def test_null_is_about_the_modality_that_was_exchanged():
    samples, background = choose(corpus(), 3), background_samples(corpus())
    tables = null_tables(model(), samples, background, PROMPT, QUICK)
    values = null_values(model(), samples, background, PROMPT, QUICK)
    assert tables.shape == (3, 3, 8) and values == pytest.approx(exact_from_table(tables))
    band = null_band(values)
    assert band["share_upper"].shape == (3,) and (band["share_upper"] >= band["share_mean"]).all()
