"""Scores against scikit-learn and by hand; bootstrap intervals by their properties."""

import math
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from emolab.emotions import EMOTIONS
from emolab.metrics import (
    bootstrap_ci,
    confusion,
    macro_f1,
    parse_rate,
    unweighted_accuracy,
    weighted_accuracy,
    weighted_f1,
)


def sample(seed, n=60, labels=EMOTIONS):
    rng = np.random.default_rng(seed)
    gold = [str(x) for x in rng.choice(labels[:5], n)]
    pred = [g if rng.random() < 0.5 else str(rng.choice(labels)) for g in gold]
    return gold, [None if rng.random() < 0.1 else p for p in pred]


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_scikit_learn_with_none_as_a_class_of_its_own(seed):
    gold, pred = sample(seed)
    filled = [p or "unparsed" for p in pred]
    classes = sorted(set(gold))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert weighted_accuracy(gold, pred) == pytest.approx(sk.accuracy_score(gold, filled))
        assert unweighted_accuracy(gold, pred) == pytest.approx(sk.balanced_accuracy_score(gold, filled))
        assert unweighted_accuracy(gold, pred) == pytest.approx(
            sk.recall_score(gold, filled, labels=classes, average="macro")
        )
        assert weighted_f1(gold, pred) == pytest.approx(sk.f1_score(gold, filled, average="weighted"))
        assert macro_f1(gold, pred) == pytest.approx(sk.f1_score(gold, filled, labels=classes, average="macro"))
    keep = [(g, p) for g, p in zip(gold, pred, strict=True) if p]
    expected = sk.confusion_matrix([g for g, _ in keep], [p for _, p in keep], labels=EMOTIONS)
    assert np.array_equal(confusion(gold, pred, EMOTIONS), expected)
    assert confusion(gold, pred, EMOTIONS, unparsed=True)[:, -1].sum() == pred.count(None)


def test_by_hand():
    gold, pred = ["a", "a", "a", "b"], ["a", None, "b", "b"]
    assert weighted_accuracy(gold, pred) == 0.5
    assert unweighted_accuracy(gold, pred) == pytest.approx((1 / 3 + 1) / 2)
    assert macro_f1(gold, pred) == pytest.approx((0.5 + 2 / 3) / 2)
    assert parse_rate(pred) == 0.75


def test_no_samples_and_bad_input():
    assert all(math.isnan(f([], [])) for f in (weighted_accuracy, unweighted_accuracy, weighted_f1, macro_f1))
    with pytest.raises(ValueError, match="2 gold labels but 1"):
        unweighted_accuracy(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="'b' is not among"):
        confusion(["b"], ["a"], ["a"])


def test_bootstrap_covers_the_score_and_is_reproducible():
    gold, pred = sample(3, n=300)
    low, high = bootstrap_ci(unweighted_accuracy, gold, pred, n=300, seed=1)
    assert low < unweighted_accuracy(gold, pred) < high
    assert (low, high) == bootstrap_ci(unweighted_accuracy, gold, pred, n=300, seed=1)
    assert (low, high) != bootstrap_ci(unweighted_accuracy, gold, pred, n=300, seed=2)


def test_bootstrap_matches_the_normal_approximation():
    gold, pred = ["a"] * 400, ["a"] * 200 + ["b"] * 200
    low, high = bootstrap_ci(weighted_accuracy, gold, pred, n=2000)
    half = 1.96 * math.sqrt(0.25 / 400)
    assert low == pytest.approx(0.5 - half, abs=0.01) and high == pytest.approx(0.5 + half, abs=0.01)


@pytest.mark.parametrize("speakers", [None, 12])
def test_bootstrap_equals_scipy_s_over_the_same_units(speakers):
    """scipy draws the units (samples, or whole speakers) by their index; the draws of one seed are the same."""
    from scipy import stats

    gold, pred = sample(4, n=120)
    groups = [f"s{i % speakers}" for i in range(120)] if speakers else list(range(120))
    units = [[i for i, g in enumerate(groups) if g == name] for name in dict.fromkeys(groups)]

    def statistic(drawn):
        chosen = [i for unit in drawn for i in units[int(unit)]]
        return unweighted_accuracy([gold[i] for i in chosen], [pred[i] for i in chosen])

    data, rng = (np.arange(len(units)),), np.random.default_rng(7)
    found = stats.bootstrap(data, statistic, n_resamples=200, method="percentile", vectorized=False, rng=rng)
    mine = bootstrap_ci(unweighted_accuracy, gold, pred, groups=groups if speakers else None, n=200, seed=7)
    assert mine == pytest.approx(tuple(found.confidence_interval), abs=1e-12)


def test_bootstrap_by_speaker_is_wider_when_speakers_differ():
    gold = ["a"] * 200
    pred = ["a"] * 100 + ["b"] * 100
    speakers = [f"s{i // 50}" for i in range(200)]
    low, high = bootstrap_ci(weighted_accuracy, gold, pred, groups=speakers, n=500)
    plain = bootstrap_ci(weighted_accuracy, gold, pred, n=500)
    assert high - low > 3 * (plain[1] - plain[0])
    with pytest.raises(ValueError, match="lengths differ"):
        bootstrap_ci(weighted_accuracy, gold, pred, groups=["s"])
    with pytest.raises(ValueError, match="no samples"):
        bootstrap_ci(weighted_accuracy, [], [])
