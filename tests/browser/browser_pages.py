"""What tests do with a page that shows a notebook."""

from __future__ import annotations

import json
import os
import re
import time
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


def settle(page, still=700):
    """Wait until the kernel has answered what the page told it last."""
    page.wait_for_timeout(still)
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=300_000)
    page.wait_for_timeout(200)


def errors_of(path):
    """Name and text of every error in the outputs of a saved notebook."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return [(o["ename"], o["evalue"]) for o in outputs if o["output_type"] == "error"]


def ran_cells(path):
    """How many code cells of a saved notebook ran, and how many it has with something in them."""
    cells = [c for c in json.loads(Path(path).read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    return sum(c["execution_count"] is not None for c in cells), sum(bool("".join(c["source"]).strip()) for c in cells)


def save(page):
    """Save the notebook that is open."""
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2500)


def save_when_done(page, path, seconds=1200):
    """Save the open notebook until all its cells have run or one has raised. Returns what `ran_cells` says at the end.

    A kernel that starts on a busy machine is idle before its first cell and between two: the page's sign of an idle
    kernel does not say that all is done. The numbers of the cells in the saved file do.
    """
    until = time.monotonic() + seconds
    while True:
        save(page)
        ran, wanted = ran_cells(path)
        if ran == wanted or errors_of(path) or time.monotonic() > until:
            return ran, wanted
        settle(page)


def move_controls(page, scope, tell=lambda name: None):
    """Move every visible menu, switch, slider and number inside `scope`; `tell(name)` is called after each. Returns the
    names of what was moved."""
    moved = []

    def done(name):
        settle(page)
        tell(name)
        moved.append(name)

    for menu in scope.locator("select:visible").all():
        name, count = _name(menu), menu.locator("option").count()
        if count > 1:
            before = menu.evaluate("e => e.selectedIndex")
            menu.select_option(index=(before + 1) % count)
            done(name)
    for switch in scope.locator("input[type=checkbox]:visible").all():
        for _ in range(2):
            switch.click()
            done(_name(switch))
    for handle in scope.locator(".noUi-handle:visible").all():
        before = handle.get_attribute("aria-valuenow")
        for key in ("ArrowLeft", "ArrowRight", "ArrowRight"):
            handle.focus()
            page.keyboard.press(key)
            page.wait_for_timeout(400)
            if handle.get_attribute("aria-valuenow") != before:
                done(_name(handle))
                break
        else:
            raise AssertionError(f"the slider {_name(handle)} does not move")
    for number in scope.locator("input[type=number]:visible").all():
        number.fill(str(float(number.input_value() or 0) / 2).removesuffix(".0"))
        number.press("Enter")
        done(_name(number))
    return moved


def _name(element):
    return element.evaluate(
        "e => (e.closest('.widget-inline-hbox, .jupyter-widget') || e).querySelector('label, .widget-label')"
        "?.textContent || (e.closest('.jupyter-widget')?.textContent ?? '')"
    )


def picture(page, name):
    """A screenshot into the folder that EMOLAB_SCREENSHOTS names, if it names one."""
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SCREENSHOTS}/{name}.png")
