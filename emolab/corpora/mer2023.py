"""MER2023 (Lian et al., 2023): Chinese film and series clips, six emotions and valence; three test sets.

Checked against emo-box/EmoBox (`data/mer2023/mer2023.jsonl`: names, labels, folders; `preprocess/scripts/mer2023.py`:
tables) and zeroQiaoba/MERTools (`MER2026/MER2026_Track1/toolkit/preprocess/mer2023.py`: columns, no valence in test3).
Values of valence are not verified against a public listing.
"""

from __future__ import annotations

from pathlib import Path

from emolab.corpora.builder import Builder, Check
from emolab.corpora.mer import load_part
from emolab.samples import Corpus, LoadReport


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `train/` with `train-label.csv` and `testN/` with `testN-label.csv` for those of N = 1, 2, 3 that are there.

    Valence is kept as published; test3, which was unlabelled in the challenge, has none. Speakers are not stated.
    Raises CorpusError if the training table is missing or lacks a column.
    """
    build = Builder("mer2023", root, check)
    load_part(build, "train-label.csv", "train", "train")
    for part in ("test1", "test2", "test3"):
        if any(file.rsplit("/", 1)[-1] == f"{part}-label.csv" for file in build.index):
            load_part(build, f"{part}-label.csv", part, part)
        else:
            build.report.notes.append(f"no {part}-label.csv: that test set is left out")
    return build.finish("train/*.avi and train-label.csv")
