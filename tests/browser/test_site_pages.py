"""The two widget pages of the site, opened from the disk: every control is moved, nothing is asked of a network."""

from __future__ import annotations

import shutil

import pytest
from browser_pages import picture
from emolab_course import site_widgets
from emolab_course.site import STATIC

from emolab.emotions import EMOLAB_7
from emolab.plots.explanation import Clip, explanation_html
from emolab.samples import EmotionSample

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
TEXTS = ["<answer>sad</answer>", "<answer>disgusted</answer>", "<answer>happy</answer>"]
CLIP = EmotionSample("a", text="oh no", emotion="sad", extra={"waveform": [0.1] * 1600})


@pytest.fixture
def opened(tmp_path, browser):
    """`opened(element, data)`: the page of one widget, and what its browser complained of."""

    def open_it(element, name, data, width=1280, scheme="light"):
        shutil.copy(STATIC / "widgets.js", tmp_path)
        shutil.copy(STATIC / "course.css", tmp_path)
        site_widgets._written(tmp_path, name, data)
        (tmp_path / "page.html").write_text(
            "<!doctype html><meta charset='utf-8'><link rel='stylesheet' href='course.css'>"
            f"<article><div id='{element}' class='widget'></div></article>"
            f"<script src='{name}.js'></script><script src='widgets.js'></script>", encoding="utf-8",
        )  # fmt: skip
        page, said = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme), []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith(("file:", "data:")) else said.append(request.url)
        )
        page.goto((tmp_path / "page.html").as_uri())
        return page, said

    return open_it


def test_the_lab_weighs_ranks_and_attacks(opened):
    whole = site_widgets.whole_rubric(EMOLAB_7)
    data = {
        "progress": site_widgets.PROGRESS,
        "parts": [{"name": p.name, "weight": p.weight, "gate": p.gate} for p in whole.parts],
        "groups": site_widgets.groups(whole, [CLIP, CLIP], [TEXTS, TEXTS[::-1]], "what?"),
        **site_widgets.attacks(whole, EMOLAB_7),
    }
    page, said = opened("reward-lab", "lab_data", data)
    rows = page.locator("table").first.locator("tr")
    assert rows.count() == 4 and "<answer>sad</answer>" in rows.nth(1).inner_text()
    assert "0 of" in page.locator("p[role=status]").inner_text()
    before = page.locator("#reward-lab").inner_text()
    page.get_by_label("progress of training").fill("1")
    assert page.locator("#reward-lab").inner_text() != before, "a near miss earns nothing at the end"
    page.get_by_label("weight").nth(2).fill("1")
    assert "0 of" not in page.locator("p[role=status]").inner_text()
    page.get_by_label("weight").nth(0).fill("0")
    page.get_by_label("weight").nth(2).fill("0")
    assert all(row.inner_text().startswith("0.00") for row in rows.all()[1:]), "all earn the same: nobody is pushed"
    page.get_by_label("counts only where").nth(1).select_option(index=1)
    page.get_by_label("clip").select_option(index=1)
    picture(page, "site-lab")
    assert said == []


@pytest.mark.parametrize("width", [1280, 400])
def test_the_explorer_shows_what_is_chosen_and_fits(opened, width):
    def drawn(method, masker):
        result = {"own": True, "label": "sad", "method": method, "masker": masker}
        more = {"phi": {"audio": 1.0}, "distribution": {"sad": 1.0}, "players": {}}
        return explanation_html(CLIP, {**result, **more}, Clip(CLIP))

    methods, maskers = list(site_widgets.METHODS), ["neutral", "swap"]
    clips = [{"name": n, "player": "", "html": {m: {k: drawn(m, k) for k in maskers} for m in methods}} for n in "ab"]
    page, said = opened("explorer", "explorer_data", {"methods": methods, "maskers": maskers, "clips": clips}, width)
    for i, method in enumerate(methods):
        page.get_by_label("method").select_option(index=i)
        page.get_by_label("masker").select_option(label="swap")
        assert f"{method}; masker: swap" in page.locator("#explorer").inner_text()
    page.get_by_label("clip").select_option(index=1)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert said == []
