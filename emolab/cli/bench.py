"""`emolab bench`: the measurements in the folder `benchmarks/` of a checkout, one command each.

A benchmark is a file `benchmarks/NAME.py` or a package `benchmarks/NAME/` with a function `register(app)`. Its first
docstring line is its line in `emolab bench --help`. A file is imported only when its own command is called.
"""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from emolab.paths import CHECKOUT

FOLDER = CHECKOUT / "benchmarks"


def load(path: Path) -> ModuleType:
    """The module of a benchmark's file or folder, imported as `benchmarks.NAME`."""
    if str(CHECKOUT) not in sys.path:
        sys.path.append(str(CHECKOUT))  # worker processes that a benchmark starts inherit it
    return import_module(f"benchmarks.{path.stem}")


def benchmarks() -> dict[str, tuple[str, str]]:
    """The command of every benchmark, with its module and its line of help; none in an installed package."""
    files = [*FOLDER.glob("[a-z]*.py"), *(path.parent for path in FOLDER.glob("[a-z]*/__init__.py"))]
    return {path.stem.replace("_", "-"): (f"benchmarks.{path.stem}", _first_line(path)) for path in sorted(files)}


def _first_line(path: Path) -> str:
    source = path / "__init__.py" if path.is_dir() else path
    described = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return described.partition("\n")[0]
