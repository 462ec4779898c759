"""Tables that several commands print for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def score_table(rows: Mapping[str, Mapping[str, Any]], title: str = "") -> None:
    """Print result objects as the rows of a table: UA with its interval, WA, weighted F1, parse rate, n, and what was
    skipped.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name, justify in (
        ("", "left"),
        ("UA", "right"),
        ("95%", "left"),
        ("WA", "right"),
        ("F1", "right"),
        ("parsed", "right"),
        ("n", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for name, r in rows.items():
        low, high = r["ua_ci"]
        table.add_row(
            name,
            f"{r['ua']:.3f}",
            f"{low:.2f} – {high:.2f}",
            f"{r['wa']:.3f}",
            f"{r['weighted_f1']:.3f}",
            f"{r['parse_rate']:.2f}",
            str(r["n"]),
        )
    console = Console()
    console.print(table)
    for name, r in rows.items():
        skipped = r.get("info", {}).get("skipped", {}).get("skipped", {})
        if skipped:
            counts = ", ".join(f"{n} {reason}" for reason, n in skipped.items())
            console.print(f"{name}: skipped {counts}", markup=False)
