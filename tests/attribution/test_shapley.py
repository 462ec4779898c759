"""Shapley values: hand-worked games, the axioms, the shap library, and the sampler against exact enumeration."""

from __future__ import annotations

import numpy as np
import pytest

from emolab.attribution.shapley import (
    coalitions,
    exact,
    exact_from_table,
    interactions_from_table,
    refined,
    sampled,
    shapley_matrix,
)
from emolab.errors import AttributionError


def random_game(n: int, seed: int):
    """A game with interactions of every order, its table, and a callable over coalitions."""
    table = np.random.default_rng(seed).normal(size=2**n)
    return table, lambda present: table[present @ (1 << np.arange(n))]


def test_glove_game_by_hand():
    """One left glove (player 0), two right ones: a pair is worth 1. φ = (2/3, 1/6, 1/6) (Shapley 1953's market)."""
    found = exact(lambda s: (s[:, 0] & (s[:, 1] | s[:, 2])).astype(float), 3)
    assert found.values == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    assert (found.empty, found.full, found.evaluations) == (0.0, 1.0, 8)


def test_airport_game_by_hand():
    """Costs 1, 2, 4: the runway's parts are shared by those who need them: 1/3, 1/3 + 1/2, 1/3 + 1/2 + 2."""
    found = exact(lambda s: (s * np.array([1.0, 2.0, 4.0])).max(1), 3)
    assert found.values == pytest.approx([1 / 3, 5 / 6, 17 / 6])


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_axioms_on_random_games(n):
    table, game = random_game(n, n)
    values = exact(game, n).values
    assert values.sum() == pytest.approx(table[-1] - table[0], abs=1e-9)
    other = random_game(n, n + 100)[0]
    assert exact_from_table(table + 2 * other) == pytest.approx(values + 2 * exact_from_table(other), abs=1e-9)


def test_dummy_and_twins():
    def game(s):
        pair = s[:, 0].astype(float) + s[:, 1] + 3.0 * (s[:, 0] & s[:, 1])
        return pair * (1 + s[:, 3])

    values = exact(game, 4).values
    assert values[2] == pytest.approx(0.0, abs=1e-12)
    assert values[0] == pytest.approx(values[1], abs=1e-12)


def test_equals_the_shap_library():
    shap = pytest.importorskip("shap")
    _table, game = random_game(5, 7)
    explainer = shap.explainers.Exact(lambda x: game(x.astype(bool)), np.zeros((1, 5)))
    theirs = explainer(np.ones((1, 5))).values[0]
    assert exact(game, 5).values == pytest.approx(theirs, abs=1e-6)


def test_interaction_of_and_or_and_sum():
    bits = coalitions(3)
    both = (bits[:, 0] & bits[:, 1]).astype(float)
    either = (bits[:, 0] | bits[:, 1]).astype(float)
    together, instead = interactions_from_table(np.stack([both, either]))
    assert together[0, 1] == pytest.approx(1.0) and instead[0, 1] == pytest.approx(-1.0)
    assert together[0, 2] == pytest.approx(0.0) and np.diag(together) == pytest.approx(np.zeros(3))
    additive = interactions_from_table(bits @ np.array([1.0, 2.0, 3.0]))
    assert np.abs(additive).max() < 1e-12


@pytest.mark.parametrize("n", [2, 6, 10])
def test_sampled_within_two_standard_errors_of_exact(n):
    """Over the players of several games, at least 90% lie within two standard errors; all within four."""
    z = []
    for seed in range(6):
        game = random_game(n, seed)[1]
        truth, guess = exact(game, n), sampled(game, n, np.random.default_rng(seed), max_pairs=64)
        assert guess.values.sum() == pytest.approx(guess.full - guess.empty, abs=1e-9)
        z.extend(
            np.abs(guess.values - truth.values) / np.maximum(guess.errors, 1e-12)
            if n > 2
            else np.abs(guess.values - truth.values)
        )
    assert np.mean(np.array(z) <= 2) >= 0.9 and max(z) < 4


def test_antithetic_pairs_beat_plain_permutations_on_a_near_additive_game():
    """With pair interactions only, a permutation and its reverse cancel exactly: the error is zero."""
    rng = np.random.default_rng(0)
    linear, quadratic = rng.normal(size=8), rng.normal(size=(8, 8))

    def game(s):
        s = s.astype(float)
        return s @ linear + np.einsum("ki,ij,kj->k", s, quadratic, s)

    found = sampled(game, 8, np.random.default_rng(1), target_error=1e-9)
    assert found.errors.max() < 1e-9 and found.values == pytest.approx(exact(game, 8).values, abs=1e-9)


def test_sampling_stops_at_the_wanted_error_and_counts_evaluations():
    calls = []
    _, game = random_game(6, 3)

    def counted(present):
        calls.append(len(present))
        return game(present)

    loose = sampled(counted, 6, np.random.default_rng(0), target_error=10.0)
    assert sum(calls) == loose.evaluations == 2 + 8 * 2 * 5
    tight = sampled(game, 6, np.random.default_rng(0), target_error=0.1, max_pairs=2000)
    assert tight.errors.max() <= 0.1 and tight.evaluations > loose.evaluations


def test_one_pair_is_an_estimate_with_an_unknown_error():
    """The quickest explanation of a notebook takes one pair of orders."""
    game = lambda present: present @ np.array([1.0, 2.0, 4.0])  # noqa: E731
    (found,) = refined(game, 3, np.random.default_rng(0), max_pairs=1, min_pairs=1)
    assert found.values == pytest.approx([1, 2, 4]) and np.isinf(found.errors).all()


def test_refuses_too_many_players_and_too_few_pairs():
    with pytest.raises(AttributionError, match="sampled permutations"):
        coalitions(40)
    with pytest.raises(AttributionError, match="two pairs"):
        sampled(lambda s: s.sum(1), 3, np.random.default_rng(0), max_pairs=1)
    with pytest.raises(AttributionError, match=r"2\^n"):
        exact_from_table(np.zeros(7))


def test_matrix_is_not_shared_by_reference_between_sizes():
    assert shapley_matrix(2).shape == (2, 4) and shapley_matrix(3).shape == (3, 8)
