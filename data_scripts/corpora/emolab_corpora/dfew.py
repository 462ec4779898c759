"""DFEW (Jiang et al., 2020): clips of films, seven emotions, five folds.

Checked against sunlicai/MAE-DFER (`preprocess/dfew.py`: lists, numbers from 1, five-digit folders;
`saved/data/dfew/org`: numbers of clips) and public loaders (the seven numbers; `clip_224x224`, `clip_224x224_16f`,
`original`). Folders below `original` are not verified against a public listing.
"""

from __future__ import annotations

from pathlib import Path

from emolab.corpora.reading import VIDEO, read_csv
from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder
from emolab_corpora.folds import Listing, gather

CODES = {"1": "happy", "2": "sad", "3": "neutral", "4": "angry", "5": "surprise", "6": "disgust", "7": "fear"}


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `EmoLabel_DataSplit/{train,test}(single-labeled)/set_{1-5}.csv` with the clips.

    A clip `17` is `Clip/original/…/17.mp4`, or else the folder of face images `Clip/clip_224x224/…/00017/`,
    or `Clip/clip_224x224_16f/00017/`.
    `extra["folds"]` says for each fold whether the clip is in train or test. Speakers are not stated. Raises
    CorpusError if no list or no clip is found.
    """
    build = Builder("dfew", root, check)

    def listing(fold: str, part: str) -> Listing | None:
        found = [f for f in build.index if f.endswith(f"{part}(single-labeled)/set_{fold}.csv")]
        if not found:
            return None
        return [(row["video_name"], row["label"]) for row in read_csv(build.root / found[0], ("video_name", "label"))]

    videos = {name.rsplit(".", 1)[0]: file for name, file in build.by_name(*VIDEO, under="original").items()}
    images = [file for file in build.files(".jpg", ".png") if "/clip_224x224" in f"/{file}"]
    faces: dict[str, str] = {}
    for file in images:
        faces.setdefault(file.rsplit("/", 2)[-2], file.rsplit("/", 1)[0])
    for clip, (label, folds) in gather(build, listing).items():
        video = videos.pop(clip, None) or faces.get(clip.zfill(5))
        if label not in CODES:
            build.skip("unknown label", f"{clip}: {label!r}")
        elif video is None:
            build.skip("missing", f"Clip/original/{clip}.mp4")
        elif build.usable(video):
            build.add(clip, **build.tracks(video), emotion=CODES[label], extra={"folds": folds})
    for file in videos.values():
        build.skip("unlabelled", file)
    return build.finish("EmoLabel_DataSplit/train(single-labeled)/set_1.csv and Clip/original/1.mp4")
