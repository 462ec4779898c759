"""Bootstrap intervals by their properties."""

from __future__ import annotations

import numpy as np
import pytest
from emolab_course.truth import share_interval

from emolab.metrics.bootstrap import interval, mean_interval


def test_bootstrap_draws_whole_groups():
    values = np.repeat([0.0, 1.0], 50)
    low, high = interval(lambda i: float(values[i].mean()), ["x"] * 50 + ["y"] * 50, 200)
    assert (low, high) == (0.0, 1.0)
    tight = interval(lambda i: float(values[i].mean()), list(range(100)), 200)
    assert tight[1] - tight[0] < 0.3


def test_a_share_of_all_or_none_has_an_exact_interval():
    assert share_interval(np.ones(39), ["a"] * 39) == [pytest.approx(0.025 ** (1 / 39)), 1.0]
    assert share_interval(np.zeros(10), list(range(10)))[0] == 0.0
    assert share_interval(np.repeat([0.0, 1.0], 50), ["x"] * 50 + ["y"] * 50, 200) == [0.0, 1.0]


def test_intervals_draw_whole_speakers():
    values = np.repeat([0.0, 1.0], 50)
    assert mean_interval(values, ["x"] * 50 + ["y"] * 50, 200) == [0.0, 1.0]
    low, high = mean_interval(values, n=200)
    assert 0.35 < low < 0.5 < high < 0.65
