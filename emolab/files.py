"""Writing results so that a reader finds a whole file or none, and reading them back with one clear line."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import tempfile
import tomllib
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from emolab.errors import EmolabError


def check_place(path: str | Path, folder: bool = False) -> Path:
    """Find out that a file (or files in a folder) can be written here, before anything is computed for it.

    Raises EmolabError where a folder on the way is a file, the disk is full or read-only, or the name is too long.
    """
    path = Path(path)
    try:
        if not folder and path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        place = path if folder else path.parent
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
    except OSError as error:
        raise EmolabError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from error
    return path


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write a file so that a kill at any moment leaves the old file or the new one, never half of it.

    The bytes go to a part file beside it, reach the disk (fsync), and are then renamed. Raises EmolabError where the
    place cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.name[:80]}.{uuid.uuid4().hex[:8]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            _sync_folder(path.parent)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise EmolabError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from error
    return path


def write_text(path: str | Path, text: str) -> Path:
    """`write_bytes` of a text in UTF-8."""
    return write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_json(path: str | Path, data: Any) -> Path:
    """`write_bytes` of `data` as JSON. NaN and infinity become null, and what JSON does not know its `str`."""
    return write_text(path, json.dumps(_leaves(data, _finite), indent=2, ensure_ascii=False, default=str) + "\n")


def write_table(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """`write_bytes` of rows as Parquet; the keys of an inner dict become columns with a dot in their name.

    Text that UTF-8 cannot hold, such as a file name in another encoding, is written with back slashes.
    """
    import pandas as pd

    try:
        data = pd.json_normalize(list(rows), sep=".").to_parquet(None, index=False)
    except UnicodeError:
        data = pd.json_normalize(_leaves(list(rows), _escaped), sep=".").to_parquet(None, index=False)
    return write_bytes(path, data)


def write_pair(path: str | Path, numbers: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write raw rows (.parquet) and then numbers beside them (.json), which say that both are there.

    Older numbers go first, so that they never stand beside newer rows. Returns the path of the JSON file.
    """
    path = Path(path).with_suffix(".json")
    if rows:
        with contextlib.suppress(OSError):
            path.unlink()
        write_table(path.with_suffix(".parquet"), rows)
    return write_json(path, numbers)


def read_json(path: str | Path, what: str = "a JSON object", error: type[EmolabError] = EmolabError) -> dict[str, Any]:
    """The JSON object in a file. Raises `error`, with a way out, where the file is damaged or holds something else."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror})") from problem
    except (ValueError, RecursionError) as problem:
        raise error(
            f"{path}: expected {what}, and the file is damaged ({problem}); delete it and run again"
        ) from problem
    if not isinstance(found, dict):
        raise error(f"{path}: expected {what}, found {type(found).__name__}; delete the file and run again")
    return found


def read_toml(module: str, name: str) -> dict[str, Any]:
    """A table that this package ships: the file `name` beside a module, given the module's `__file__`."""
    return tomllib.loads(Path(module).with_name(name).read_text(encoding="utf-8"))


def _leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value with `change` applied to everything in it that is no mapping and no list."""
    if isinstance(value, Mapping):
        return {str(key): _leaves(item, change) for key, item in value.items()}
    return [_leaves(item, change) for item in value] if isinstance(value, list | tuple) else change(value)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _escaped(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _sync_folder(folder: Path) -> None:
    """Let a rename reach the disk, where the system lets folders be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass  # some file systems cannot; the rename itself is still atomic
    finally:
        os.close(handle)
