"""Counts the cases of the issue "What asked-for really entered": tried, right before, right after.

    python tests/tools/fault_cases.py --before CHECKOUT_OF_1174f88 [--run] [--list]

`--before` tries every probe in that checkout and in this one; `--run` also runs the test of each case here. A case
without a probe is one that the issue says failed, so it counts as wrong before; a neighbour without a probe was not
tried before, and is counted in a column of its own. The table is printed in Markdown; `--list` prints a line for each
case, too.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROBING = """
import contextlib, io, json, sys, tempfile
from pathlib import Path
import fault_probes
found = {}
for name in json.loads(sys.argv[1]):
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        try:
            found[name] = int(getattr(fault_probes, name)(Path(folder)))
        except Exception as error:
            found[name] = 0
            print(name, type(error).__name__, str(error)[:150], file=sys.stderr)
print(json.dumps(found))
"""


def kinds() -> list[dict[str, Any]]:
    """The kinds with their cases; a case has `what`, `from`, `test`, `each` (how many values) and `probe` or None."""
    defaults = {"from": "issue", "each": 1, "probe": None}
    with (HERE / "fault_cases.toml").open("rb") as file:
        listed = tomllib.load(file)["kind"]
    return [kind | {"cases": [defaults | case for case in kind["cases"]]} for kind in listed]


@cache
def tests_of(file: str) -> frozenset[str]:
    """Names of the test functions of a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def missing() -> list[str]:
    """Tests that cases name and that are not there."""
    named = [case["test"] for kind in kinds() for case in kind["cases"]]
    return [test for test in named if test.split("::")[1].split("[")[0] not in tests_of(test.split("::")[0])]


def probe(tree: Path, names: list[str]) -> dict[str, int]:
    """How many values of each probe come out right in the checkout `tree`: 0, 1, or a count."""
    beside = [tree / "data_scripts" / "corpora", tree / "data_scripts" / "synth"]
    paths = [tree, *beside, HERE, ROOT / "tests" / "corpora"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "EMOLAB_BUILD": tempfile.mkdtemp()}
    done = subprocess.run(
        [sys.executable, "-c", PROBING, json.dumps(names)], capture_output=True, text=True, env=environment, cwd=tree
    )
    print(f"{tree}:\n{done.stderr[-6000:]}", file=sys.stderr)
    if done.returncode:
        raise SystemExit(f"the probes did not end in {tree}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def passing() -> set[str]:
    """The tests of all cases that pass here."""
    named = sorted({case["test"] for kind in kinds() for case in kind["cases"]})
    report = Path(tempfile.mkdtemp()) / "report.xml"
    subprocess.run([sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", "-p", "no:cacheprovider", *named])
    failed, run = set(), set()
    for case in ElementTree.parse(report).iter("testcase"):
        node = f"{case.attrib['classname'].replace('.', '/')}.py::{case.attrib['name']}"
        run.add(node)
        if any(child.tag in ("failure", "error", "skipped") for child in case):
            failed.add(node)
    return {
        test
        for test in named
        if any(node.startswith(test) for node in run) and not any(node.startswith(test) for node in failed)
    }


def counted(before: dict[str, int] | None, after: dict[str, int], passed: set[str] | None) -> list[dict[str, Any]]:
    """Every case with how many of its values were right `before` (None: not tried) and are right `after`."""
    cases = []
    for kind in kinds():
        for case in kind["cases"]:
            was: int | None = 0 if case["from"] == "issue" else None
            if case["probe"] and before is not None:
                was = before[case["probe"]]
            held = case["each"] if passed is None or case["test"] in passed else 0
            probed = after[case["probe"]] if case["probe"] else case["each"]
            cases.append(case | {"kind": f"{kind['number']}. {kind['title']}", "was": was, "now": min(held, probed)})
    return cases


def table(cases: list[dict[str, Any]]) -> str:
    """The Markdown table: a row for each kind."""
    lines = [
        "| kind | cases | of these in the issue | right before | not tried before | right after |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind in dict.fromkeys(case["kind"] for case in cases):
        of_kind = [case for case in cases if case["kind"] == kind]
        count = {
            "cases": sum(case["each"] for case in of_kind),
            "issue": sum(case["each"] for case in of_kind if case["from"] == "issue"),
            "before": sum(case["was"] or 0 for case in of_kind),
            "untried": sum(case["each"] for case in of_kind if case["was"] is None),
            "after": sum(case["now"] for case in of_kind),
        }
        lines.append("| " + " | ".join([kind, *map(str, count.values())]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of the commit before the work")
    parser.add_argument("--run", action="store_true", help="run the test of each case")
    parser.add_argument("--list", action="store_true", help="print each case")
    options = parser.parse_args()
    if missing():
        raise SystemExit("no such test:\n" + "\n".join(missing()))
    names = sorted({case["probe"] for kind in kinds() for case in kind["cases"] if case["probe"]})
    before = probe(options.before, names) if options.before else None
    after = probe(ROOT, names)
    cases = counted(before, after, passing() if options.run else None)
    if options.list:
        for case in cases:
            was = "not tried" if case["was"] is None else case["was"]
            how = "probe" if case["probe"] and before is not None else "the issue" if case["from"] == "issue" else ""
            print(f"{case['kind'][0]}  {case['what']}: {was} ({how or '-'}) -> {case['now']} of {case['each']}")
    print(table(cases))


if __name__ == "__main__":
    main()
