"""MAFW (Liu et al., 2022): clips of films and shows, eleven single emotions, captions, five folds.

Checked against sunlicai/HiCMAE (`preprocess/mafw_av.py`: lists, labels, 10,045 clips, 21 without sound;
`saved/data/mafw`: numbers of clips). A line of `with_caption` is not verified against a public listing: a text after
the label is taken for the caption.
"""

from __future__ import annotations

from pathlib import Path

from emolab.corpora.reading import VIDEO, read_text
from emolab.emotions import LABEL_SETS
from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder
from emolab_corpora.folds import Listing, gather


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `Train & Test Set/single/no_caption/set_{1-5}/{train,test}.txt` (lines `00025.mp4 anger`) with the clips.

    Where `single/with_caption` holds the same lists with a text after the label, that text is the caption.
    `extra["folds"]` says for each fold whether the clip is in train or test. Clips without an audio track (21 as
    published) have no `audio` and are noted. Raises CorpusError if no list or no clip is found.
    """
    build = Builder("mafw", root, check)
    captions = {
        clip: text
        for fold in "12345"
        for part in ("train", "test")
        for clip, _, text in _lines(build, "with_caption", fold, part) or ()
        if text
    }

    def listing(fold: str, part: str) -> Listing | None:
        lines = _lines(build, "no_caption", fold, part) or _lines(build, "with_caption", fold, part)
        return None if lines is None else [(clip, label) for clip, label, _ in lines]

    videos = build.by_name(*VIDEO)
    for clip, (label, folds) in gather(build, listing).items():
        video = videos.pop(clip, None)
        if label not in LABEL_SETS["mafw-11"]:
            build.skip("unknown label", f"{clip}: {label!r}")
        elif build.usable(video, clip) and video is not None:
            build.add(
                clip.rsplit(".", 1)[0],
                **build.tracks(video),
                emotion=label,
                caption=captions.get(clip),
                extra={"folds": folds},
            )
    for file in videos.values():
        build.skip("unlabelled", file)
    return build.finish("Train & Test Set/single/no_caption/set_1/train.txt and 00001.mp4")


def _lines(build: Builder, kind: str, fold: str, part: str) -> list[tuple[str, str, str]] | None:
    """(clip, label, what follows) of one list; None if the list is not there."""
    found = [f for f in build.index if f.endswith(f"single/{kind}/set_{fold}/{part}.txt")]
    if not found:
        return None
    lines = read_text(build.root / found[0]).splitlines()
    rows = ([*line.split(None, 2), "", ""] for line in lines if line.strip())
    return [(row[0], row[1].lower(), row[2]) for row in rows]
