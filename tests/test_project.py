"""What holds for the repository as a whole: pins, the README's commands, file lengths, no machine's own paths."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_pins_are_exact_and_have_no_local_version():
    assert pins()["torch"] == "2.13.0"
    assert all(re.fullmatch(r"[0-9][0-9a-z.]*", version) for version in pins().values())


def test_conda_users_get_the_same_pins():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^ +- ([A-Za-z0-9._-]+)==(\S+)$", text, re.MULTILINE))
    assert listed == pins()
    assert "- python=3.11" in text and "-e .[dev]" in text


def test_every_pin_but_torch_has_its_hashes():
    """PyTorch's wheels lie on an index for each kind of processor, and this project cannot know all their hashes."""
    text = (ROOT / "constraints-hashed.txt").read_text(encoding="utf-8")
    entries = re.findall(r"^(\S+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)
    hashed = {normal(name): version for name, version, _ in entries}
    wanted = {normal(name): version for name, version in pins().items() if name != "torch"}
    assert hashed == wanted, "run `make hashes` after a change of constraints.txt"
    assert text.count("==") == len(entries)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--require-hashes --no-deps -r constraints-hashed.txt" in makefile


def test_every_direct_dependency_is_pinned_within_its_range():
    from packaging.requirements import Requirement

    pinned = {normal(name): version for name, version in pins().items()}
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [text for extra in ("train", "course", "voices", "hub", "bench", "site", "dev") for text in extras[extra]]
    for text in [*PROJECT["project"]["dependencies"], *wanted]:
        requirement = Requirement(text)
        if requirement.name not in ("emolab", "emolab-course", "emolab-corpora"):
            assert pinned[normal(requirement.name)] in requirement.specifier, text


def test_the_readmes_commands_are_make_targets_and_ci_runs_them():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^(?:    |)make ([a-z]+)", readme, re.MULTILINE))
    assert {"course", "test"} <= named
    for target in named | {"lab", "lint", "clean"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make ([a-z]+)$", ci, re.MULTILINE) == ["course", "test"]


def test_the_readmes_commands_and_their_options_exist():
    import typer

    from emolab.cli.main import build

    root = typer.main.get_command(build())
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^emolab (.+)$", text, re.MULTILINE) + re.findall(r"`emolab ([^`]+)`", text)
    assert len(lines) > 8
    for line in lines:
        words, found = line.split("#")[0].split(), root
        while hasattr(found, "commands") and words and words[0] in found.commands:
            found = found.get_command(None, words.pop(0))
        assert found is not root, line
        options = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_no_path_of_one_machine():
    machine = re.compile(r"(?<![\w.])/(?:home|root|Users|work|mnt)/\w")
    found = []
    for path in tracked("*.py", "*.md", "*.toml", "*.yml", "*.ipynb", "Makefile", ".ci/run"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if machine.search(line) and path != Path(__file__):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_every_shipped_licence_is_noticed():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for shipped in ("data_scripts/corpora/emolab_synth/data", "emolab/lalm/tiny_data", "emolab/wheels"):
        assert shipped in notice
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_no_tracked_file_is_larger_than_a_mebibyte_but_weights():
    heavy = [p for p in tracked() if p.stat().st_size > 2**20 and p.suffix != ".safetensors"]
    assert [str(p.relative_to(ROOT)) for p in heavy] == []
