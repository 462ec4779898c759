"""The site, the start page of a run, `course get`, and the files of one-click starts: all but the hosts."""

from __future__ import annotations

import json
import re

import pytest
from emolab_course import release, site, source
from emolab_course.paths import sources
from emolab_course.run import without_solutions

from emolab.errors import EmolabError
from emolab.paths import CHECKOUT


def test_pages_hold_no_solution_and_their_links_lead_somewhere(tmp_path):
    site.write_pages(tmp_path / "pages")
    for path in sources():
        text = (tmp_path / "pages" / f"{path.stem}.ipynb").read_text(encoding="utf-8")
        assert "model-answer" not in text
    for page in ("index.md", "ledger.md", "glossary.md"):
        text = (tmp_path / "pages" / page).read_text(encoding="utf-8")
        targets = [t.split("#")[0] for t in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in t]
        assert [target for target in targets if not (tmp_path / "pages" / target).exists()] == []
    start = (tmp_path / "pages" / "index.md").read_text(encoding="utf-8")
    assert all(f"({path.stem}.ipynb)" in start for path in sources())


def test_the_glossary_is_sorted_and_says_where_each_word_is_taught():
    text = (site.STATIC / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^(\S.*)\n: (.+)$", text, re.MULTILINE)
    names = [word.lower() for word, _ in words]
    assert len(words) >= 30 and names == sorted(names)
    numbers = {path.stem.partition("_")[0] for path in sources()}
    for word, meaning in words:
        found = re.search(r"\(([0-9a-z, ]+)\)$", meaning)
        assert found and set(found[1].split(", ")) <= numbers, word


@pytest.mark.slow
def test_sphinx_builds_it(tmp_path):
    pytest.importorskip("furo", reason="pip install emolab[site]")
    page = site.make_site(tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "Hear what somebody feels" in text and "search" in text
    lesson = (page.parent / "03_rewards.html").read_text(encoding="utf-8")
    assert 'rel="next"' in lesson and 'rel="prev"' in lesson and "emolab-quiz" in lesson


def test_an_executed_notebook_is_published_without_its_solutions():
    path = sources(("03",))[0]
    given = without_solutions(source.read(path), path)
    answers = [cell for cell in given.cells if "exercise" in source.tags(cell)]
    assert answers and all("NotImplementedError" in cell.source or "= ..." in cell.source for cell in answers)
    assert not any("model-answer" in source.tags(cell) for cell in given.cells)


def test_get_copies_every_notebook_and_overwrites_none(tmp_path):
    written = release.get_notebooks(tmp_path / "mine")
    assert [path.stem for path in written] == [path.stem for path in sources()]
    assert all("NotImplementedError" in path.read_text(encoding="utf-8") for path in written[:4])
    with pytest.raises(EmolabError, match="your answers"):
        release.get_notebooks(tmp_path / "mine")


def test_container_files_name_what_is_there():
    docker = (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")
    assert "FROM python:3.11" in docker and "constraints.txt" in docker and "USER learner" in docker
    settings = json.loads((CHECKOUT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert (CHECKOUT / ".devcontainer" / settings["build"]["dockerfile"]).resolve() == CHECKOUT / "Dockerfile"
    carried = (CHECKOUT / "notebooks" / "pyproject.toml").read_text(encoding="utf-8")
    assert '"src" = "emolab_course/notebooks/src"' in carried
