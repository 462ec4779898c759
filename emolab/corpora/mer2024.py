"""MER2024 (Lian et al., 2024): the labelled clips of MER2023 and a large unlabelled set in which the tests hide.

Checked against zeroQiaoba/MERTools (`MER2026/MER2026_Track1/toolkit/preprocess/mer2024.py`: folders and table;
`MER2024/main-asr.py`: transcripts). The column valence is not verified against a public listing.
"""

from __future__ import annotations

from pathlib import Path

from emolab.corpora.builder import VIDEO, Builder, Check
from emolab.corpora.mer import load_part
from emolab.samples import Corpus, LoadReport


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `video-labeled/` with `label-disdim.csv`; every clip of `video-unlabeled-…` is reported as unlabelled.

    There is no published split of the labelled part. Speakers are not stated. Raises CorpusError if the table is
    missing or lacks a column.
    """
    build = Builder("mer2024", root, check)
    load_part(build, "label-disdim.csv", "video-labeled", "train")
    for file in build.files(*VIDEO):
        if "/video-unlabeled" in f"/{file}":
            build.skip("unlabelled", file)
    return build.finish("video-labeled/*.mp4 and label-disdim.csv")
