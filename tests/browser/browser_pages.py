"""What tests do with a page that shows a notebook."""

from __future__ import annotations

import os
import re
from pathlib import Path

SCREENSHOTS = os.environ.get("EMOLAB_SCREENSHOTS")


def choose_kernel(page):
    """Wait for the notebook's kernel, and accept the one that JupyterLab proposes where it asks."""
    idle = page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    select = page.get_by_role("button", name="Select Kernel", exact=True).or_(page.locator(".jp-Dialog .jp-mod-accept"))
    for _ in range(120):
        if select.count():
            select.first.click()
        elif idle.count() and not page.locator(".jp-Dialog").count():
            page.wait_for_timeout(1000)
            if not page.locator(".jp-Dialog").count():
                return
        page.wait_for_timeout(500)
    raise AssertionError("no kernel came up")


def run_all(page):
    """Run every cell of the notebook that is open, and wait until the kernel is idle again."""
    for _ in range(5):
        page.locator(".jp-Notebook .jp-Cell").first.click()
        page.keyboard.press("Escape")
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_timeout(1500)
        if page.locator(".jp-InputPrompt", has_text=re.compile(r"\[(\*|\d+)\]")).count():
            break
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=600_000)


def picture(page, name):
    """A screenshot into the folder that EMOLAB_SCREENSHOTS names, if it names one."""
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SCREENSHOTS}/{name}.png")
