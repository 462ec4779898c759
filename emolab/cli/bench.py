"""`emolab bench`: the measurements under `benchmarks/` of a checkout, each with a command of its own.

A benchmark is a file `benchmarks/NAME.py` with `register(app)`, like the command files here; its heavy imports
lie inside its functions.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import typer

FOLDER = Path(__file__).resolve().parent.parent.parent / "benchmarks"


def load(path: Path) -> ModuleType:
    """A benchmark's module, from its file."""
    spec = spec_from_file_location(f"emolab_benchmarks_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path}: not a Python file")
    module = sys.modules[spec.name] = module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def register(app: typer.Typer) -> None:
    """Add every benchmark of the checkout; an installed package without its repository has none."""
    for path in sorted(FOLDER.glob("[a-z]*.py")):
        load(path).register(app)
