"""MER2026: labels of single persons, and open words by people and by models.

Checked against zeroQiaoba/MERTools (`MER2026/README.md`: folders and tables;
`MER2026/MER2026_Track1/toolkit/preprocess/mer2026.py`: columns name, discrete, chinese;
`MER2026/MER2026_Track2/my_affectgpt/datasets`: the column openset). Rows of the tables are not verified against a
public listing: the data set is gated.
"""

from __future__ import annotations

from pathlib import Path

from emolab.corpora.builder import Check
from emolab.corpora.mer import load_annotated
from emolab.samples import Corpus, LoadReport


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `video/`, `audio/`, `track1_train.csv`, `track2_train_mercaptionplus.csv`, `track2_train_human.csv` and
    `subtitle_chieng.csv`.

    Where both tables of words name a clip, those of people count. The pairs of track 3 (which of two descriptions
    people prefer) and the candidates are not read. Speakers are not stated, and no split is published. Raises
    CorpusError if the table of track 1 is missing or a table lacks a column.
    """
    words = ("track2_train_mercaptionplus.csv", "track2_train_human.csv")
    return load_annotated("mer2026", root, check, "track1_train.csv", words, ())
