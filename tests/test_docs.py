"""The code blocks of docs/ run, in order, in an empty folder; commands and links in them exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from emolab.registry import KINDS, registry

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page, kind):
    return [code for language, code in BLOCK.findall(page.read_text(encoding="utf-8")) if language == kind]


@pytest.fixture
def as_before():
    """Take out what a page registers."""
    family = registry("family")["qwen2_audio"]
    known = {kind: set(registry(kind)) for kind in KINDS}
    yield
    for kind, names in known.items():
        for name in set(registry(kind)) - names:
            registry(kind).remove(name)
    registry("family").add("qwen2_audio", family, replace=True)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch, as_before):
    monkeypatch.chdir(tmp_path)
    module = ModuleType(f"docs_{page.stem}")  # what classes and functions of the page belong to
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for number, code in enumerate(blocks(page, "python"), 1):
        exec(compile(code, f"{page.name}, block {number}", "exec"), vars(module))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_links_of_a_page_exist(page):
    import typer

    from emolab.cli.main import build

    text = page.read_text(encoding="utf-8")
    missing = [t for t in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in t and not (page.parent / t).exists()]
    assert missing == []
    for line in re.findall(r"^emolab (.+)$", "\n".join(blocks(page, "")), re.MULTILINE):
        words, found = line.split("#")[0].split(), typer.main.get_command(build())
        while hasattr(found, "commands") and words and words[0] in found.commands:
            found = found.get_command(None, words.pop(0))
        options = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_the_front_door_page_names_every_name():
    import emolab as el

    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert [name for name in el.__all__ if name != "__version__" and f"`el.{name}" not in page] == []
