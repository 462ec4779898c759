"""MER2025 (Lian et al., 2025): the labelled clips of the challenges before, with open words and descriptions.

Checked against zeroQiaoba/MERTools (`MER2025/README.md`: folders and tables;
`MER2025/MER2025_Track1/toolkit/preprocess/mer2025.py`: columns name, discrete, chinese; `my_affectgpt/datasets`: the
column openset). The column reason is named by public users of the data set. Rows of the tables are not verified against
a public listing: the data set is gated.
"""

from __future__ import annotations

from pathlib import Path

from emolab.corpora.builder import Check
from emolab.corpora.mer import load_annotated
from emolab.samples import Corpus, LoadReport

OF = ("mercaptionplus.csv", "ovmerd.csv")
"""Tables of both kinds; where both name a clip, the one that people checked (OV-MERD) comes last and counts."""


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `video/`, `audio/`, `track1_train_disdim.csv`, `track2_train_*.csv`, `track3_train_*.csv` and
    `subtitle_chieng.csv`.

    A clip has the label of track 1, the words of track 2 (`words`) and the description of track 3 (`caption`), as far
    as these tables name it. Speakers are not stated, and no split is published. Raises CorpusError if the table of
    track 1 is missing or a table lacks a column.
    """
    words, descriptions = (tuple(f"track{n}_train_{kind}" for kind in OF) for n in (2, 3))
    return load_annotated("mer2025", root, check, "track1_train_disdim.csv", words, descriptions)
