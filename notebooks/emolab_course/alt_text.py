"""How a notebook shows a matplotlib figure: at 144 dots an inch, as a small PNG, with a text for who cannot see it; and
a table: without the sign of a zero."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 144
COLOURS = 255
MOST_NAMES = 12
NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?%?")
NEGATIVE_ZERO = re.compile(r"(?<![\w.-])-(0(?:\.0*)?)(?![\d.]|e[+-]?[1-9])")


def install(shell: Any) -> None:
    """Make `shell` (an IPython shell) show figures as `png` does, described by `alt_text`, and tables `unsigned`."""
    import pandas as pd
    from matplotlib.figure import Figure

    formatters = shell.display_formatter.formatters
    formatters["image/png"].for_type(Figure, png)
    formatters["text/plain"].for_type(Figure, lambda figure, printer, cycle: printer.text(alt_text(figure)))
    formatters["text/html"].for_type(pd.DataFrame, lambda table: unsigned(table._repr_html_() or ""))
    for kind in (pd.DataFrame, pd.Series):
        formatters["text/plain"].for_type(kind, lambda table, printer, cycle: printer.text(unsigned(repr(table))))


def unsigned(text: str) -> str:
    """The text of a table in which a zero has no sign, and a digit's width of space instead where columns need it.

    >>> unsigned("a  -0.00\\nb   0.02")
    'a   0.00\\nb   0.02'
    """
    return NEGATIVE_ZERO.sub(
        lambda found: (" " if found.start() and text[found.start() - 1] == " " else "") + found[1], text
    )


def png(figure: Figure) -> tuple[bytes, dict[str, str]] | None:
    """The figure as a PNG with a palette, and its alternative text as metadata; None for a figure without axes."""
    from IPython.core.pylabtools import print_figure
    from PIL import Image

    if not figure.axes and not figure.texts:
        return None
    picture = Image.open(io.BytesIO(print_figure(figure, fmt="png", dpi=DPI))).convert("RGB")
    few = picture.getcolors(maxcolors=20_000) is not None  # then small marks keep their colours; photographs do not fit
    method = Image.Quantize.MAXCOVERAGE if few else Image.Quantize.MEDIANCUT
    small = io.BytesIO()
    picture.quantize(COLOURS, method, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue(), {"alt": alt_text(figure)}


def alt_text(figure: Figure) -> str:
    """A description from what is written in a figure: titles, axes with their categories, and series.

    A figure's own label (`figure.set_label`) is used as it is.
    """
    if own := str(figure.get_label() or ""):
        return own
    title = figure.get_suptitle() if hasattr(figure, "get_suptitle") else ""
    parts = [_of_axes(axes) for axes in figure.axes if axes.get_label() != "<colorbar>"]
    text = " ".join(filter(None, [_sentence(title), *dict.fromkeys(filter(None, parts))]))
    return f"Figure. {text}" if text else "Figure without a title."


def _of_axes(axes: Axes) -> str:
    title = axes.get_title(loc="left") or axes.get_title() or axes.get_title(loc="right")
    found = [title]
    if not axes.axison:  # a wheel, a triangle, a picture: what is written in it says what it shows
        written = _names(text.get_text() for text in axes.texts)
        return _sentence("; ".join(filter(None, [*found, written and f"it names {written}", _series(axes)])))
    for name, label, ticks in (
        ("horizontal axis", axes.get_xlabel(), axes.get_xticklabels()),
        ("vertical axis", axes.get_ylabel(), axes.get_yticklabels()),
    ):
        names = _names(tick.get_text() for tick in ticks)
        if label or names:
            found.append(f"{name}: {label or 'categories'}{f' ({names})' if names else ''}")
    numbers = [text.get_text() for text in axes.texts if NUMBER.fullmatch(text.get_text())]
    written = f"numbers: {', '.join(numbers)}" if 0 < len(numbers) <= MOST_NAMES else ""
    return _sentence("; ".join(filter(None, [*found, _series(axes), written])))


def _series(axes: Axes) -> str:
    legend = axes.get_legend()
    names = _names(text.get_text() for text in legend.get_texts()) if legend else ""
    return f"series: {names}" if names else ""


def _names(texts: Iterable[str]) -> str:
    """The texts joined, where they are words; "" where they are numbers or nothing."""
    written = (re.sub(r"\$\\mathdefault\{(.*?)\}\$", "", text) for text in texts)  # a power of ten on an axis
    known = [" ".join(text.split()) for text in written if any(letter.isalpha() for letter in text)]
    more = ", …" if len(known) > MOST_NAMES else ""
    return ", ".join(known[:MOST_NAMES]) + more


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return f"{text}." if text and text[-1] not in ".?!" else text
