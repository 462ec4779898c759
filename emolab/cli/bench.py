"""`emolab bench`: the measurements in the folder `benchmarks/` of a checkout, one command each.

A benchmark is a file `benchmarks/NAME.py` or a package `benchmarks/NAME/` with a function `register(app)`. Its first
docstring line is its line in `emolab bench --help`. A file is imported only when its own command is called.
"""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

from emolab.cli.apps import imported
from emolab.paths import CHECKOUT

FOLDER = CHECKOUT / "benchmarks"


def load_benchmark(path: Path) -> ModuleType:
    """The module of a benchmark's file or folder, imported as `benchmarks.NAME`."""
    return imported(f"benchmarks.{path.stem}")


def benchmarks() -> dict[str, tuple[str, str]]:
    """The command of every benchmark, with its module and its line of help; none in an installed package."""
    files = [*FOLDER.glob("[a-z]*.py"), *(path.parent for path in FOLDER.glob("[a-z]*/__init__.py"))]
    told = {path: _first_line(path) for path in sorted(files)}
    return {path.stem.replace("_", "-"): (f"benchmarks.{path.stem}", line) for path, line in told.items() if line}


def _first_line(path: Path) -> str | None:
    """The first line of a benchmark's docstring; None of a file that has no `register`, and only helps others."""
    source = (path / "__init__.py" if path.is_dir() else path).read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0] if "\ndef register(" in source else None
