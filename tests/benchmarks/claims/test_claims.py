"""The declared claims fit the recipes: settings exist, metrics are known, arms that share a cold start may."""

from __future__ import annotations

import pytest

from benchmarks.claims.declare import Arm
from benchmarks.claims.metrics import METRICS
from benchmarks.claims.page import render
from benchmarks.claims.papers import all_claims, budget, chosen
from benchmarks.claims.queue import jobs_of
from benchmarks.claims.results import FOLDER, load_claims
from benchmarks.claims.runs import training_of
from emolab.errors import EvaluationError

LATER = {"reward", "alpha", "alpha_end", "length_penalty", "emotion_weight", "steps"}
"""Settings that a cold start does not depend on."""
ARMS = {f"{claim.name}: {arm.name}": arm for claim in all_claims() for arm in claim.arms}


def test_every_recipe_has_claims_with_known_metrics() -> None:
    claims = all_claims()
    assert {claim.recipe for claim in claims} == {"emo-rl", "affectgpt-rl", "mecap-r1", "r1-omni"}
    assert len({claim.name for claim in claims}) == len(claims) == len({claim.title for claim in claims})
    for claim in claims:
        assert claim.name.startswith(claim.recipe) and any(contrast.count for contrast in claim.contrasts)
        assert {metric for metric, _ in claim.columns} <= set(METRICS), claim.name


@pytest.mark.parametrize("arm", ARMS.values(), ids=list(ARMS))
def test_an_arm_can_be_trained_from_the_cold_start_that_it_names(arm: Arm) -> None:
    training = training_of(arm, 3, budget())
    assert training.seed == 3 and set(arm.changes) <= set(training.values)
    if training.start is not None:
        other = training.start.values
        assert {name for name, value in training.values.items() if value != other[name]} <= LATER


def test_arms_of_several_claims_are_trained_once() -> None:
    jobs = jobs_of(all_claims(), range(2), budget())
    asked = sum(len(claim.arms) for claim in all_claims()) * 2
    assert len(jobs) < asked
    keys = [training.key for training in jobs]
    assert all(t.start is None or keys.index(t.start.key) < keys.index(t.key) for t in jobs)


def test_the_committed_page_is_what_the_committed_results_render() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert render(load_claims(), [claim.name for claim in all_claims()]) == page


def test_claims_by_name_or_recipe() -> None:
    assert [claim.name for claim in chosen(["r1-omni-rlvr"])] == ["r1-omni-rlvr"]
    assert {claim.recipe for claim in chosen(["mecap-r1"])} == {"mecap-r1"}
    with pytest.raises(EvaluationError, match=r"no claim or recipe 'emo'; there are affectgpt-rl, "):
        chosen(["emo"])
