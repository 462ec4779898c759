"""Our own wheels: big enough, unambiguous, and no word beside its opposite."""

from collections import Counter
from importlib import resources

import pytest
from emolab_course.quirks import opposite_words, quirks

from emolab.emotions import EMOTIONS
from emolab.wheels import SETTINGS, embedded, hit_rate, jaccard, sample_scores, wheel_scores
from emolab.wheels.score import spam_score
from emolab.wheels.shipped import NAMES, cluster_valence, families, forms, lexicon, voice_words


def test_size_and_weight():
    assert len(forms()) >= 1000
    files = [f for f in (resources.files("emolab.wheels") / "data").iterdir() if f.name.endswith((".csv", ".txt"))]
    assert len(files) == 9 and sum(len(f.read_bytes()) for f in files) <= 300_000


def test_each_form_belongs_to_one_word_and_lands_on_every_wheel():
    counts = Counter(form for word in lexicon() for form in (word.word, *word.forms))
    assert [form for form, n in counts.items() if n > 1] == []
    wheels = embedded()
    assert set(wheels.maps) == set(SETTINGS)
    for form in forms():
        for setting in SETTINGS:
            assert all(len(found) == 1 for found in wheels.clusters((form,), setting)), form


def test_no_word_maps_to_an_opposite_cluster():
    assert opposite_words() == []
    assert all(set(valences.values()) == {-1, 0, 1} for valences in cluster_valence().values())


def test_the_check_would_find_one(monkeypatch):
    from emolab.wheels import shipped as module

    broken = {**families(), "joy": {**families()["joy"], "plutchik": "sadness"}}
    monkeypatch.setattr(module, "families", lambda: broken)
    wheels = module.embedded.__wrapped__()
    assert ("sunny", "plutchik", "sadness") in opposite_words(wheels)


def test_every_wheel_has_words_once_and_every_place_exists():
    wheels = embedded()
    for name, tree in wheels.trees.items():
        below = [word for branch in tree.values() for level2, leaves in branch.items() for word in {level2, *leaves}]
        assert len(below) == len(set(below)), name
        assert all(word in forms() for word in below), name
        assert all(row[name] in below for row in families().values()), name
    assert wheels.wheels == NAMES


def test_fear_is_not_fearless_and_neutral_maps():
    for wheel in embedded().clusters(("fear",)):
        assert wheel.isdisjoint({"trust", "powerful", "joy", "joyful"})
    assert embedded().clusters(("fear",)) != embedded().clusters(("fearless",))
    assert embedded().clusters(("neutral",)) == (frozenset({"neutral"}),) * 5
    assert all(embedded().knows(label) for label in EMOTIONS)


def test_willcox_level_two_of_a_level_one_word_is_sensible():
    level2 = dict(zip(NAMES, embedded().clusters(("sad",), "level2"), strict=True))
    assert level2["willcox"] == {"depressed"} and level2["parrott"] == {"sadness"}


def test_voice_words_are_forms():
    assert voice_words() <= set(forms())


def test_scores_of_a_sample_by_hand():
    assert sample_scores(["sad"], ["sorrowful"]) == (1.0, 1.0, 1.0)
    assert sample_scores(["sad"], ["purple"]) == (0.0, 0.0, 0.0)
    assert sample_scores(["purple"], ["sad"]) is None
    p, r, f = sample_scores(["sad"], ["sad", "happy"])
    assert (p, r, f) == pytest.approx((0.5, 1.0, 2 / 3))
    assert sample_scores(["sad"], ["unhappy"], setting="form") == (0.0, 0.0, 0.0)
    assert sample_scores(["sad"], ["unhappy"], setting="synonym") == (1.0, 1.0, 1.0)
    assert jaccard(["sad"], ["sad", "happy"]) == 0.5
    assert jaccard(["purple"], []) is None


def test_label_spam_scores_two_k_over_n_plus_k():
    wheels = embedded()
    everything = list(forms())
    for gold, k in [(["sad"], 1), (["sad", "happy"], 2)]:
        scores = wheel_scores([gold], [everything])
        for name, table in zip(wheels.wheels, wheels.maps["level1"], strict=True):
            assert scores.per_wheel[name][2] == pytest.approx(spam_score(len(set(table.values())), k))
    assert spam_score(8, 1) == pytest.approx(2 / 9)


def test_hit_rate():
    assert hit_rate(["sad", "happy"], [["gloomy", "angry"], ["scared"]]) == 0.5
    assert hit_rate(["purple"], [["sad"]]) != hit_rate(["purple"], [["sad"]])


def test_quirks_of_our_own_are_only_that_spam_scores():
    assert {row["kind"] for row in quirks()} == {"label spam"}
