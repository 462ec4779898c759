"""The reward lab: every control moves the rubric, parts come and go, attacks follow, and a run is shown."""

from __future__ import annotations

import numpy as np
import pytest
from emolab_course.widgets.reward_lab import hacks_html, ranking_html, reward_lab
from emolab_course.widgets.rubric_controls import controls

from emolab.emotions import label_set
from emolab.rewards import ESWR, Accuracy, Format, Rubric
from emolab.rewards.shipped import rubric

ROLLOUTS = {
    "row": [0, 0, 0, 1, 1],
    "completion": [
        "<answer>sad</answer>",
        "<answer>disgusted</answer>",
        "<think>low</think><answer>sad</answer>",
        "<answer>happy</answer>",
        "<answer>surprised</answer>",
    ],
    "solution": ["sad", "sad", "sad", "surprised", "surprised"],
}


def loudness(completions, **columns):
    """A learner's own reward: capital letters."""
    return [sum(letter.isupper() for letter in text) / 10 for text in completions]


def quiet_attack(current):
    return []


def lab_of(base, **options):
    return reward_lab(base, ROLLOUTS, attack=quiet_attack, **options)


def test_every_control_of_a_rubric_has_an_input_and_moves_the_rubric():
    base = rubric("emo_rl")
    view = lab_of(base)
    assert set(view.inputs) == {control.key for control in controls(base)}
    for key, widget in view.inputs.items():
        before = view.rubric
        if hasattr(widget, "options"):
            others = [value for value in widget.options if value != widget.value]
            if not others:
                continue
            widget.value = others[0]
        elif isinstance(widget.value, bool):
            widget.value = not widget.value
        else:
            widget.value = widget.value + 0.25 if widget.value < 0.5 else widget.value - 0.25
        assert view.rubric != before, key


def test_numbers_with_a_range_are_sliders():
    view = lab_of(rubric("emo_rl"))
    assert type(view.inputs["eswr.gamma"]).__name__ == "FloatSlider"
    assert (view.inputs["eswr.gamma"].min, view.inputs["eswr.gamma"].max) == (0.0, 1.0)


def test_progress_moves_the_totals_of_a_rubric_with_a_schedule():
    """The curriculum of α pays the near miss at the start of training and not at its end."""
    view = lab_of(rubric("emo_rl"))
    early = view.table.value
    view.progress.value = 1.0
    assert view.table.value != early


def test_another_group_shows_its_completions_and_plays_its_sound():
    played = []

    def sound(row):
        played.append(row)
        return np.full(1600, 0.1, np.float32)

    view = lab_of(rubric("emo_rl"), sound=sound)
    view.group.value = 1
    assert "surprised" in view.table.value and "disgusted" not in view.table.value
    assert played == [0, 1] and "<audio" in view.player.value and "0.1 s" in view.player.value


def test_parts_are_added_and_removed_and_keep_what_was_set():
    view = lab_of(Rubric.of([Accuracy(), (Format("direct"), 0.2)], "mine"), rewards=[loudness, ESWR()])
    view.inputs["format.weight"].value = 0.5
    assert view.to_add.value == "loudness"  # the first that is not in the rubric
    view.add.click()
    assert [part.name for part in view.rubric.parts] == ["accuracy", "format", "loudness"]
    assert view.rubric.parts[1].weight == 0.5
    assert "loudness" not in view.to_add.options
    view.panels.selected_index = 1
    view.remove.click()
    assert [part.name for part in view.rubric.parts] == ["accuracy", "loudness"]
    assert "format" in view.to_add.options


def test_the_last_part_stays():
    view = lab_of(Rubric.of([Accuracy()], "mine"))
    assert view.remove.disabled
    view._remove(0)
    assert len(view.rubric.parts) == 1


def test_the_python_it_prints_makes_the_same_rubric():
    import html

    import emolab.rewards as rewards

    view = lab_of(rubric("direct"))
    view.inputs["format.weight"].value = 0.7
    code = html.unescape(view.code.value.removeprefix("<pre>").removesuffix("</pre>"))
    assert eval(code, vars(rewards).copy()) == view.rubric


def test_attacks_are_scored_live_with_the_rubric_as_it_stands():
    seen = []

    def attack(current):
        seen.append(current.parts[0].weight)
        return [{"hack": "label spam", "pay": 1.0, "margin": current.parts[0].weight - 1.0}]

    view = reward_lab(rubric("direct"), ROLLOUTS, attack=attack)
    assert "None of 1 attacks pays" in view.hacks.value
    view.inputs["accuracy.weight"].value = 1.5
    assert seen[-1] == 1.5 and "label spam" in view.hacks.value and "+0.50" in view.hacks.value


def test_the_packages_own_audit_finds_a_reward_that_pays_for_nothing():
    def anything(completions, **columns):
        return [float(len(text) > 100) for text in completions]

    view = reward_lab(Rubric.of([Accuracy(), anything], "mine"), ROLLOUTS)
    assert "attacks pay." in view.hacks.value


def fake_train(rubric, steps, on_step):
    rows = []
    for step in range(1, steps + 1):
        rows.append({"step": step, "reward": 0.1 * step, "reward/accuracy": 0.1, "parse_rate": 1.0, "zero_variance": 0})
        if not on_step(rows):
            break
    return {"rows": rows, "ua": 0.5, "ua_ci": (0.4, 0.6), "chance": 1 / 7}


def test_a_short_run_is_drawn_and_stands_beside_the_one_before():
    view = lab_of(rubric("direct"), train=fake_train)
    view.training.steps.value = 3
    view.training.run(wait=True)
    assert view.training.curves.value[:4] == b"\x89PNG"
    view.inputs["format.weight"].value = 0.5
    view.training.run(wait=True)
    note = view.training.note.value
    assert "run 1" in note and "run 2" in note and "0.50 [0.40, 0.60]" in note and ", 0.5)" in note
    assert not view.training.start.disabled and view.training.stop.disabled


def test_a_run_stops_when_asked_and_an_error_is_told():
    def stopping(rubric, steps, on_step):
        view.training.cancel()
        return fake_train(rubric, steps, on_step)

    view = lab_of(rubric("direct"), train=stopping)
    view.training.steps.value = 9
    view.training.run(wait=True)
    assert len(view.training.runs[0]["rows"]) == 1

    def broken(rubric, steps, on_step):
        raise ValueError("no <clips>")

    failing = lab_of(rubric("direct"), train=broken)
    failing.training.run(wait=True)
    assert "ValueError: no &lt;clips&gt;" in failing.training.note.value and not failing.training.start.disabled


def test_completions_are_escaped_and_cut():
    rows = [{"rank": 1, "total": 1.0, "advantage": -0.5, "completion": "<script>" + "x" * 500}]
    shown = ranking_html(rows)
    assert "<script>" not in shown and "…" in shown and "aria-label='advantage -0.50'" in shown
    assert ranking_html([]) == "<p>no completions</p>"
    assert hacks_html([]) == "<p>None of 0 attacks pays more than an honest wrong answer.</p>"


@pytest.mark.parametrize("rollouts", [{"completion": ["<answer>sad</answer>"], "solution": ["sad"]}])
def test_rollouts_without_groups_are_one_group(rollouts):
    view = reward_lab(rubric("direct"), rollouts, attack=quiet_attack)
    assert len(view.group.options) == 1 and "&lt;answer&gt;sad" in view.table.value


def test_a_rubric_over_other_labels_is_attacked_with_these():
    rollouts = {"completion": ["<answer>sad</answer>"], "solution": ["sad"]}
    view = reward_lab(Rubric.of([Accuracy(label_set("iemocap-4"))], "four"), rollouts)
    assert "attacks pays more than an honest wrong answer" in view.hacks.value
