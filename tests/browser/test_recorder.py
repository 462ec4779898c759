"""One's own voice in a real browser: its fake microphone is recorded, heard, predicted and kept."""

from __future__ import annotations

import pytest
from browser_pages import picture

pytestmark = pytest.mark.browser

SETUP = """
import pathlib
from emolab_course.recordings import Recordings
from emolab_course.widgets.own_voice import voice_recorder
mine = Recordings(pathlib.Path("own_voice"))
heard = []
def predict(wave):
    heard.append(len(wave))
    note = "This voice is unlike the training data."
    return {"label": "tense", "distribution": {"calm": .2, "tense": .8}, "note": note}
voice_recorder(mine, ["calm", "tense"], predict, explain=lambda wave: "<p>the middle</p>")
"""


def test_a_recording_is_predicted_and_kept(open_notebook, jupyter):
    page = open_notebook("own_voice.ipynb", [SETUP])
    record = page.get_by_role("button", name="Record")
    record.click()
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("The model's guess is tense").wait_for(timeout=30_000)
    assert page.get_by_role("note").get_by_text("This voice is unlike").is_visible()
    assert page.locator("audio").count() == 1
    page.get_by_role("button", name="calm", exact=True).click()
    page.get_by_role("button", name="keep it").click()
    page.get_by_text("1 kept in").wait_for(timeout=10_000)
    page.get_by_role("button", name="Record").wait_for()
    picture(page, "own-voice")
    table = (jupyter[1] / "own_voice" / "recordings.csv").read_text(encoding="utf-8")
    assert table.splitlines()[1] == "take-001.wav,calm,me,"
