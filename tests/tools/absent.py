"""Code for a fresh interpreter in which a package cannot be found, as where it is not installed."""

from __future__ import annotations


def without(package: str) -> str:
    """Python code that makes every import of `package` and of its modules raise ModuleNotFoundError."""
    return (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {package!r}:\n"
        f"            raise ModuleNotFoundError(f'No module named {{name!r}}', name={package!r})\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
