"""The site, the start page of a run, `course get`, and the files of one-click starts: all but the hosts."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib

import pytest
from emolab_course import release, site, source
from emolab_course.paths import sources
from emolab_course.run import without_solutions

from emolab.errors import EmolabError
from emolab.paths import CHECKOUT


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "pages"
    site.write_pages(folder, note="18 notebooks ran.")
    return folder


def test_pages_hold_no_solution_and_their_links_lead_somewhere(pages):
    for path in sources():
        assert "model-answer" not in (pages / f"{path.stem}.ipynb").read_text(encoding="utf-8")
    for page in ("index.md", "ledger.md", "glossary.md", "reward_lab.md", "explorer.md"):
        text = (pages / page).read_text(encoding="utf-8")
        targets = [t.split("#")[0] for t in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in t]
        assert [target for target in targets if not (pages / target).exists()] == []
    start = (pages / "index.md").read_text(encoding="utf-8")
    assert all(f'href="{path.stem}.html"' in start for path in sources()) and "18 notebooks ran." in start
    listed = re.findall(r"```{toctree}.*?\n\n(.*?)\n```", start, re.DOTALL)
    named = [name for names in listed for name in names.splitlines()]
    assert [
        name for name in named if not any((pages / f"{name}.{end}").is_file() for end in ("md", "ipynb", "rst"))
    ] == []
    assert [name for name in named if name[:2].isdigit()] == [path.stem for path in sources()]


def test_figures_are_files_with_their_alternative_text_and_widgets_have_a_page(pages):
    shown = 0
    for path in sources():
        text = (pages / f"{path.stem}.ipynb").read_text(encoding="utf-8")
        assert "image/png" not in text and "widget-view" not in text
        for name in re.findall(r'src=\\"(_static/figures/[^\\]+)', text):
            shown += 1
            assert (pages / name).stat().st_size > 200
    assert shown >= 30
    assert "(reward_lab.md)" in (pages / "03_rewards.ipynb").read_text(encoding="utf-8")
    assert "(explorer.md)" in (pages / "05_attribution.ipynb").read_text(encoding="utf-8")


def test_the_site_asks_no_other_host_for_anything(pages):
    for file in [*pages.glob("*.md"), *(pages / "_static").glob("*.*"), pages / "conf.py"]:
        if file.suffix in (".css", ".js", ".py"):
            assert "http" not in file.read_text(encoding="utf-8"), file.name
        elif file.suffix == ".md":
            assert not re.search(r"<(script|link|img)[^>]*http", file.read_text(encoding="utf-8")), file.name


def test_a_page_of_a_run_keeps_no_state_of_widgets(tmp_path):
    path = sources(("03",))[0]
    ran = source.read(path)
    ran.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    (tmp_path / "_static").mkdir()
    site.write_lesson(path, tmp_path, ran=ran)
    assert "widget-state" not in (tmp_path / f"{path.stem}.ipynb").read_text(encoding="utf-8")
    assert "widgets" in ran.metadata, "the run itself is not changed"


def test_a_fork_that_names_its_repository_gets_links_to_hosts(monkeypatch):
    from emolab_course import one_click

    assert "colab" not in site.start_page([])
    monkeypatch.setattr(one_click, "repository", lambda: "someone/fork")
    monkeypatch.setattr(site, "repository", one_click.repository)
    page = site.start_page([])
    assert page.count("https://colab.research.google.com/github/someone/fork/blob/main/notebooks/") == len(sources())


def test_every_formula_of_the_course_becomes_mathml(pages):
    from latex2mathml.converter import convert

    found = []
    for file in [*pages.glob("*.ipynb"), *(pages / "docs").glob("*.md")]:
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
        found += [block or line for block, line in re.findall(r"\$\$(.+?)\$\$|\$([^$]+?)\$", text, re.DOTALL)]
    assert len(found) >= 60
    assert all(convert(formula).startswith("<math") for formula in found)


def test_the_reference_names_modules_that_there_are(pages):
    for name in site.REFERENCE:
        text = (pages / "reference" / f"{name}.rst").read_text(encoding="utf-8")
        modules = re.findall(r"automodule:: (\S+)", text)
        assert modules and all(importlib.util.find_spec(module) for module in modules)


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
    page = site.make_site(tmp_path, widgets=False)
    text = page.read_text(encoding="utf-8")
    assert "Hear what somebody feels" in text and "search" in text
    lesson = (page.parent / "03_rewards.html").read_text(encoding="utf-8")
    assert 'rel="next"' in lesson and 'rel="prev"' in lesson and "emolab-quiz" in lesson
    assert "<math" in (page.parent / "03b_policy_gradient.html").read_text(encoding="utf-8")
    reference = (page.parent / "reference" / "rewards.html").read_text(encoding="utf-8")
    assert "group_advantages" in reference and "system-message" not in reference
    for built in page.parent.glob("*.html"):
        text = built.read_text(encoding="utf-8")
        assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=.https?:", text), built.name
        assert not re.search(r"<img(?![^>]* alt=)[^>]*>", text), built.name


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
    docker = (CHECKOUT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = dict(re.findall(r"^(FROM|WORKDIR|USER|EXPOSE|CMD|COPY) (.+)$", docker, re.MULTILINE))
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert lines["FROM"].startswith("python:3.11-") and project["requires-python"] == ">=3.11.5"
    assert lines["USER"] == "learner" and lines["COPY"] == "--chown=learner . ."

    settings = json.loads((CHECKOUT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    build = settings["build"]
    assert (CHECKOUT / ".devcontainer" / build["dockerfile"]).resolve() == CHECKOUT / "Dockerfile"
    assert (CHECKOUT / ".devcontainer" / build["context"]).resolve() == CHECKOUT
    assert settings["workspaceFolder"] == lines["WORKDIR"] and [int(lines["EXPOSE"])] == settings["forwardPorts"]
    assert f"target={lines['WORKDIR']}," in settings["workspaceMount"]

    installs = [re.findall(r"-[ce] '?([^'\s]+)'?", text) for text in (docker, settings["postCreateCommand"])]
    assert installs[0] == installs[1] == ["constraints.txt", ".[course,voices]", "data_scripts/corpora", "notebooks"]
    for place in installs[0]:
        folder, _, extras = place.rstrip("]").partition("[")
        assert (CHECKOUT / folder).exists() and set(filter(None, extras.split(","))) <= set(
            project["optional-dependencies"]
        )
    left_out = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").split()
    assert not {"emolab", "notebooks", "data_scripts", "benchmarks", "docs", "constraints.txt"} & set(left_out)


def test_jupyter_takes_the_command_line_of_the_container():
    pytest.importorskip("jupyterlab")
    from jupyterlab.labapp import LabApp

    command = json.loads(re.search(r"^CMD (.+)$", (CHECKOUT / "Dockerfile").read_text(encoding="utf-8"), re.M)[1])
    assert command[:2] == ["jupyter", "lab"] and (CHECKOUT / "notebooks").is_dir()
    app = LabApp()
    app.parse_command_line(command[2:])
    assert app.config["ServerApp"]["ip"] == "0.0.0.0" and app.config["ServerApp"]["root_dir"] == "notebooks"


def test_binder_and_conda_take_the_same_python():
    binder = (CHECKOUT / ".binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    assert binder.replace("-", "=") in (CHECKOUT / "environment.yml").read_text(encoding="utf-8")


def test_the_course_carries_its_sources():
    carried = (CHECKOUT / "notebooks" / "pyproject.toml").read_text(encoding="utf-8")
    assert '"src" = "emolab_course/notebooks/src"' in carried
