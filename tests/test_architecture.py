"""Data flows one way: no room imports a room below it, no two modules import each other, the core has no torch."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from absent import without

PACKAGE = Path(__file__).parents[1] / "emolab"
ROOMS = (
    "errors", "caches", "extras", "paths", "files", "registry",
    "emotions", "wheels", "samples", "media", "corpora",
    "prompts", "parsing", "metrics", "rewards", "prosody",
    "lalm", "evaluate", "training", "attribution", "recipes",
    "plots", "cli",
)  # fmt: skip
"""From top to bottom; a room imports from itself and from the rooms above it. The front door `emolab` is not a room."""
SAME_ROOM = {"baselines": "evaluate", "profiles": "lalm"}
LIGHT = ROOMS[: ROOMS.index("lalm")]
"""The light core: what `pip install emolab` brings is enough for it."""
HEAVY = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets", "IPython", "matplotlib")
STILL_UPWARD = {("rewards", "lalm")}
"""Imports that go the wrong way today. None may be added."""


def sources():
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def imports(for_types):
    """Module -> the project's modules that it imports, inside functions too; with `for_types` also under
    TYPE_CHECKING."""
    known = sources()
    found = {}
    for name, path in known.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing_only = {
            id(inner)
            for block in ast.walk(tree)
            if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
            for inner in ast.walk(block)
        }
        targets = set()
        for node in ast.walk(tree):
            if id(node) in typing_only and not for_types:
                continue
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                targets |= {name if name in known else node.module for name in full}
            elif isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
        found[name] = (targets & set(known)) - {name, "emolab"}
    return found


def room(module):
    name = module.split(".")[1]
    return SAME_ROOM.get(name, name)


def test_no_room_imports_from_a_room_below_it():
    wrong = {}
    for module, targets in imports(for_types=True).items():
        if module in ("emolab", "emolab.__main__"):
            continue
        for name in (module, *targets):
            assert room(name) in ROOMS, f"{name}: give its room a place in ROOMS"
        for target in targets:
            if ROOMS.index(room(target)) > ROOMS.index(room(module)):
                wrong.setdefault((room(module), room(target)), []).append(f"{module} imports {target}")
    assert {pair: lines for pair, lines in wrong.items() if pair not in STILL_UPWARD} == {}


def test_what_lies_beside_the_package_is_imported_by_nobody_in_it():
    """The course, the published and embedded corpora and the benchmarks import emolab, and never the other way."""
    beside = re.compile(
        r"^\s*(?:from|import) (emolab_course|emolab_corpora|emolab_synth|benchmarks|data_scripts|tests)\b", re.M
    )
    found = {name: beside.findall(path.read_text(encoding="utf-8")) for name, path in sources().items()}
    assert {name: modules for name, modules in found.items() if modules} == {}


def test_no_circular_imports():
    """Not at the top of files, not in functions."""
    graphlib.TopologicalSorter(imports(for_types=False)).prepare()


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_light_core_imports_nothing_heavy():
    modules = [name for name in sources() if name != "emolab" and room(name) in LIGHT]
    assert len(modules) > 50
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert run(code).strip() == "[]"


def test_the_front_door_opens_without_anything_heavy_and_at_once():
    heavy = (*HEAVY, "numpy", "pandas", "scipy", "sklearn", "typer")
    code = (
        "import sys, time\n"
        "start = time.process_time()\n"
        "import emolab\n"
        "seconds = time.process_time() - start\n"
        f"print([name for name in {heavy!r} if name in sys.modules], seconds)"
    )
    loaded, seconds = run(code).rsplit(" ", 1)
    assert loaded == "[]" and float(seconds) < 0.05


@pytest.mark.parametrize("absent", ["torch", "trl"])
def test_without_an_extra_the_error_says_what_to_install(absent):
    code = without(absent) + (
        "import importlib.util, emolab.extras\n"
        "real = importlib.util.find_spec\n"
        f"emolab.extras.find_spec = lambda name: None if name == {absent!r} else real(name)\n"
        "from emolab.rewards import ESWR\n"
        "try:\n"
        "    import emolab.training.planner\n"
        "except emolab.extras.MissingExtra as error:\n"
        "    print(error)\n"
    )
    assert run(code).strip() == f"{absent} is not installed, and this needs it: pip install 'emolab[train]'"


def test_an_unsupported_version_is_named_with_what_to_install(monkeypatch):
    from emolab import extras

    extras._range.cache_clear()
    monkeypatch.setattr(extras.metadata, "version", lambda name: "0.24.0")
    monkeypatch.setattr(extras.metadata, "requires", lambda name: ["trl<1.17,>=1.8; extra == 'train'"])
    with pytest.raises(extras.MissingExtra, match=r"trl 0\.24\.0 is not supported: pip install 'trl<1\.17,>=1\.8'"):
        extras.require("trl")
    extras._range.cache_clear()
