"""Caption rewards: emotion consistency with and without its trap, BLEU, CIDEr, and the built-in embedder."""

import pickle

import numpy as np
import pytest
import sacrebleu

from emolab.emotions import EMOTIONS
from emolab.errors import RewardError
from emolab.metrics.captions import DocumentFrequency, cider_sample
from emolab.rewards.captions import Bleu, Cider, EmoGRPO, anchors, profile
from emolab.rewards.embedding import embed

REFERENCE = "The speaker sounds sad and sorrowful, with a low, slow and breathy voice that falls at the end."
CAPTIONS = {
    "right": "A sorrowful voice: quiet, unhappy and slow.",
    "wrong": "A joyful, bright and happy voice.",
    "afraid": "She sounds afraid and anxious.",
    "template": REFERENCE.replace("sad and sorrowful", "angry and furious"),
    "plain": "The speaker says something with a slow voice.",
}


def consistency(reward, key):
    return reward.consistency(CAPTIONS[key], REFERENCE)


def test_embeddings_are_unit_vectors_and_repeat():
    vectors = [embed(text) for text in (*CAPTIONS.values(), REFERENCE)]
    assert all(v @ v == pytest.approx(1.0) for v in vectors)
    assert np.array_equal(embed(REFERENCE), embed(REFERENCE))
    assert np.array_equal(embed(""), embed(""))
    assert anchors().shape == (7, len(vectors[0]))


def test_each_emotion_is_closest_to_its_own_anchor():
    for i, emotion in enumerate(EMOTIONS):
        assert int(np.argmax(profile(f"The voice sounds {emotion}."))) == i


def test_consistency_separates_right_from_wrong():
    reward = EmoGRPO()
    assert consistency(reward, "right") > 0.9
    assert max(consistency(reward, key) for key in ("wrong", "afraid", "template", "plain")) < 0.5


def test_trap_uncentred_anchors_saturate():
    """As published, captions that are plainly wrong come close to 1; centring takes the shared direction away."""
    published, centred = EmoGRPO(published=True), EmoGRPO()
    wrong = ("afraid", "template", "plain")
    assert all(consistency(published, key) > 0.7 for key in wrong)
    assert all(consistency(centred, key) < 0.3 for key in wrong)
    group = [[consistency(reward, key) for key in CAPTIONS if key != "wrong"] for reward in (published, centred)]
    assert np.var(group[1]) > 5 * np.var(group[0])


def test_emo_grpo_guards():
    texts = [f"<answer>{CAPTIONS[key]}</answer>" for key in ("right", "wrong", "template", "plain")]
    texts += ["<answer></answer>", ""]
    got = EmoGRPO()(texts, caption=[REFERENCE] * 6)
    assert got[0] > 0.9 and got[1:] == [0.0] * 5
    assert EmoGRPO()(["x"], caption=[" "]) == [None] == EmoGRPO()(["x"], caption=[None])
    several = EmoGRPO()(["He is happy."], caption=[[REFERENCE, "A happy man."]])
    assert several[0] > 0.9
    silent = EmoGRPO(floor=-1.0, overlap=0.0)(["A slow voice."], caption=["A slow, low voice."])
    assert silent[0] > 0.5
    assert EmoGRPO()(["A slow voice."], caption=["A slow, low voice."]) == [None]


def test_bleu_equals_sacrebleu():
    text = CAPTIONS["template"]
    expected = sacrebleu.sentence_bleu(text, [REFERENCE], lowercase=True, use_effective_order=True).score / 100
    assert Bleu()([f"<answer>{text}</answer>"], caption=[REFERENCE]) == [pytest.approx(expected)]
    assert Bleu()(["x"], caption=[None]) == [None]
    assert Bleu(order=1)(["the speaker"], caption=["the speaker"]) == [pytest.approx(1.0)]


def test_cider_weighs_by_the_corpus_it_was_fitted_on():
    corpus = ["a sad voice", "a happy voice", "an angry voice"]
    fitted = Cider.fit(corpus)
    expected = cider_sample(["a sad voice"], "a sad tone", DocumentFrequency.fit(corpus)) / 10
    assert fitted(["a sad tone"], caption=["a sad voice"]) == [pytest.approx(expected)]
    assert Cider()(["a b c d e"], caption=["a b c d e"]) == [pytest.approx(1.0)]
    assert fitted(["a happy voice"], caption=["a sad voice"])[0] < expected
    assert pickle.loads(pickle.dumps(fitted)) == fitted


def test_another_embedder_needs_its_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(RewardError, match=r"pip install 'emolab\[embeddings\]'"):
        embed("x", "no/such-model")


def test_sentence_transformers_models_are_used_when_installed(monkeypatch):
    import sys
    from types import SimpleNamespace

    class Fake:
        def __init__(self, name):
            self.name = name

        def encode(self, text, normalize_embeddings, show_progress_bar):
            vector = np.array([text.count("a") + 1.0, text.count("s") + 1.0, len(text) + 1.0])
            return vector / np.linalg.norm(vector) if normalize_embeddings else vector

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=Fake))
    assert embed("sass", "fake/model") @ embed("sass", "fake/model") == pytest.approx(1.0)
    assert anchors("fake/model").shape == (7, 3)
    assert EmoGRPO(embedder="fake/model").consistency("sad", "sad") == pytest.approx(1.0)
