"""Where the course lives: the sources of its notebooks."""

from __future__ import annotations

import re
from pathlib import Path

from emolab.errors import EmolabError
from emolab.paths import CHECKOUT

NUMBER = re.compile(r"\d\d[a-z]?")


def notebooks_folder() -> Path:
    """`notebooks/` of the checkout, or what the installed package carries of it. Raises EmolabError without either."""
    for folder in (CHECKOUT / "notebooks", Path(__file__).parent / "notebooks"):
        if (folder / "src").is_dir():
            return folder
    raise EmolabError(f"{CHECKOUT / 'notebooks' / 'src'}: no notebook sources here, nor in the installed package")


def number_of(path: Path) -> str:
    """A notebook's number, "03" or "03b", from the name of its source or of what is built from it."""
    return path.stem.partition("_")[0]


def sources(only: tuple[str, ...] = ()) -> list[Path]:
    """Notebook sources in reading order (03, 03b, 04), or those that one of `only` names: "03", "03b" or "03_rewards".

    Raises EmolabError where a wanted one does not exist.
    """
    found = [path for path in (notebooks_folder() / "src").glob("*_*.py") if NUMBER.fullmatch(number_of(path))]
    found.sort(key=lambda path: (number_of(path), path.stem))
    for wanted in only:
        if not any(_is_named(path, wanted) for path in found):
            names = ", ".join(path.stem for path in found)
            raise EmolabError(f"no notebook called {wanted}; there are {names}")
    return [path for path in found if not only or any(_is_named(path, wanted) for wanted in only)]


def _is_named(path: Path, wanted: str) -> bool:
    """A number names one notebook; anything longer is the beginning of a name."""
    return number_of(path) == wanted if NUMBER.fullmatch(wanted) else path.stem.startswith(wanted)
