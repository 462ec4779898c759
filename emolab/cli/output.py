"""What every command shares: with `--json` one object on stdout; one line on stderr for an error of ours; tables."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.table import Column, Table

from emolab.errors import EmolabError
from emolab.extras import missing

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, all else on stderr.")]

_real_stdout: list[TextIO] = []


def emit(result: dict[str, Any], as_json: bool, render: Callable[[dict[str, Any]], None]) -> None:
    """Give a command's result: as one JSON object on stdout, or through `render` for a person.

    NumPy scalars and arrays, paths, sets and dataclasses become plain JSON; NaN and infinities become null.

    Example: `emit({"ua": 0.61}, as_json, lambda r: typer.echo(f"UA {r['ua']:.3f}"))`
    """
    if not as_json:
        render(result)
        return
    stream = _real_stdout[-1] if _real_stdout else sys.stdout
    line = json.dumps(to_plain(result), ensure_ascii=False, allow_nan=False)
    stream.write(line.encode("utf-8", "backslashreplace").decode() + "\n")  # names of files need not be UTF-8
    stream.flush()


def real_stdout() -> TextIO | None:
    """Where a child process that prints the object itself must write; None where that is its stdout anyway."""
    return _real_stdout[-1] if _real_stdout else None


def console() -> Console:
    """The terminal for a person. Text is printed as it stands: `[/]` and `:smile:` in a label are no markup."""
    return Console(markup=False, emoji=False)


def print_table(head: Sequence[Column | str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Print a table."""
    table = Table(*head, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    console().print(table)


NAMES = {
    "ua": "UA",
    "wa": "WA",
    "weighted_f1": "F1",
    "chance": "chance",
    "parse_rate": "parsed",
    "wheel_f": "wheel F",
    "emotion_f1": "Emo-F1",
    "bleu_4": "BLEU-4",
    "cider": "CIDEr",
    "length": "words",
}
MANY = 2  # metrics; of more, only the first has its interval, and those that have no name above are left to --json


def print_scores(rows: Mapping[str, Mapping[str, Any]], title: str = "") -> None:
    """Print result objects as the rows of a table that fits a terminal: each metric that has an interval (`ua` and
    `ua_ci`) with it, WA, weighted F1, chance and parse rate where there are any, n, what was skipped, and the notes. Of
    many metrics, as captions have, only the first has its interval, and some are left out.
    """
    metrics = [key for key in next(iter(rows.values()), {}) if any(f"{key}_ci" in r for r in rows.values())]
    others = ["wa", "weighted_f1"]
    if len(metrics) > MANY:
        metrics, others = metrics[:1], [key for key in metrics[1:] if key in NAMES]
    single = [key for key in (*others, "chance", "parse_rate") if any(key in r for r in rows.values())]

    def figures(key: str) -> Column:
        return Column(NAMES.get(key, key), justify="right")

    def cells(r: Mapping[str, Any]) -> Iterator[str]:
        for key in metrics:
            yield from (_number(r.get(key)), _interval(r.get(f"{key}_ci")))
        yield from (_number(r.get(key)) for key in single)

    head = ["", *(column for key in metrics for column in (figures(key), "95%")), *map(figures, (*single, "n"))]
    print_table(head, ([name, *cells(r), str(r["n"])] for name, r in rows.items()), title)
    for name, r in rows.items():
        if skipped := r.get("info", {}).get("skipped", {}).get("skipped", {}):
            counts = ", ".join(f"{n} {reason}" for reason, n in skipped.items())
            console().print(f"{name}: skipped {counts}")
        for note in r.get("info", {}).get("notes", ()):
            console().print(f"note: {note}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(value: tuple[float, float] | None) -> str:
    return "–" if value is None else f"{value[0]:.2f} – {value[1]:.2f}"


def to_plain(value: Any) -> Any:
    """`value` as what `json` can write without loss of meaning. Raises TypeError for anything that has no such form."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(to_plain(item) for item in value)
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return to_plain(asdict(value))
    if hasattr(value, "tolist"):  # NumPy and torch, scalars and arrays alike
        return to_plain(value.tolist())
    raise TypeError(f"no JSON form for {type(value).__name__}: {value!r}")


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command: our errors become one line and exit status 1; with `as_json` only `emit` reaches stdout.

    A package that is not installed counts as an error of ours where one of our extras would bring it.

    The function takes `as_json: JsonOption = False`. On failure with `--json` the object is `{"error": message}`.
    """

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        as_json = bool(kwargs.get("as_json", False))
        with _only_emit_reaches_stdout() if as_json else contextlib.nullcontext():
            try:
                function(*args, **kwargs)
            except (EmolabError, ModuleNotFoundError, RuntimeError) as error:
                if (told := _told(error)) is None:
                    raise
                typer.echo(f"emolab: {told}", err=True)
                if as_json:
                    emit({"error": told}, True, typer.echo)
                raise typer.Exit(1) from error

    return wrapper


FULL = (
    "the card ran out of memory; use a smaller profile (`emolab doctor` names the one that fits), a smaller batch, or "
    "shorter clips and answers"
)


def _told(error: Exception) -> str | None:
    """The line for an error that a user can act on; None for any other."""
    if isinstance(error, ModuleNotFoundError) and not isinstance(error, EmolabError):
        return missing(error)
    if isinstance(error, EmolabError):
        return " ".join(str(error).split())
    full = type(error).__name__ == "OutOfMemoryError"  # torch's, which the light core does not import
    return f"{FULL} ({str(error).split('. ')[0]})" if full else None


@contextlib.contextmanager
def _only_emit_reaches_stdout() -> Iterator[None]:
    """Send what Python, C and child processes print to stderr while a `--json` command runs."""
    original = sys.stdout
    original.flush()
    saved = os.dup(1) if _is_file_descriptor_one(original) else None
    if saved is None:
        _real_stdout.append(original)
    else:
        os.dup2(2, 1)
        _real_stdout.append(os.fdopen(os.dup(saved), "w", encoding="utf-8"))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        stream = _real_stdout.pop()
        stream.flush()
        if saved is not None:
            stream.close()
            os.dup2(saved, 1)
            os.close(saved)


def _is_file_descriptor_one(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 1
    except (OSError, ValueError, AttributeError):  # a test's or a notebook's stand-in has no descriptor
        return False
