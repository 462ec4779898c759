"""What DFEW and MAFW share: five published folds over the same clips, listed by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from emolab_corpora.builder import Builder

FOLDS = ("1", "2", "3", "4", "5")
Listing = Iterable[tuple[str, str]]  # (clip, label as published)


def gather(build: Builder, listing: Callable[[str, str], Listing | None]) -> dict[str, tuple[str, dict[str, str]]]:
    """Clip → (label, {fold: "train" or "test"}) from `listing(fold, part)`, None where that list is not there.

    A clip with two labels keeps the first and is noted; an absent list is noted.
    """
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for fold in FOLDS:
        for part in ("train", "test"):
            rows = listing(fold, part)
            if rows is None:
                build.report.notes.append(f"no {part} list of fold {fold}")
                continue
            for clip, label in rows:
                first, folds = found.setdefault(clip, (label, {}))
                if first != label:
                    where = f"{part} of fold {fold}"
                    build.report.notes.append(f"{clip}: {first!r} and, in {where}, {label!r}; the first is kept")
                folds[fold] = part
    return found
