"""The oldest and the newest supported trl and transformers, each in an environment of its own: `make compat`.

An environment sees the packages of the one that runs this script, and has its own trl and transformers. In each run
the seam tests, the conformance tests of every family, the trainer's tests and the tests of rewards. A row may name
another Python; it then runs only the tests that need no torch. With `--write` the outcomes go to
`benchmarks/results/compat.json`, beside those of rows that were run before.

    .venv/bin/python tests/compat/matrix.py [--write] [ROW…]
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "compat"
RESULTS = ROOT / "benchmarks" / "results" / "compat.json"
SHOWN = ("trl", "transformers", "torch", "peft", "accelerate", "librosa")
MODEL_TESTS = (
    "tests/training/test_trl_seam.py",
    "tests/training/test_grpo.py",
    "tests/lalm/test_conformance.py",
    "tests/rewards",
)


@dataclass(frozen=True)
class Row:
    """One environment: what is installed, what is tested, and with which Python (this one by default)."""

    requirements: tuple[str, ...]
    tests: tuple[str, ...] = MODEL_TESTS
    python: str = ""


ROWS = {
    "oldest": Row(("trl==1.12.0", "transformers==5.23.0")),
    "between": Row(("trl==1.14.2", "transformers==5.23.0")),
    "newest": Row(("trl==1.16.0", "transformers==5.24.0")),
    "librosa-1": Row(
        ("librosa==1.0.0", ".", "./data_scripts/corpora", "pytest", "pytest-timeout", "hypothesis"),
        ("tests/test_prosody.py",),
        "python3.12",
    ),
}


def make(name: str, row: Row) -> Path:
    """The environment of a row, made where it is not there yet. Returns its Python."""
    folder = FOLDER / name
    python = folder / "bin" / "python"
    if (folder / "made").is_file():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    program = shutil.which(row.python) if row.python else sys.executable
    if program is None:
        raise FileNotFoundError(f"{row.python} is not installed")
    subprocess.run([program, "-m", "venv", folder], check=True)
    if not row.python:
        inside = next((folder / "lib").glob("python*")) / "site-packages"
        (inside / "base.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *row.requirements], cwd=ROOT, check=True)
    subprocess.run([*install, "--no-deps", "--editable", "."], cwd=ROOT, check=True)  # for its ranges of versions
    (folder / "made").touch()
    return python


def versions(python: Path) -> dict[str, str]:
    """The versions of what a row is about, as its environment has them."""
    code = f"""
import json, platform
from importlib import metadata
found = {{"python": platform.python_version()}}
for name in {SHOWN}:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
    done = subprocess.run([python, "-c", code], cwd=FOLDER, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def run(name: str) -> dict[str, object]:
    """Make a row's environment, run its tests there: its versions and the counts of pytest's last line."""
    row = ROWS[name]
    try:
        python = make(name, row)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        return {"versions": dict(text.split("==") for text in row.requirements if "==" in text), "error": str(error)}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *row.tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    (FOLDER / f"{name}.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    last = (done.stdout.strip().splitlines() or ["nothing was run"])[-1]
    counts = {kind: int(n) for n, kind in re.findall(r"(\d+) (passed|failed|skipped|error)", last)}
    error = {"error": last} if done.returncode else {}
    return {"versions": versions(python), "tests": list(row.tests), **counts, **error}


def main(arguments: list[str]) -> int:
    """Run the rows of these names, or all; print a line for each. Returns how many failed."""
    names = [text for text in arguments if text != "--write"] or list(ROWS)
    found: dict[str, dict[str, object]] = {}
    for name in names:
        found[name] = run(name)
        print(name, json.dumps(found[name]), flush=True)
    if "--write" in arguments:
        kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
        rows = {name: {**kept, **found}[name] for name in ROWS if name in {**kept, **found}}
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return sum("error" in outcome for outcome in found.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
