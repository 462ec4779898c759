"""One click: what the first cell says, links built from one setting, and `make lab` as anybody and anywhere."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from dataclasses import replace

import pytest
from emolab_course import missing as module
from emolab_course import one_click, setup
from emolab_course.missing import missing
from emolab_course.paths import sources

from emolab.errors import EmolabError
from emolab.paths import CHECKOUT
from emolab.profiles import PROFILES

CPU = PROFILES["cpu"]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def complete(tmp_path, monkeypatch):
    """A machine that lacks nothing: the embedded corpus lies in its build folder."""
    from emolab_synth.embedded import INFO, corpus_folder

    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path))
    monkeypatch.delenv("EMOLAB_COURSE", raising=False)
    place = corpus_folder(CPU.corpus_size)
    place.mkdir(parents=True)
    (place / INFO).write_text("{}", encoding="utf-8")
    return place


def test_a_machine_that_lacks_nothing_is_told_nothing(complete):
    assert missing(CPU, "synthetic") == []


def test_a_missing_package_is_named_with_its_extra(complete, monkeypatch):
    monkeypatch.setattr(
        module, "find_spec", lambda name: None if name in ("trl", "ipywidgets", "emolab_synth") else name
    )
    told = "\n".join(missing(CPU, "synthetic"))
    assert "trl is not installed" in told and "'emolab[train]'" in told and "'emolab[course]'" in told
    assert "emolab_synth is not installed" in told and "torch is not" not in told


def test_a_corpus_that_is_not_made_or_not_there_is_told(complete, tmp_path, monkeypatch):
    assert "is not made yet" in missing(CPU, "synthetic:smoke")[0]
    monkeypatch.setenv("EMOLAB_SHARED", str(tmp_path / "class"))
    shared = tmp_path / "class" / "corpora" / complete.name
    shared.mkdir(parents=True)
    (shared / "info.json").touch()
    assert missing(CPU, "synthetic") == []
    assert "nowhere is not there" in missing(CPU, f"ravdess:{tmp_path / 'nowhere'}")[0]
    assert missing(CPU, f"ravdess:{tmp_path}") == [] == missing(CPU, "hub:owner/name")


def test_a_profile_without_its_card_says_what_to_set(complete, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    gpu = replace(PROFILES["gpu-24gb"], corpus_size=CPU.corpus_size)
    (told,) = missing(gpu, "synthetic")
    assert "EMOLAB_PROFILE=cpu" in told and "gpu-24gb" in told
    monkeypatch.setenv("EMOLAB_DEVICE", "cpu")
    assert missing(gpu, "synthetic") == []


def test_missing_weights_and_a_wrong_model_folder_are_told(complete, tmp_path, monkeypatch):
    import emolab

    assert "no such folder" in missing(CPU, "synthetic", str(tmp_path / "gone"))[0]
    monkeypatch.setattr(emolab, "__file__", str(tmp_path / "emolab" / "__init__.py"))
    assert "install emolab again" in missing(CPU, "synthetic")[0]


def test_the_first_cell_prints_it(complete, monkeypatch, capsys):
    setup("03", threads=1)
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("EMOLAB_CORPUS", "ravdess:/nowhere/at/all")
    setup("03", threads=1)
    assert "is not there: correct it" in capsys.readouterr().out


# Links ----------------------------------------------------------------------------------------------------------------


def test_links_name_notebooks_that_are_committed_and_one_repository():
    found = one_click.links("someone/emolab", "main")
    assert list(found) == [path.stem for path in sources()]
    for stem, at in found.items():
        assert set(at) == {"Colab", "Kaggle", "Binder"} and (CHECKOUT / "notebooks" / f"{stem}.ipynb").is_file()
        assert all(
            "someone/emolab" in url and f"notebooks/{stem}.ipynb" in url and "{" not in url for url in at.values()
        )


def test_without_a_public_copy_no_link_is_made(monkeypatch):
    monkeypatch.setattr(one_click, "repository", lambda: "")
    with pytest.raises(EmolabError, match="no public copy is named: set repository in"):
        one_click.badges()
    with pytest.raises(EmolabError, match="expected OWNER/NAME"):
        one_click.badges("https://example.org/a/b")


def test_what_a_host_installs_is_what_lies_in_this_repository():
    text = one_click.badges("someone/emolab")
    folders = re.findall(r"'(\S+?)(?:\[course\])? @ git\+\S+?(?:#subdirectory=(\S+?))?'", text)
    assert [name for name, _ in folders] == ["emolab", "emolab-corpora", "emolab-course"]
    for name, folder in folders:
        project = tomllib.loads((CHECKOUT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert project["name"] == name
    for line in (CHECKOUT / ".binder" / "requirements.txt").read_text(encoding="utf-8").split():
        place = line.partition("[")[0]
        assert place == "-c" or (CHECKOUT / place).exists()


# The command lines --------------------------------------------------------------------------------------------------


def command_of(target, *variables):
    told = subprocess.run(
        ["make", "-n", "-o", ".venv/.installed", target, *variables],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout


def test_make_lab_works_as_root_and_on_a_remote_machine():
    local, remote = command_of("lab"), command_of("lab", "IP=0.0.0.0", "PORT=9999")
    assert "--ip=127.0.0.1 --port=8888" in local and "--ip=0.0.0.0 --port=9999" in remote
    assert ("--allow-root" in local) == (os.name == "posix" and os.geteuid() == 0)
    assert "token" not in local, "Jupyter's own token guards it"
    assert "make lab IP=0.0.0.0" in README and "token" in README and "ssh -L" in README


def test_jupyter_takes_the_command_line_of_make_lab(tmp_path):
    pytest.importorskip("jupyterlab")
    from jupyterlab.labapp import LabApp

    words = command_of("lab", "IP=0.0.0.0", "PORT=9999").split()
    app = LabApp()
    app.parse_command_line(words[words.index("lab") + 1 :])
    assert app.config["ServerApp"]["ip"] == "0.0.0.0" and app.config["ServerApp"]["port"] == 9999


def test_the_way_without_make_installs_and_runs_what_make_does():
    start = README[README.index("Without `make`") :]
    commands = start.split("```")[1]
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    for folder in re.findall(r"-e ([a-z/_]+)(?= |$)", commands, re.MULTILINE):
        assert f"-e {folder}" in makefile and (CHECKOUT / folder / "pyproject.toml").is_file()
    assert "emolab course run" in commands and "emolab course run" in makefile
    assert r".venv\Scripts\activate" in commands and "jupyter lab --notebook-dir=notebooks" in commands
