"""Votes as targets: agreement against SciPy, the loaders' shapes, and a group that should match the votes."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from emolab.errors import RewardError
from emolab.rewards.votes import Votes, agreement, votes_of


def answers(*labels):
    return [f"<answer>{label}</answer>" for label in labels]


def test_agreement_is_one_less_the_jensen_shannon_divergence_of_scipy():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p, q = rng.dirichlet(np.full(5, 0.4)), rng.dirichlet(np.full(5, 0.4))
        expected = 1 - jensenshannon(p, q, base=2) ** 2
        mine = agreement(dict(zip("abcde", p, strict=True)), dict(zip("abcde", 7 * q, strict=True)))
        assert mine == pytest.approx(expected, abs=1e-12)
    assert agreement({"a": 0.3, "b": 0.7}, {"b": 0.7, "a": 0.3}) == 1.0
    for bad in ({}, {"a": 0.0}, {"a": -1.0, "b": 2.0}):
        with pytest.raises(ValueError, match="a distribution needs"):
            agreement(bad, {"a": 1.0})


def test_votes_come_as_the_loaders_keep_them():
    assert votes_of({"C-E1": ["Neutral", "Sadness"], "C-E2": ["Sadness"], "C-F1": ["Other"]}, "iemocap-4") == {
        "neutral": 0.25,
        "sad": 0.75,
    }
    views = {"audio": [{"annotator": "a", "emotion": "sad"}, {"annotator": "b", "emotion": "neutral"}]}
    assert votes_of(views) == {"sad": 0.5, "neutral": 0.5}
    assert votes_of({"sad": "3", "angry": 1, "neutral": 0, "VoiceLevel": "x"}) == {"sad": 0.75, "angry": 0.25}
    assert votes_of(["purple"]) is None is votes_of(None)
    assert votes_of(["难过", "sad"]) == {"sad": 1.0}


def test_one_answer_earns_by_its_share_of_the_votes():
    votes = [{"sad": 6, "neutral": 3, "angry": 1}] * 6
    got = Votes()([*answers("sad", "neutral", "angry", "happy", "sad or neutral"), ""], votes=votes)
    assert got[0] > got[1] > got[2] > 0.0 and got[3:] == [0.0, 0.0, 0.0]
    assert got[0] == pytest.approx(1 - jensenshannon([1, 0, 0], [0.6, 0.3, 0.1], base=2) ** 2)
    assert Votes()(answers("sad"), votes=[["purple"]]) == [None] == Votes()(answers("sad"), votes=[None])
    with pytest.raises(RewardError, match="needs the column 'votes'"):
        Votes()(answers("sad"), solution=["sad"])


def test_sampled_answers_are_paid_for_matching_the_votes_as_a_group():
    votes = [{"sad": 1, "neutral": 1}]
    group = Votes(sampled=True)
    sad, neutral = group(answers("sad", "sad", "sad", "neutral"), votes=votes * 4)[2:]
    assert neutral > sad, "the group has too many of one answer"
    matched = group(answers("sad", "neutral", "sad", "neutral"), votes=votes * 4)
    assert len(set(matched)) == 1
    happy = group(answers("sad", "neutral", "sad", "happy"), votes=votes * 4)
    assert min(happy) == happy[3]
    none = group([*answers("sad", "neutral", "sad"), "?"], votes=votes * 4)
    assert min(none) == none[3]
    assert group(answers("sad"), votes=votes) == [pytest.approx(agreement({"sad": 1}, votes[0]))]


def test_groups_are_told_apart_and_rows_without_votes_are_left_out():
    got = Votes(sampled=True)(
        answers("sad", "happy", "sad", "sad"), votes=[["sad"], ["sad"], None, None], row=[0, 0, 1, 1]
    )
    assert got[0] > got[1] and got[2:] == [None, None]
