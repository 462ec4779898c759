"""`emolab course …` on a small folder of notebooks: what is printed, and the exit status."""

from __future__ import annotations

import json

import pytest
from emolab_course import paths
from emolab_synth import embedded
from typer.testing import CliRunner

from emolab.cli.main import build

RUNNER = CliRunner()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "00_good.py").write_text("# %%\n1 + 1\n", encoding="utf-8")
    monkeypatch.setattr(paths, "notebooks_folder", lambda: tmp_path)
    monkeypatch.setattr(embedded, "embedded_corpus", lambda size="course": None)
    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path / "build"))
    return tmp_path


def invoke(*arguments):
    return RUNNER.invoke(build(), ["course", *arguments])


def test_build_names_what_changed_and_then_nothing(folder):
    result = invoke("build", "--json")
    assert json.loads(result.stdout) == {"changed": ["00_good.ipynb", "00_good.ipynb"]}
    assert invoke("build").stdout.strip() == "nothing changed"


def test_run_succeeds_and_fails_with_the_notebooks(folder, monkeypatch):
    made = {}

    def make_site(out, solutions, ran, note):
        made.update(ran=list(ran), note=note, solutions=solutions)
        return out / "html" / "index.html"

    monkeypatch.setattr("emolab_course.site.make_site", make_site)
    result = invoke("run")
    assert result.exit_code == 0 and str(folder / "build" / "course" / "html" / "index.html") in result.stdout
    assert made["ran"] == ["00_good"] and not made["solutions"] and "1 notebooks ran" in made["note"]
    assert (folder / "build" / "course" / "summary.json").is_file()
    (folder / "src" / "01_bad.py").write_text("# %%\nraise ValueError('so')\n", encoding="utf-8")
    result = invoke("run", "01", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["notebooks"][0]["ok"] is False
    assert "ValueError: so" in result.stderr


def test_build_with_execution_refuses_a_failing_notebook(folder):
    (folder / "src" / "01_bad.py").write_text("# %%\nraise ValueError('so')\n", encoding="utf-8")
    result = invoke("build", "01", "--execute")
    assert result.exit_code == 1
    assert "ValueError: so" in result.stderr
    assert not (folder / "01_bad.ipynb").exists()


def test_check_fails_and_names_the_rule(folder):
    result = invoke("check", "--json")
    assert result.exit_code == 1
    assert any("opening cell" in problem for problem in json.loads(result.stdout)["problems"])


def test_an_unknown_notebook_is_one_line(folder):
    result = invoke("run", "42")
    assert result.exit_code == 1
    assert result.stderr.strip() == "emolab: no notebook called 42; there are 00_good"


def test_table_without_runs_says_how_to_make_them(folder):
    result = invoke("table")
    assert result.exit_code == 1
    assert "emolab course build --execute 00_good" in result.stderr
