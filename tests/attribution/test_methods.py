"""Cheaper scores and shares by hand."""

from __future__ import annotations

import numpy as np
import pytest
from emolab_course.methods import banzhaf, leave_one_out, only_one_in

from emolab.attribution.methods import modality_shares, shares
from emolab.attribution.players import Player
from emolab.attribution.shapley import coalitions


def test_ablations_by_hand():
    either = (coalitions(2).any(1)).astype(float)
    assert leave_one_out(either).tolist() == [0.0, 0.0] and only_one_in(either).tolist() == [1.0, 1.0]
    both = coalitions(2).all(1).astype(float)
    assert leave_one_out(both).tolist() == [1.0, 1.0] and only_one_in(both).tolist() == [0.0, 0.0]
    assert banzhaf(both).tolist() == [0.5, 0.5]


def test_shares_of_fine_players():
    players = [Player("a", "audio", (0,)), Player("b", "audio", (1,)), Player("c", "text", (2,))]
    values = np.array([1.0, -2.0, 1.0])
    assert modality_shares(values, players) == pytest.approx({"audio": 0.75, "text": 0.25})
    assert shares(np.zeros((2, 3))).tolist() == [[0, 0, 0], [0, 0, 0]]
