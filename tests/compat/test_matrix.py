"""The matrix of versions fits the ranges that the package states, and its results are of the rows that it has."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("matrix", ROOT / "tests" / "compat" / "matrix.py")
matrix = sys.modules["matrix"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(matrix)


def pinned(row):
    return dict(text.split("==") for text in matrix.ROWS[row].requirements if "==" in text)


def ranges():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = map(Requirement, project["optional-dependencies"]["train"])
    return {requirement.name: requirement.specifier for requirement in found}


def test_the_oldest_row_is_where_the_ranges_begin_and_every_row_lies_in_them():
    known = ranges()
    for name, version in pinned("oldest").items():
        assert re.search(rf">={re.escape(version.removesuffix('.0'))}(?![.\d])", str(known[name])), (name, version)
    for row in matrix.ROWS:
        for name, version in pinned(row).items():
            assert version in known[name], (row, name, version)


def test_every_row_has_a_result_without_a_failure():
    results = json.loads(matrix.RESULTS.read_text(encoding="utf-8"))
    assert set(results) <= set(matrix.ROWS) and {"oldest", "newest"} <= set(results)
    for row, found in results.items():
        assert found["passed"] > 0 and not {"failed", "error"} & set(found), row
        assert pinned(row).items() <= found["versions"].items(), "measured with other versions than the row has now"
