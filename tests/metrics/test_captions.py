"""Caption scores against sacrebleu and by hand."""

import json
import math
from pathlib import Path

import pytest
import sacrebleu

from emolab.metrics import (
    bleu,
    caption_notes,
    caption_table,
    cider,
    distinct,
    emotion_f1,
    rouge_l,
    sentiment_f1,
    sentiment_of,
    vocabulary_size,
)
from emolab.metrics.captions import DocumentFrequency, cider_sample, tokens

GOLD = [
    "the speaker sounds sad and speaks slowly",
    "a bright and happy voice rises at the end",
    "she is angry about it",
]
PRED = ["the speaker sounds sad and talks very slowly", "a bright voice rises at the very end", "she is furious"]


@pytest.mark.parametrize("order", [1, 2, 4])
def test_bleu_equals_sacrebleu(order):
    metric = sacrebleu.BLEU(max_ngram_order=order, lowercase=True, smooth_method="none")
    assert bleu(GOLD, PRED, order) == pytest.approx(metric.corpus_score(PRED, [GOLD]).score / 100)


def test_bleu_by_hand_and_with_several_references():
    assert bleu(["a b c d"], ["a b x d"], 1) == pytest.approx(0.75)
    assert bleu(["a b c d"], ["a b"], 1) == pytest.approx(math.exp(1 - 4 / 2))
    assert bleu([["x y", "a b"], ["c d"]], ["a b", "c d"], 1) == pytest.approx(1.0)


def test_rouge_l_by_hand():
    """LCS of "a b c d" and "a c e" is "a c": P = 2/3, R = 1/2."""
    p, r = 2 / 3, 1 / 2
    assert rouge_l(["a b c d"], ["a c e"], beta=1.0) == pytest.approx(2 * p * r / (p + r))
    assert rouge_l(["a b c d"], ["a c e"]) == pytest.approx((1 + 1.44) * p * r / (r + 1.44 * p))
    assert rouge_l(["a b"], [""]) == 0.0
    assert rouge_l([["x", "a b"]], ["a b"]) == pytest.approx(1.0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_scores_equal_kept_packages_on_two_hundred_pairs(language):
    """`coco_captions.json` holds what pycocoevalcap 1.2 and sacrebleu 2.6 give for a hundred pairs of each language."""
    found = json.loads((Path(__file__).parent / "coco_captions.json").read_text(encoding="utf-8"))[language]
    gold = [pair["references"] for pair in found["pairs"]]
    pred = [pair["caption"] for pair in found["pairs"]]
    assert len(pred) == 100
    table = caption_table(gold, pred)
    for name in ("cider", "rouge_l", "bleu_1", "bleu_4"):
        assert table[name] == pytest.approx(found[name], abs=1e-9), name
    weights = DocumentFrequency.fit(gold)
    for pair in found["pairs"]:
        assert cider_sample(pair["references"], pair["caption"], weights) == pytest.approx(pair["cider"], abs=1e-9)
        assert rouge_l([pair["references"]], [pair["caption"]]) == pytest.approx(pair["rouge_l"], abs=1e-9)


def test_what_no_kept_package_computes_here_has_no_name_here():
    import emolab.metrics

    assert not {"meteor", "spice"} & {*caption_table(GOLD, PRED), *emolab.metrics.__all__}


CHINESE = ["说话人语速很慢，声音低沉，听起来很悲伤。", "她的声音明亮，充满喜悦。"]


@pytest.mark.parametrize("order", [1, 4])
def test_bleu_of_chinese_equals_sacrebleu_s_chinese_tokenizer(order):
    pred = ["说话人声音低沉，语速慢，很悲伤。", "她的声音很明亮，非常高兴。"]
    metric = sacrebleu.BLEU(max_ngram_order=order, lowercase=True, smooth_method="none", tokenize="zh")
    assert bleu(CHINESE, pred, order) == pytest.approx(metric.corpus_score(pred, [CHINESE]).score / 100)
    assert bleu(CHINESE, CHINESE, order) == pytest.approx(1.0)


def test_every_score_of_an_identical_chinese_caption_is_that_of_an_identical_english_one():
    same = caption_table(CHINESE, CHINESE)
    assert (same["bleu_1"], same["bleu_4"], same["rouge_l"], same["emotion_f1"]) == pytest.approx((1, 1, 1, 1))
    assert same["cider"] == pytest.approx(10.0)
    other = caption_table(CHINESE, CHINESE[::-1])
    assert all(other[name] < 0.5 for name in ("bleu_4", "rouge_l", "emotion_f1"))
    assert tokens("声音 low，isn’t") == ["声", "音", "low", "isn't"]


def test_what_is_undefined_is_nan_and_said():
    assert math.isnan(cider(["a perfect caption"], ["a perfect caption"]))
    assert math.isnan(cider(["the same", "the same"], ["the same", "x"]))
    assert cider(["the same", "the same", "another one"], ["the same", "x", "another one"]) < 10.0
    assert any("CIDEr is undefined for 1 of 1" in note for note in caption_notes(["a sad voice"], ["a sad voice"]))
    assert caption_notes(["a sad voice", "a happy voice"], ["a", "b"]) == []
    assert any("tokenizer zh" in note for note in caption_notes(CHINESE, CHINESE))
    unknown = caption_notes(["голос печальный", "голос весёлый"], ["x", "y"])
    assert len(unknown) == 1 and "no emotion word in any reference" in unknown[0]


def test_cider_by_hand():
    """One word each, two samples: idf = log 2, cosine 1 in unigrams only, so 10 · ¼; different words 0."""
    assert cider(["sad", "happy"], ["sad", "happy"]) == pytest.approx(2.5)
    assert cider(["sad", "happy"], ["happy", "sad"]) == 0.0
    assert cider(GOLD, GOLD) == pytest.approx(10.0)
    frequency = DocumentFrequency.fit(["a b", "a c"])
    assert frequency.weight(("a",)) == 0.0
    assert frequency.weight(("b",)) == pytest.approx(math.log(2))
    assert frequency.weight(("unseen",)) == pytest.approx(math.log(2))


def test_cider_d_clips_repeats_and_discounts_length():
    none = DocumentFrequency({})
    repeated = cider_sample(["a b"], "a a a a b", none)
    assert repeated < cider_sample(["a b"], "a a a a b", none, "plain")
    unigram = (1 * 1 + 1 * 1) / (math.sqrt(16 + 1) * math.sqrt(2))
    bigram = 1 / math.sqrt(9 + 1)
    assert repeated == pytest.approx(10 * math.exp(-9 / 72) * (unigram + bigram) / 4)
    with pytest.raises(ValueError, match="variant"):
        cider_sample(["a"], "a", none, "x")


def test_distinct_vocabulary_and_emotion_f1():
    assert distinct(["a b a", "a b"], 1) == pytest.approx(2 / 5)
    assert distinct(["a b a", "a b"], 2) == pytest.approx(2 / 3)
    assert math.isnan(distinct([""], 1))
    assert vocabulary_size(["A b", "b c"]) == 3
    assert emotion_f1(["sad and worried", "happy"], ["sorrowful", "angry"]) == pytest.approx(2 * 1 / (2 + 3))
    assert emotion_f1(["not sad"], ["not happy"]) != emotion_f1(["not sad"], ["not happy"])


def test_caption_table_has_every_score():
    table = caption_table(GOLD, PRED)
    assert set(table) == {
        "bleu_1",
        "bleu_4",
        "rouge_l",
        "cider",
        "emotion_f1",
        "distinct_1",
        "distinct_2",
        "vocabulary",
        "n",
    }
    assert table["n"] == 3 and table["emotion_f1"] == pytest.approx(2 * 2 / (2 + 3))


def test_sentiment_f1_leaves_zero_gold_out():
    """Gold + + − (0 is dropped), predictions + − −: F1(+) = 2/3, F1(−) = 2/3."""
    assert sentiment_f1([1.2, 0.4, 0.0, -2.0], [0.5, -1.0, 3.0, -0.1]) == pytest.approx(2 / 3)
    assert sentiment_f1([1.0, 1.0], [None, 0.0]) == 0.0
    assert sentiment_of(["sad", "happy", "angry", "purple"]) == pytest.approx(-1 / 3)
