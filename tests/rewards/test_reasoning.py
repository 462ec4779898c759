"""Rewards for reasoning: support, pairwise perception, and trust, by hand."""

import math
import pickle

import pytest

from emolab.errors import RewardError
from emolab.rewards.reasoning import Perception, Support, TrustedReasoning


def completion(think, answer):
    return f"<think>{think}</think><answer>{answer}</answer>"


GOOD = completion("The voice is low. She sounds sorrowful. It is a gloomy tone.", "sad")
MIXED = completion("She sounds sorrowful. She is happy.", "sad")
BAD = completion("She is happy.", "sad")
EMPTY = completion("The voice is low.", "sad")


def test_support_is_the_mean_over_sentences_that_name_an_emotion():
    got = Support()([GOOD, MIXED, BAD, EMPTY, "<answer>sad</answer>"])
    assert got == [1.0, 0.5, 0.0, 0.0, 0.0]


def custom_judge(sentence, answer):
    return 1.0 if answer in sentence else None


def test_support_takes_another_judge():
    assert Support(judge=custom_judge)([completion("x. is sad.", "sad")]) == [1.0]


def test_perception_is_the_expected_share_of_wins():
    got = Perception(temperature=0.25)([GOOD, BAD, GOOD], prompts=["a", "a", "b"])
    win = 1 / (1 + math.exp(-4.0))
    assert got == [pytest.approx(win), pytest.approx(1 - win), 0.5]
    by_row = Perception()([GOOD, BAD, GOOD], row=[0, 0, 1])
    assert by_row == got


def test_trusted_reasoning_enters_late_and_only_where_accuracy_allows():
    texts, gold = [GOOD, BAD], {"solution": ["sad", "sad"]}
    reward = TrustedReasoning()
    assert reward(texts, **gold, progress=0.1) == [0.0, 0.0]
    assert reward(texts, **gold, progress=0.5) == [1.0, 0.0]
    assert reward(texts, solution=["angry", "angry"], progress=0.5) == [0.0, 0.0]
    with pytest.raises(RewardError, match="'solution'"):
        reward(texts)


def test_trust_falls_when_wrong_answers_reason_better():
    reward = TrustedReasoning(scale=0.25)
    assert reward.trust([1.0, 0.5], [True, False]) == 1.0
    assert reward.trust([0.5, 1.0], [True, False]) == pytest.approx(math.exp(-2.0))
    assert reward.trust([0.5, 1.0], [True, True]) == 1.0
    wrong_but_fluent = completion("She is happy.", "happy")
    got = reward([MIXED, wrong_but_fluent], solution=["sad", "sad"], progress=1.0)
    assert got == [pytest.approx(0.5 * math.exp(-2.0)), pytest.approx(math.exp(-2.0))]


def test_pickle():
    for reward in (Support(), Perception(), TrustedReasoning()):
        assert pickle.loads(pickle.dumps(reward)) == reward
