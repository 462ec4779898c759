"""Deletion curves on games whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.truth.deletion import DeletionCurve, deletion_curves, faithfulness
from emolab.errors import AttributionError

WORTH = np.array([3.0, 1.0, 0.0, -1.0, 0.5])


def deletion_curve(game, values, rng, orders: int = 8) -> DeletionCurve:
    return deletion_curves(game, {"it": values}, rng, orders)["it"]


def additive(present):
    return present @ WORTH


def test_curve_of_an_additive_game_by_hand():
    curve = deletion_curve(additive, WORTH, np.random.default_rng(0), 5)
    assert curve.top == pytest.approx([3.5, 0.5, -0.5, -1.0, -1.0, 0.0])
    assert (curve.random[:, 0] == 3.5).all() and (curve.random[:, -1] == 0).all()
    assert curve.gains[0] == 0 and curve.gains[1] > 0


def test_curve_at_some_points_only_is_the_whole_curve_there():
    whole = deletion_curve(additive, WORTH, np.random.default_rng(0), 5)
    some = deletion_curves(additive, {"it": WORTH}, np.random.default_rng(0), 5, (0.5,))["it"]
    assert some.removed.tolist() == [0, 1, 2, 5]
    assert some.top == pytest.approx(whole.top[some.removed])
    assert some.random == pytest.approx(whole.random[:, some.removed])
    assert some.gain_at(0.4) == pytest.approx(whole.gain_at(0.4)) and some.saturation == whole.saturation


def test_right_order_is_faithful_and_reversed_order_is_not():
    rng = np.random.default_rng(0)
    right = faithfulness([deletion_curve(additive, WORTH, rng) for _ in range(20)])
    wrong = faithfulness([deletion_curve(additive, -WORTH, rng) for _ in range(20)])
    assert right["advantage_ci"][0] > 0 > wrong["advantage_ci"][1]
    assert right["n"] == 20 and right["saturated"] == 0


def test_saturated_games_are_counted_and_refused():
    def brittle(present):
        return present.all(1).astype(float)

    def flat(present):
        return np.ones(len(present))

    curves = [deletion_curve(game, WORTH, np.random.default_rng(0)) for game in (brittle, flat)]
    with pytest.raises(AttributionError, match="all 2"):
        faithfulness(curves)
    assert faithfulness([*curves, deletion_curve(additive, WORTH, np.random.default_rng(1))])["saturated"] == 2
