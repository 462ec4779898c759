"""ESD (Zhou et al., 2022): ten Chinese and ten English speakers, 350 parallel sentences in five emotions.

Checked against emo-box/EmoBox (`preprocess/scripts/esd.py`: the lines of Chinese speakers end in 中立, 快乐, 伤心, 生气
or 惊喜; `data/esd`: folders), public code that quotes the first lines of `0001.txt` and `0011.txt`, and
HLTSingapore/Emotional-Speech-Data (speakers). The folders train, test and evaluation inside an emotion are not verified
against a public listing.
"""

from __future__ import annotations

import re
from pathlib import Path

from emolab.corpora.reading import read_text
from emolab.emotions import LABEL_SETS
from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

NAME = re.compile(r"(\d{4})_(\d{6})\.wav$")
CHINESE = {"中立": "neutral", "快乐": "happy", "伤心": "sad", "生气": "angry", "惊喜": "surprise"}
PARTS = {"train": "train", "test": "test", "evaluation": "val"}


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `0011/Angry/[train/]0011_000351.wav` with the sentences of `0011/0011.txt`; both nestings occur.

    The lines read id, text, emotion between tabs; their encoding differs by speaker (UTF-8, UTF-16, GBK) and labels may
    be Chinese. `split` is set where the folders say it. Where a line and a folder disagree, the clip is reported as
    such and left out. Raises CorpusError if no clip is found.
    """
    build = Builder("esd", root, check)
    lines = _transcripts(build)
    seen = set()
    for name, file in build.by_name(".wav").items():
        match = NAME.match(name)
        if match is None:
            build.skip("name of another form", file)
            continue
        seen.add(name[:-4])
        folders = file.split("/")[:-1]
        text, written = lines.get(name[:-4], (None, None))
        by_folder = next((label for f in reversed(folders) if (label := _label(f))), None)
        if text is None:
            build.report.notes.append(f"{file}: no transcript")
        if written and by_folder and _label(written) != by_folder:
            build.skip("transcript and folder disagree on the label", file)
        elif build.usable(file):
            split = next((PARTS[f] for f in folders if f in PARTS), None)
            build.add(
                name[:-4],
                audio=file,
                text=text,
                speaker=match[1],
                split=split,
                emotion=by_folder or _label(written or ""),
                language="zh" if int(match[1]) <= 10 else "en",
                extra={"sentence": _sentence(match[2])},
            )
    for missing in sorted(set(lines) - seen):
        build.skip("missing", f"{missing}.wav")
    return build.finish("0011/Angry/0011_000351.wav and 0011/0011.txt")


def _label(text: str) -> str | None:
    return CHINESE.get(text) or LABEL_SETS["esd-5"].normalise(text)


def _sentence(number: str) -> int:
    """Number of the sentence, 1 to 350, which all speakers of a language and all emotions share."""
    return (int(number) - 1) % 350 + 1


def _transcripts(build: Builder) -> dict[str, tuple[str, str]]:
    """Clip → (text, emotion as written)."""
    found: dict[str, tuple[str, str]] = {}
    for file in build.files(".txt"):
        if not re.fullmatch(r"\d{4}\.txt", file.rsplit("/", 1)[-1]):
            continue
        for i, line in enumerate(read_text(build.root / file).splitlines(), 1):
            parts = [part.strip() for part in line.split("\t")]
            if len(parts) == 3 and re.fullmatch(r"\d{4}_\d{6}", parts[0]):
                found[parts[0]] = (parts[1], parts[2])
            elif line.strip():
                build.skip("line of another form", f"{file}, line {i}")
    return found
