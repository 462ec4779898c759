"""`import emolab as el`: every name is there, documented, and imported when it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import emolab as el

NAMES = [name for name in el.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_the_front_door_is_there_and_documented(name):
    assert getattr(el, name).__doc__


def test_there_are_about_fifteen_names_and_no_other():
    assert 12 <= len(NAMES) <= 20
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = el.nothing


def test_importing_the_package_loads_nothing_heavy():
    heavy = "torch transformers trl peft pandas matplotlib librosa sklearn scipy numpy"
    code = f"import sys, emolab; print([m for m in '{heavy}'.split() if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_evaluate_is_the_function_whether_or_not_its_package_was_imported(monkeypatch):
    import emolab.evaluate as package

    monkeypatch.setattr(package, "evaluate", lambda *a, **k: {"got": (a, k)})
    assert package("m", "c", mode="labels") == {"got": (("m", "c"), {"mode": "labels"})}
    assert callable(el.evaluate)
