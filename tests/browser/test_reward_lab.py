"""The reward lab in a real browser: every control is moved, parts come and go, and a short run is started from it."""

from __future__ import annotations

import pytest
from browser_pages import picture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SETUP = """
import os
os.environ["EMOLAB_COURSE"] = "smoke"
import emolab as el
from emolab_course import practice, setup
from emolab.rewards import Format
from emolab.rewards.shipped import rubric
from emolab_course.widgets.reward_lab import reward_lab
lab = setup("03")
practised = practice(lab)
labels = lab.corpus.labels
view = reward_lab(rubric("emo_rl"), practised.rollouts, rewards=[Format("direct"), el.Accuracy(labels)],
                  sound=practised.sound, train=practised.train)
view.training.steps.value = 2
view
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_control_moves_and_a_run_starts(open_notebook, dark):
    page = open_notebook(f"reward_lab_{'dark' if dark else 'light'}.ipynb", [SETUP], dark=dark)
    table = page.locator("table.emolab-ranking")
    table.wait_for(timeout=300_000)
    picture(page, f"reward-lab-{'dark' if dark else 'light'}")
    if dark:
        return
    moved = 0
    tabs = page.locator(".jupyter-widgets .lm-TabBar-tab")
    assert tabs.count() == 2
    for tab in range(2):
        tabs.nth(tab).click()
        for handle in page.locator(".jupyter-widgets .noUi-handle:visible").all():
            before = handle.get_attribute("aria-valuenow")
            handle.focus()
            page.keyboard.press("ArrowLeft")
            page.keyboard.press("ArrowLeft")
            if handle.get_attribute("aria-valuenow") == before:
                page.keyboard.press("ArrowRight")
            moved += handle.get_attribute("aria-valuenow") != before
    assert moved >= 4
    page.wait_for_timeout(1500)
    assert page.get_by_text("Traceback").count() == 0
    page.get_by_role("button", name="add", exact=True).click()
    page.wait_for_timeout(2000)
    assert tabs.count() == 3
    assert page.locator("audio").count() == 1
    page.get_by_role("button", name="train with this").click()
    page.get_by_text("held-out UA").wait_for(timeout=400_000)
    picture(page, "reward-lab-trained")
    assert page.locator("img[src^='blob:'], img.widget-image").count() >= 1
