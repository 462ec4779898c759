"""No shipped rubric pays a hack more than an honest wrong answer, unless it is called published."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolab.errors import RewardError
from emolab.rewards import Accuracy, Format, Part, Rubric
from emolab.rewards.redteam import HACKS, audit, audit_matrix, cases, honest, paying_hacks, style_of
from emolab.rewards.shipped import RUBRICS, rubric

OURS = [name for name in RUBRICS if not name.endswith("published")]
PUBLISHED = [name for name in RUBRICS if name.endswith("published")]


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("progress", [0.0, 1.0])
def test_no_hack_pays_more_than_an_honest_wrong_answer(name, progress):
    found = audit(rubric(name), progress)
    assert [row for row in found["rows"] if not row["ok"]] == []
    assert found["ok"] and found["right"] > found["wrong"] + 0.5
    assert found["neutral_right"] == pytest.approx(found["right"], rel=0.1)


def test_published_rubrics_pay_hacks_and_say_so():
    paid = {name: {row["hack"] for row in audit(rubric(name))["rows"] if not row["ok"]} for name in PUBLISHED}
    assert "answer inside think, other answer outside" in paid["r1_omni_published"]
    assert {"label spam", "every wheel word"} <= paid["affectgpt_rl_published"]
    assert "reference template, wrong emotion" in paid["mecap_r1_published"]
    audits = [audit(rubric(name)) for name in ("direct", "r1_omni_published")]
    found = paying_hacks(audits)
    assert found["direct"] == [] and set(found["r1_omni_published"]) == paid["r1_omni_published"]
    table = audit_matrix(audits)
    assert list(table["direct"]) == ["honest, right", "honest, wrong", *HACKS]
    assert table["direct"]["honest, right"] == pytest.approx(1.2)
    literal = audit(rubric("emo_rl_published"))
    assert literal["neutral_right"] == pytest.approx(literal["wrong"])
    assert literal["published"] and not audit(rubric("emo_rl"))["published"]


def test_the_audit_finds_a_rubric_that_pays_for_form_alone():
    leaky = Rubric("leaky", (Part(Accuracy(published=True)), Part(Format("free", published=True), weight=0.1)))
    assert not audit(leaky, style="free")["ok"]


def test_every_hack_differs_from_the_honest_answers():
    for case in cases():
        right, wrong = honest(case.emotion, case, "free"), honest(case.wrong, case, "free")
        assert all(hack(case, "free") not in (right, wrong) for hack in HACKS.values())
    assert style_of(rubric("affectgpt_rl_published")) == "words"


def test_shipped_rubrics_pickle_and_unknown_ones_are_named():
    for found in map(rubric, RUBRICS):
        assert pickle.loads(pickle.dumps(found)) == found
    with pytest.raises(RewardError, match="no rubric 'x'; known are direct"):
        rubric("x")


PIECES = [
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "sad",
    "happy",
    ", ",
    ". ",
    "\u200b",
    "not ",
    "\ud800",
    "é",
    "<content>",
    "</content>",
]
COLUMNS = {"solution": ["sad"], "words": [["sad"]], "caption": ["She sounds sad and low."], "row": [0]}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_no_rubric_raises_on_any_text(text):
    for found in map(rubric, RUBRICS):
        total = found([text], **COLUMNS, progress=1.0)[0]
        assert total is not None and -1.0 <= total <= 5.0
