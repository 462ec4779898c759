"""The data of the two widget pages are what the package computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from emolab_course import site_widgets as made
from emolab_course.widgets.rubric_controls import group_advantages

from emolab.emotions import EMOLAB_7
from emolab.rewards.redteam import audit
from emolab.samples import EmotionSample

TEXTS = [
    "<answer>sad</answer>", "<think>a low voice</think><answer>sad</answer>", "<answer>disgusted</answer>", "no answer",
]  # fmt: skip
CLIP = EmotionSample("a", text="oh no", emotion="sad", extra={"waveform": np.ones(1600, np.float32) / 9})


@pytest.fixture(scope="module")
def whole():
    return made.whole_rubric(EMOLAB_7)


def total(scores, weights):
    return sum(weight * value for weight, value in zip(weights, scores, strict=True) if value is not None)


def test_raw_scores_and_weights_give_the_rubric_s_totals_and_advantages(whole):
    (group,) = made.groups(whole, [CLIP], [TEXTS], "what?")
    assert group["answers"] == TEXTS and "<audio" in group["player"] and "sad" in group["name"]
    for step, raw in zip(made.PROGRESS, group["raw"], strict=True):
        rollouts = {"completion": TEXTS, "solution": ["sad"] * 4, "text": ["oh no"] * 4, "row": [0] * 4}
        wanted = whole.rescore(rollouts | {"prompt": ["what?"] * 4}, step).total
        found = [total(row, [part.weight for part in whole.parts]) for row in raw]
        assert found == pytest.approx([value or 0.0 for value in wanted], abs=1e-3)
        assert len(group_advantages(found, [0] * 4)) == 4
    assert group["raw"][0][2] != group["raw"][-1][2], "a near miss is paid at first, and not at the end"


@pytest.mark.parametrize(("part", "few"), [("", 0), ("accuracy_published", 1)])
def test_the_attacks_that_pay_are_those_of_the_audit(whole, part, few):
    weights = [1.0 if p.name == part else p.weight for p in whole.parts]
    data = made.attacks(whole, EMOLAB_7)
    wrong = [total(row, weights) for row in data["wrong"][-1]]
    paying = {
        attack["name"] for attack in data["attacks"]
        if max(total(row, weights) - bad for row, bad in zip(attack["raw"][-1], wrong, strict=True)) > 1e-6
    }  # fmt: skip
    weighed = replace(whole, parts=tuple(replace(p, weight=w) for p, w in zip(whole.parts, weights, strict=True)))
    assert paying == {row["hack"] for row in audit(weighed)["rows"] if not row["ok"]} and len(paying) >= few
    assert bool(paying) == bool(few), "the page says that EMO-RL's rubric pays no attack, and that this part pays some"


def test_every_method_and_masker_is_drawn(monkeypatch):
    asked = []

    class Explainer:
        def explain(self, sample, **options):
            asked.append((options["method"], options["masker"]))
            return {"own": True, "label": "sad", "method": options["method"], "masker": options["masker"],
                    "phi": {}, "distribution": {"sad": 1.0}, "players": {}, "video_sampling": ()}  # fmt: skip

    (clip,) = made.explained(Explainer(), [CLIP], ("neutral", "swap"))
    assert asked == [(method, masker) for method in made.METHODS for masker in ("neutral", "swap")]
    assert all("masker: swap" in clip["html"][method]["swap"] for method in made.METHODS)
    assert "<audio" in clip["player"]


def test_data_are_one_script_whatever_they_hold(tmp_path):
    path = made._written(tmp_path, "lab_data", {"answers": ["</script> \udfff ü"]})
    assert path.read_text(encoding="utf-8").startswith("window.lab_data = {") and "\\udfff" in path.read_text()
