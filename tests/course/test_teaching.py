"""What a lecturer gets: claims held to outputs, lesson plans held to weeks and minutes, wrong answers, slides."""

from __future__ import annotations

import re
from dataclasses import replace

import nbformat
import pytest
from emolab_course import claims, mistakes, plans, slides
from emolab_course.exercises import EXERCISES
from emolab_course.paths import notebooks_folder, number_of, sources
from emolab_course.readme import section
from emolab_course.release import weeks

from emolab.paths import CHECKOUT

NUMBERS = [number_of(path) for path in sources()]
DOCS = CHECKOUT / "docs"


def test_every_notebook_has_claims_that_are_patterns():
    assert list(claims.claims()) == NUMBERS
    for number, listed in claims.claims().items():
        assert len(listed) >= 3, number
        for claim in listed:
            assert ("shown" in claim) != ("order" in claim), claim
            pattern = re.compile(claim.get("shown") or claim["order"])
            assert "order" not in claim or {"a", "b"} == set(pattern.groupindex), claim


@pytest.mark.parametrize("number", NUMBERS)
def test_the_text_says_what_is_listed(number):
    text = " ".join(claims.prose(number).split())
    for claim in claims.claims()[number]:
        assert " ".join(claim["says"].split()) in text, claim["says"]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_outputs_show_what_the_text_claims(number):
    shown = claims.outputs(number)
    if not shown:
        pytest.skip("its source has changed since it ran; test_a_rebuild_changes_nothing_and_outputs_are_fresh says so")
    text = claims.prose(number)
    wrong = {claim["says"]: claims.fault(claim, text, shown) for claim in claims.claims()[number]}
    assert not any(wrong.values()), wrong


def test_the_page_of_claims_is_that_of_the_runs():
    if not all(claims.outputs(number) for number in NUMBERS):
        pytest.skip("a notebook's source has changed since it ran")
    page = (DOCS / "claims_of_notebooks.md").read_text(encoding="utf-8")
    assert section(page, "claims") == claims.table(), "run: emolab course claims --write"


def test_a_claim_that_is_not_shown_is_named():
    claim = {"says": "a rises", "order": r"before (?P<a>\d+), after (?P<b>\d+)"}
    assert claims.fault(claim, "Here a\nrises.", "before 1, after 2") is None
    assert claims.fault(claim, "Here a rises.", "before 2, after 2") == "2 is not smaller than 2"
    assert claims.fault(claim, "Here a rises.", "before") == "the outputs do not show it"
    assert claims.fault(claim, "Here b rises.", "before 1, after 2") == "the text does not say so"


@pytest.mark.parametrize("number", NUMBERS)
def test_a_decimal_in_the_text_is_printed_or_given(number):
    """No figure of a run stands in the prose unless the notebook prints it. Papers' numbers and 95% are given."""
    shown = claims.outputs(number)
    if not shown:
        pytest.skip("its source has changed since it ran")
    code = sources((number,))[0].read_text(encoding="utf-8")
    known = set(re.findall(r"\d+(?:\.\d+)?", shown + "\n".join(re.findall(r"^(?!#).*$", code, re.MULTILINE))))
    text = re.sub(
        r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|^\|.*?$|\(arXiv [\d.]+\)", "", claims.prose(number), flags=re.S | re.M
    )
    text = re.sub(r"<!-- exercise.*?(?=^%% |\Z)", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^%% .*$|exercise \d+\w?\.\d", "", text, flags=re.MULTILINE)
    figures = {f for f in re.findall(r"(?<![\w.])(\d\.\d+|\d+(?:\.\d+)?%)", text) if f not in ("95%", "15%")}
    missing = {f for f in figures if not _is_known(f.rstrip("%"), known)}
    assert not missing, missing


def _is_known(figure: str, known: set[str]) -> bool:
    share = f"{float(figure) / 100:g}"
    return figure in known or share in known or any(k.startswith(figure) for k in known if "." in figure)


def test_there_is_a_plan_of_ninety_minutes_for_each_week():
    every = plans.plans()
    assert [plan.week for plan in every] == [week.number for week in weeks()]
    assert [fault for plan in every for fault in plan.faults()] == []
    for plan in every:
        assert len(plan.aims) >= 3 and plan.before and len(plan.check) >= 2
        assert len(plan.in_class) >= 2 and sum(e.minutes for e in plan.in_class) <= 60
    listed = [e.number for plan in every for e in (*plan.in_class, *plan.at_home)]
    assert sorted(listed) == sorted(EXERCISES), "every exercise belongs to one week, in class or at home"


def test_a_plan_that_does_not_fit_says_where():
    plan = plans.plans()[0]
    longer = replace(plan, rows=(*plan.rows, {"minutes": 1, "do": "x", "cells": ["00: Nowhere"], "exercises": ["9.1"]}))
    assert longer.faults() == [
        "week 1: 91 minutes, expected 90",
        "week 1: 00 has no heading 'Nowhere'",
        "week 1: 9.1 need 10 minutes and get 1",
        "week 1: 9.1 is not of this week",
    ]


def test_the_pages_of_the_lessons_are_written_from_the_plans():
    folder = DOCS / "lessons"
    assert {path.name for path in folder.iterdir()} == set(plans.pages())
    for name, text in plans.pages().items():
        assert (folder / name).read_text(encoding="utf-8") == text, f"run: emolab course lessons --write ({name})"


def test_the_page_of_wrong_answers_is_that_of_the_registry():
    page = (DOCS / "wrong_answers.md").read_text(encoding="utf-8")
    assert section(page, "mistakes") == mistakes.page(), "run: emolab course mistakes --write"
    for exercise in EXERCISES.values():
        assert f"**{exercise.number} {exercise.title}**" in page
    assert all(len(row["mistakes"]) >= 5 for row in mistakes.rows())


def test_slides_hold_the_figures_of_the_committed_notebooks(tmp_path):
    week = next(week for week in weeks() if week.number == 6)
    file, n = slides.write(6, tmp_path)
    text = file.read_text(encoding="utf-8")
    path = notebooks_folder() / f"{week.sources[0].stem}.ipynb"
    outputs = [o for c in nbformat.read(path, as_version=4).cells for o in c.get("outputs", [])]
    pictures = [o["data"]["image/png"].replace("\n", "") for o in outputs if "image/png" in o.get("data", {})]
    assert pictures and sum(picture in text.replace("\n", "") for picture in pictures) >= len(pictures) - 1
    assert text.count("<section>") == n > 15 and "Week 6: Near misses and free words" in text
    assert not re.search(r"""(src|href)=["']https?://""", text), "a page that needs a network"
    assert 'alt="Figure.' in text and "check.ex_" not in text and "Tweak this" not in text


def test_a_slide_says_the_first_sentences_and_the_formula():
    said = slides.lead("One. Two is\nlonger. Three.\n\nMore.\n\n$$x = 1$$\n\n<details>answer</details>")
    assert said == "One. Two is longer.\n\n$$x = 1$$"
    assert slides.lead("- a\n- b\n\nMore.") == "- a\n- b"
    assert (
        slides.lead("LoRA (Hu et al. 2021) adds two. It is thin. No.") == "LoRA (Hu et al. 2021) adds two. It is thin."
    )


def test_a_slide_is_no_taller_than_a_screen():
    from nbformat import v4

    figure = v4.new_output("display_data", {"image/png": "AAAA", "text/plain": "a figure"})
    table = v4.new_output("display_data", {"text/html": "<table>" + "<tr></tr>" * 12})
    printed = v4.new_output("stream", text="one line\n")
    shown = [v4.new_code_cell(outputs=[output]) for output in (printed, figure, figure, table, printed)]
    parts = list(slides._parts(slides.Slide("A heading", "A lead.", shown)))
    assert [len(part.shown) for part in parts] == [1, 1, 1, 2]
    assert [part.text for part in parts] == ["A lead.", "", "", ""] and {part.heading for part in parts} == {
        "A heading"
    }
    assert [len(p.shown) for p in slides._parts(slides.Slide("H", "T\n\n$$x$$", shown[1:2]))] == [0, 1], "its formula"


def test_formulas_of_slides_need_no_script():
    pytest.importorskip("latex2mathml")
    said = slides.with_mathml("The rate $\\alpha$ of\n\n$$x = \\frac{1}{2}$$")
    assert said.count("<math") == 2 and "$" not in said and 'display="block"' in said
