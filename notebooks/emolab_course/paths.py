"""Where the course lives: the sources of its notebooks."""

from __future__ import annotations

from pathlib import Path

from emolab.errors import EmolabError
from emolab.paths import CHECKOUT


def notebooks_folder() -> Path:
    """`notebooks/` of the checkout. Raises EmolabError for an installed wheel, which does not carry the notebooks."""
    folder = CHECKOUT / "notebooks"
    if not (folder / "src").is_dir():
        raise EmolabError(f"{folder / 'src'}: no notebook sources here; the course commands need a checkout of emolab")
    return folder


def sources(only: tuple[str, ...] = ()) -> list[Path]:
    """Notebook sources in reading order, or those whose name starts with one of `only` ("03" or "03_rewards").

    Raises EmolabError where a wanted one does not exist.
    """
    found = sorted((notebooks_folder() / "src").glob("[0-9][0-9]_*.py"))
    for wanted in only:
        if not any(path.stem.startswith(wanted) for path in found):
            names = ", ".join(path.stem for path in found)
            raise EmolabError(f"no notebook called {wanted}; there are {names}")
    return [path for path in found if not only or path.stem.startswith(only)]
