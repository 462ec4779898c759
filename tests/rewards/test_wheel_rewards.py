"""Open-vocabulary rewards by hand, and their traps."""

import math
import pickle

import pytest

from emolab.errors import RewardError
from emolab.rewards.wheel import (
    PENALTIES,
    Alignment,
    Dual,
    WheelF,
    contradicts,
    gold_words,
    length_penalty,
    reasoning_words,
)
from emolab.wheels import embedded
from emolab.wheels.score import spam_score
from emolab.wheels.shipped import forms


def call(reward, completions, **columns):
    return reward(completions, **columns)


def answer(words, think=""):
    return (f"<think>{think}</think>" if think else "") + f"<answer>{words}</answer>"


def test_length_penalties_by_hand():
    assert length_penalty(5, 2, "P1") == pytest.approx(1 / 4)
    assert length_penalty(5, 2, "P2") == pytest.approx(2 / 5)
    assert length_penalty(5, 2, "P3") == pytest.approx(math.log(2) / math.log(5))
    assert length_penalty(5, 2, "smoothed") == pytest.approx(math.log(3) / math.log(6))
    assert all(length_penalty(2, 2, kind) == 1.0 == length_penalty(1, 3, kind) for kind in PENALTIES)
    with pytest.raises(RewardError, match="expected one of none, P1"):
        length_penalty(2, 1, "P4")
    with pytest.raises(RewardError, match="'P9'"):
        WheelF(penalty="P9")


def test_p3_trap_one_gold_label_earns_nothing_for_any_second_word():
    assert length_penalty(2, 1, "P3") == 0.0
    right = [answer("sad"), answer("sad, sorrowful")]
    assert call(WheelF(penalty="P3"), right, words=[["sad"]] * 2) == [1.0, 0.0]
    smoothed = call(WheelF(), right, words=[["sad"]] * 2)
    assert smoothed == [1.0, pytest.approx(math.log(2) / math.log(3))]


def test_wheel_f_by_hand():
    texts = [answer("sorrowful"), answer("happy"), answer("purple"), "", answer("sad, upset")]
    got = call(WheelF(penalty="none", hedge=0.0), texts, words=[["sad"]] * 5)
    assert got[:4] == [1.0, 0.0, 0.0, 0.0]
    assert 0.5 < got[4] < 1.0
    assert call(WheelF(penalty="none"), [answer("sad")], words=[["sad", "angry"]]) == [pytest.approx(2 / 3)]
    assert call(WheelF(), [answer("sad")], words=["sad, unhappy"]) == [1.0]
    assert call(WheelF(), [answer("sad")] * 2, words=[["purple"], None]) == [None, None]
    with pytest.raises(RewardError, match="needs the column 'words'"):
        call(WheelF(), [answer("sad")], solution=["sad"])


def test_level_two_is_finer():
    texts, gold = [answer("furious")], [["annoyed"]]
    assert call(WheelF(), texts, words=gold)[0] > call(WheelF(setting="level2"), texts, words=gold)[0]


def test_label_spam_pays_two_k_over_n_plus_k_when_published_and_nothing_here():
    everything = answer(", ".join(forms()))
    published = WheelF(published=True)
    wheels = embedded()
    clusters = [len(found) for found in wheels.clusters(forms())]
    expected = sum(spam_score(n, 1) for n in clusters) / len(clusters)
    assert call(published, [everything], words=[["sad"]]) == [pytest.approx(expected)]
    assert expected > 0.2
    assert call(WheelF(), [everything], words=[["sad"]]) == [0.0]
    assert published.__name__ == "wheel_f_published"


def test_hedges_earn_nothing():
    assert contradicts(["sad", "happy"], ["sad"]) and not contradicts(["sad", "happy"], ["sad", "glad"])
    texts = [
        answer("sad, happy"),
        answer("sad, angry, fearful, disgusted"),
        answer("sad, sorrow, gloomy, glum, morose"),
    ]
    assert call(WheelF(), texts, words=[["sad"]] * 3) == [0.0, 0.0, 0.0]
    assert call(WheelF(), texts[:1], words=[["sad", "happy"]]) == [1.0]


def test_each_guard_can_be_switched_off():
    free = {"min_precision": 0.0, "max_extra": 99, "consistent": False, "penalty": "none", "hedge": 0.0}
    spam = [answer("sad, happy"), answer("sad, sorrow, gloomy, glum, morose"), answer("sad, angry, fearful, happy")]
    both, many, mixed = call(WheelF(**free), spam, words=[["sad"]] * 3)
    assert both == pytest.approx(2 / 3) and many > 0.5 and 0.3 < mixed < 0.6
    assert call(WheelF(**{**free, "consistent": True}), spam[:1], words=[["sad"]]) == [0.0]
    assert call(WheelF(**{**free, "max_extra": 3}), spam[1:2], words=[["sad"]]) == [0.0]
    assert call(WheelF(**{**free, "min_precision": 0.5}), spam[2:], words=[["sad"]]) == [0.0]
    assert call(WheelF(**{**free, "penalty": "P2"}), spam[:1], words=[["sad"]]) == [pytest.approx(1 / 3)]


def test_a_hedge_of_two_words_earns_less_than_one_word_half_the_time():
    """F = 2/3 and P = 1/2 on every wheel, so F·P = 1/3; one word that is right half of the time earns 1/2."""
    pair = [answer("sad, calm"), answer("sad"), answer("sad, sorrowful")]
    loose = {"min_precision": 0.0, "consistent": False, "penalty": "none"}
    assert call(WheelF(**loose), pair, words=[["sad"]] * 3) == [pytest.approx(1 / 3), 1.0, 1.0]
    assert call(WheelF(**loose, hedge=2.0), pair[:1], words=[["sad"]]) == [pytest.approx(1 / 6)]


def test_denied_words_do_not_count_and_hidden_ones_cannot_help():
    texts = [answer(t) for t in ("sad? No.", "not sad", "sad, no", "中性，不对", "sad, maybe calm", "very sad", "悲伤")]
    gold = [["sad"]] * 3 + [["neutral"]] + [["sad"]] * 3
    got = call(WheelF(penalty="none", consistent=False), texts, words=gold)
    assert got[:4] == [0.0] * 4 and got[4] == pytest.approx(1 / 3) and got[5:] == [0.0, 1.0]


def test_wheel_f_reads_chinese_gold():
    texts = [answer(text) for text in ("悲伤", "sad", "高兴", "不悲伤")]
    assert call(WheelF(), texts, words=[["悲伤"]] * 4) == [1.0, 1.0, 0.0, 0.0]


def test_gold_in_a_language_that_the_lexicon_does_not_know_is_said(caplog):
    with caplog.at_level("WARNING", "emolab.rewards"):
        assert call(WheelF(), [answer("triste")], words=[["triste", "amer"]]) == [None]
    assert "triste, amer are on no wheel" in caplog.text and "English and Chinese" in caplog.text


def test_dual_reads_the_reasoning():
    texts = [answer("happy", think="A low voice; she is sad."), answer("sad", think="A low voice."), answer("sad")]
    assert call(Dual(), texts, words=[["sad"]] * 3) == [1.0, 0.0, 0.0]
    assert Dual().__name__ == "dual" and Dual(published=True).__name__ == "dual_published"
    assert reasoning_words("she is sad") == ()


def test_alignment_is_the_jaccard_index_of_reasoning_and_answer():
    texts = [
        answer("sad", think="She is sorrowful."),
        answer("happy", think="She is sad."),
        answer("sad, happy", think="She is sad."),
        answer("sad", think="A voice."),
        answer("sad"),
    ]
    assert call(Alignment(), texts) == [1.0, 0.0, 0.5, 0.0, 0.0]


def test_gold_words_come_as_text_or_as_a_list():
    assert gold_words("[Sad, angry]") == ("sad", "angry") == gold_words(["Sad ", "angry"])


def test_pickle():
    for reward in (WheelF(), Dual(penalty="P1"), Alignment()):
        assert pickle.loads(pickle.dumps(reward)) == reward
