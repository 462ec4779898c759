"""The attribution explorer, driven as a browser would: what is shown, in which order, and what can be stopped."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from emolab.emotions import EMOTIONS
from emolab.errors import AttributionError
from emolab.samples import EmotionSample

pytest.importorskip("ipywidgets")
from emolab_course.widgets.attribution import EFFORTS, OWN, explorer_of

SAMPLE = EmotionSample("a", text="oh no", emotion="sad")


def explorer(asked: list[Any], taken: list[float], most: int = 3) -> Any:
    def steps(sample, label, method, masker, measure, fine, effort):
        asked.append((sample.id, label, method, masker, measure, fine, EFFORTS.index(effort)))
        for number in range(most + 1):
            taken.append(number / most)
            words = {"word": [{"name": f"word{number}", "phi": 1.0}]} if number else {}
            yield {"own": label is None, "label": label or "sad", "masker": masker, "phi": {"text": 1.0},
                   "distribution": {"sad": 1.0}, "players": words, "done": number / most}  # fmt: skip

    return explorer_of([SAMPLE, replace(SAMPLE, id="b")], EMOTIONS, steps).explorer


def test_the_modalities_are_shown_first_and_refined_when_something_is_chosen():
    asked, taken = [], []
    shown = explorer(asked, taken)
    assert asked == [("a", None, "Shapley", "neutral", "posterior", True, 0)] and taken == [0.0]
    assert "word" not in shown.shown.value and "refine" in shown.status.value and not shown.refine.disabled
    shown.inputs["sample"].value = "b"
    assert asked[-1][0] == "b" and "word3" in shown.shown.value and shown.bar.value == 1.0 and not shown.refine.disabled
    shown.refine.click()
    assert asked.pop()[-1] == 1 and shown.refine.disabled, "refine spends more, once"
    shown.inputs["label"].value = "angry"
    shown.inputs["label"].value = OWN
    assert [a[:2] for a in asked] == [("a", None), ("b", None), ("b", "angry")]
    shown.inputs["sample"].value = "a"
    assert len(asked) == 3 and "word3" in shown.shown.value, "what was begun is finished, not begun again"


def test_in_a_running_loop_it_can_be_stopped_and_gone_on_with():
    asked, taken = [], []

    async def use() -> None:
        shown = explorer(asked, taken, 10)
        shown.refine.click()
        assert not shown.stop.disabled and "refining" in shown.status.value
        while len(taken) < 4:
            await asyncio.sleep(0.01)
        shown.stop.click()
        stopped = len(taken)
        await asyncio.sleep(0.1)
        assert len(taken) == stopped < 11 and shown.stop.disabled and shown.bar.value == taken[-1]
        shown.inputs["sample"].value = "b"  # another choice while nothing runs begins at once
        assert asked[-1][0] == "b"
        shown.inputs["sample"].value = "a"  # and stops the one before
        while shown.running is not None:
            await asyncio.sleep(0.01)
        assert shown.bar.value == 1.0 and "word10" in shown.shown.value and len(asked) == 2

    asyncio.run(use())


def test_a_later_effort_keeps_the_parts_that_it_has_not_reached():
    def steps(sample, label, method, masker, measure, fine, effort):
        for kinds in ({}, {"word": [{"name": "first", "phi": 1.0}]}):
            if EFFORTS.index(effort) and kinds:
                kinds = {"word": [{"name": "better", "phi": 1.0}]}
            yield {"own": True, "label": "sad", "masker": masker, "phi": {"text": 1.0}, "distribution": {"sad": 1.0},
                   "players": kinds, "done": float(bool(kinds))}  # fmt: skip

    async def use() -> None:
        shown = explorer_of([SAMPLE], EMOTIONS, steps).explorer
        shown.go_on()
        await shown.running
        shown.go_on()
        seen = []
        shown.shown.observe(lambda change: seen.append(change["new"]), names="value")
        await shown.running
        assert all("first" in text or "better" in text for text in seen) and "better" in seen[-1]

    asyncio.run(use())


def test_a_method_that_draws_nothing_at_random_has_nothing_to_refine():
    shown = explorer([], [])
    shown.inputs["method"].value = "leave one out"
    assert shown.bar.value == 1.0 and shown.refine.disabled and shown.status.value == "<i role='status'></i>"


def test_an_error_is_shown_in_the_view():
    def broken(*_: Any) -> Any:
        raise AttributionError("nothing can replace its <audio>")
        yield

    shown = explorer_of([SAMPLE], EMOTIONS, broken).explorer
    assert "nothing can replace its &lt;audio&gt;" in shown.shown.value and shown.refine.disabled


def test_every_control_is_reachable_and_says_what_it_is():
    shown = explorer([], [])
    controls = [*shown.inputs.values(), shown.refine, shown.stop]
    assert all(control.description and control.tabbable is not False for control in controls)
