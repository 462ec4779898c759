"""The table of cases found by attack: each names a test that is there, and its probe is right in this tree."""

from __future__ import annotations

import fault_cases
import fault_probes
import pytest

PROBED = {case["probe"]: case for kind in fault_cases.kinds() for case in kind["cases"] if case["probe"]}
QUICK = [name for name, case in PROBED.items() if case["each"] < 100]


def test_every_case_names_a_test_that_is_there():
    assert fault_cases.missing() == []
    cases = [case for kind in fault_cases.kinds() for case in kind["cases"]]
    assert len(cases) > 140 and {case["from"] for case in cases} == {"issue", "neighbour"}
    assert [kind["number"] for kind in fault_cases.kinds()] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("name", QUICK)
def test_a_probe_is_right_in_this_tree(name, tmp_path):
    assert int(getattr(fault_probes, name)(tmp_path)) == PROBED[name]["each"]


def test_what_is_wrong_is_counted_and_what_was_not_tried_is_said():
    names = list(PROBED)
    before, after = dict.fromkeys(names, 0), {name: case["each"] for name, case in PROBED.items()}
    cases = fault_cases.counted(before, after | {names[0]: 0}, None)
    total = sum(case["each"] for case in cases)
    assert sum(case["now"] for case in cases) == total - PROBED[names[0]]["each"]
    neighbours = [case for case in cases if case["was"] is None]
    assert neighbours and all(case["from"] == "neighbour" and not case["probe"] for case in neighbours)
    page = fault_cases.table(cases).splitlines()
    assert len(page) == 2 + 6 and page[2].startswith("| 1. Nothing checks")
    assert sum(case["now"] for case in fault_cases.counted(before, after, set())) == 0
