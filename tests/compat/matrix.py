"""The oldest and the newest supported trl and transformers, each in an environment of its own: `make compat`.

An environment sees the packages of the one that runs this script, and has its own trl and transformers. In each run
the seam tests, the conformance tests of every family, the trainer's tests and the tests of rewards. A row may name
another Python; it then runs only the tests that need no torch.

    .venv/bin/python tests/compat/matrix.py [ROW…]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "compat"
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
    "oldest-trl": Row(("trl==1.12.0",)),
    "trl-1.14": Row(("trl==1.14.2",)),
    "newest-trl": Row(("trl==1.16.0",)),
    "oldest-transformers": Row(("transformers==5.23.0",)),
    "newest-transformers": Row(("transformers==5.24.0",)),
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


def main(names: list[str]) -> int:
    """Run the rows of these names, or all; print a line for each. Returns how many failed."""
    failed = 0
    for name in names or ROWS:
        row = ROWS[name]
        try:
            python = make(name, row)
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            print(f"{name}: cannot be installed ({error})")
            failed += 1
            continue
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *row.tests]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        (FOLDER / f"{name}.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
        print(f"{name}: {', '.join(row.requirements)}: {done.stdout.strip().splitlines()[-1]}", flush=True)
        failed += done.returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
