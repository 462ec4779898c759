"""The capstone's tools, the ledger in a notebook, and the sample reports, whose numbers are those of the ledger."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from emolab_course import capstone, ledger
from emolab_course.exercises.capstone import _REGISTRATION
from emolab_course.paths import notebooks_folder

from emolab.errors import EmolabError

FOLDER = notebooks_folder() / "capstone"


def test_a_registration_is_kept_and_refuses_to_be_changed(tmp_path):
    path = tmp_path / "registration.json"
    mark = capstone.register(_REGISTRATION, path)
    assert capstone.register(dict(reversed(_REGISTRATION.items())), path) == mark
    assert json.loads(path.read_text(encoding="utf-8"))["registration"] == _REGISTRATION
    with pytest.raises(EmolabError, match="this one differs"):
        capstone.register({**_REGISTRATION, "margin": 0.01}, path)
    assert json.loads(path.read_text(encoding="utf-8"))["fingerprint"] == mark


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"claim": ""}, "claim is missing"),
        ({"second": "accuracy"}, "the same arm"),
        ({"margin": -1}, "above 0"),
        ({"seeds": 4}, "at least 5"),
        ({"chosen_on": "test"}, "the same clips"),
    ],
)
def test_an_incomplete_registration_is_refused_with_a_reason(change, told, tmp_path):
    with pytest.raises(EmolabError, match=told):
        capstone.register({**_REGISTRATION, **change}, tmp_path / "r.json")
    assert not (tmp_path / "r.json").exists()


def test_the_verdict_is_the_ledgers():
    better = np.array([0.70, 0.72, 0.71, 0.73, 0.70])
    assert capstone.decide(better + 0.05, better, 0.02)["verdict"] == "holds"
    assert capstone.decide(better, better + 0.05, 0.02)["verdict"] == "does not"
    assert capstone.decide((better + 0.05)[:4], better[:4], 0.02)["verdict"] == "undecided"


def test_the_samples_hold_the_ledgers_numbers():
    runs = 100 * ledger.runs_of("emo-rl-eswr")
    first, second = runs["accuracy"], runs["ESWR, α falls 1 → 0"]
    good, bad = ((FOLDER / f"sample_{name}.md").read_text(encoding="utf-8") for name in ("good", "bad"))
    rows = re.findall(r"^\| (\d) \| ([\d.]+) \| ([\d.]+) \| (-?[\d.]+) \|$", good, re.MULTILINE)
    assert [tuple(map(float, row)) for row in rows] == [
        (seed, round(a, 1), round(b, 1), round(a - b, 1)) for seed, a, b in zip(runs.index, first, second, strict=True)
    ]
    for seed, a, b in re.findall(r"^\| (\d) \| ([\d.]+) \| ([\d.]+) \|$", bad, re.MULTILINE):
        assert (float(a), float(b)) == (round(first[int(seed)], 1), round(second[int(seed)], 1))
    found = capstone.decide(first, second, 2.0)
    assert found["verdict"] == "does not" and "Verdict: does not" in good
    assert f"from {found['low']:.1f} to {found['high']:.1f} over seeds" in " ".join(good.split())
    assert f"mean difference is {found['difference']:.1f} points" in good
    assert f"**{second.max():.1f}%**" in bad and f"reaches {first.max():.1f}%" in bad


def test_marks_sum_to_their_totals():
    for name in ("good", "bad"):
        text = (FOLDER / f"sample_{name}.md").read_text(encoding="utf-8")
        parts = [(int(a), int(b)) for a, b in re.findall(r"^\| [a-z ]+ \| (\d+) / (\d+) \|", text, re.MULTILINE)]
        total = re.search(r"\*\*(\d+) / (\d+)\*\*", text)
        assert total and (sum(a for a, _ in parts), sum(b for _, b in parts)) == tuple(map(int, total.groups()))
    rubric = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sum(int(n) for n in re.findall(r"^\| [a-z ]+ \| (\d+) \|", rubric, re.MULTILINE)) == 100


def test_every_verdict_of_the_ledger_is_given_again_by_its_rule():
    for _, row in ledger.contrasts().iterrows():
        again = ledger.verdict(row["low"], row["high"], row["sign"], row["margin"], row["seeds"], row["no worse"])
        assert again == row["verdict"], row["claim"]


def test_holm_is_between_no_correction_and_bonferroni():
    p = np.array([0.03, 0.001, 0.02, 0.013, 0.2])
    found = ledger.holm(p)
    assert found.tolist() == [False, True, False, False, False]
    assert ledger.holm(np.array([0.01, 0.02, 0.04])).tolist() == [True, True, True]
    assert (p <= 0.05 / len(p)).sum() <= found.sum() <= (p <= 0.05).sum()


def test_the_best_of_several_flatters_by_the_known_amount():
    assert ledger.flattery(1, 2.0) == pytest.approx(0, abs=0.05)
    assert ledger.flattery(4, 2.0) == pytest.approx(2 * 1.0294, abs=0.05)
