"""What every loader shares: one walk of the folder, one check of a media file, one report."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emolab.corpora.catalogue import CorpusInfo, info
from emolab.corpora.reading import read_text
from emolab.emotions import LABEL_SETS
from emolab.errors import CorpusError
from emolab.media.usable import CHECKS, Check, Look, look
from emolab.samples import UNSTATED, Corpus, EmotionSample, LoadReport, printable


class Builder:
    """Collects a corpus while a loader reads its folder. All paths are relative to `root`, with slashes.

    `name` is that of a corpus of the catalogue, or the facts of another one. Where those name no label set, labels stay
    as published.
    """

    def __init__(self, name: str | CorpusInfo, root: str | Path, check: Check = "header") -> None:
        self.info = info(name) if isinstance(name, str) else name
        self.labels = LABEL_SETS[self.info.labels] if self.info.labels else UNSTATED
        self.root = Path(root)
        self.check = check
        if check not in CHECKS:
            raise CorpusError(f"check {check!r}: expected one of {', '.join(CHECKS)}")
        if not self.root.is_dir():
            raise CorpusError(f"{self.root}: no such folder; give the folder that holds {self.info.title} as published")
        self.report = LoadReport(self.info.name)
        self.samples: list[EmotionSample] = []
        self._ids: set[str] = set()
        self._index: list[str] | None = None

    @property
    def index(self) -> list[str]:
        """Every file, the shallower first. `._*` twins of a Mac copy are reported, hidden folders left out."""
        if self._index is None:
            from tqdm import tqdm

            found, seen = [], set()
            walk = os.walk(self.root, onerror=self._unreadable, followlinks=True)
            for folder, folders, files in tqdm(walk, desc=f"{self.info.title}: folders", delay=2, leave=False):
                here = (status := Path(folder).stat()).st_dev, status.st_ino
                if here in seen:  # a link back to a folder above
                    folders.clear()
                    continue
                seen.add(here)
                folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
                base = Path(folder).relative_to(self.root).as_posix()
                for name in files:
                    relative = name if base == "." else f"{base}/{name}"
                    if printable(relative) != relative:
                        self.report.skip("file name that is not UTF-8", relative, "rename the file in UTF-8")
                    elif name.startswith("._"):
                        self.report.skip("resource fork of a Mac copy", relative)
                    elif not name.startswith("."):
                        found.append(relative)
            self._index = sorted(found, key=lambda file: (file.count("/"), file))
        return self._index

    def _unreadable(self, error: OSError) -> None:
        self.skip("unreadable folder", str(error.filename))

    def files(self, *suffixes: str, under: str = "") -> Iterator[str]:
        """Files with one of these suffixes (any case), below a folder named `under` if given."""
        from tqdm import tqdm

        wanted = [f for f in self.index if f.lower().endswith(suffixes) and (not under or f"/{under}/" in f"/{f}")]
        yield from tqdm(wanted, desc=f"{self.info.title}: files", delay=2, leave=False)

    def by_name(self, *suffixes: str, under: str = "") -> dict[str, str]:
        """File name → path; a second file of the same name is reported as a duplicate."""
        found: dict[str, str] = {}
        for file in self.files(*suffixes, under=under):
            name = file.rsplit("/", 1)[-1]
            if name in found:
                self.skip("duplicate", file)
            else:
                found[name] = file
        return found

    def one(self, name: str) -> str:
        """The path of the only file of this name. Raises CorpusError if there is none."""
        found = next((f for f in self.index if f == name or f.endswith(f"/{name}")), None)
        if found is None:
            raise CorpusError(
                f"{self.root}: no {name} below this folder; {self.info.title} has one as published, "
                "give the folder that holds it"
            )
        return found

    def read_json(self, file: str) -> dict[str, Any] | None:
        """A JSON object; None (and reported as corrupt) if the file is not one."""
        try:
            value = json.loads(read_text(self.root / file))
        except (ValueError, RecursionError, CorpusError):
            value = None
        if not isinstance(value, dict):
            self.skip("corrupt annotation", file)
            return None
        return value

    def skip(self, reason: str, item: str) -> None:
        """Report a file or a row that is not used."""
        self.report.skip(reason, item)

    def usable(self, file: str | None, item: str = "") -> bool:
        """Whether a media file can be used; reported if not. `item` names one that has no path."""
        if file is None:
            self.skip("missing", item)
            return False
        seen = look(self.root / file, self.check)
        if seen.reason:
            self.report.skip(seen.reason, file, seen.message)
        return not seen.reason

    def tracks(self, video: str | None) -> dict[str, Any]:
        """A usable video as the fields `audio` and `video` of a sample, each None, noted, where the file has no such
        track."""
        seen = look(self.root / video, self.check) if video else Look()
        for track in ("audio", "video"):
            if video and not getattr(seen, track) and not (self.root / video).is_dir():
                self.report.notes.append(f"{video}: no {track} track; the rest is kept")
        return {"audio": video if seen.audio else None, "video": video if seen.video else None}

    def clips(self, name: re.Pattern[str], *suffixes: str) -> Iterator[tuple[re.Match[str], str]]:
        """(match, path) of the usable files whose names fit a pattern; the others are reported, and copies too."""
        for found, file in self.by_name(*suffixes).items():
            match = name.match(found)
            if match is None:
                self.skip("name of another form", file)
            elif self.usable(file):
                yield match, file

    def add(self, key: str, *, emotion: str | None, **fields: Any) -> None:
        """Take a sample, whose id is the corpus's name and `key`, with further `fields` of an `EmotionSample`.

        One without an emotion of the corpus, or with the id of another, is reported instead. The emotion is respelt as
        the corpus's taxonomy has it ("Fear" where that says "fearful"). The language is the corpus's if it has one.
        """
        language = self.info.language if len(self.info.language) == 2 else None
        spelt = self.labels.normalise(emotion) if len(self.labels) else emotion
        known = {"corpus": self.info.name, "language": language, "emotion": spelt}
        sample = EmotionSample(f"{self.info.name}-{key}", **known | fields)
        item = sample.audio or sample.video or sample.id
        if sample.id in self._ids:
            self.skip("duplicate", item)
        elif not emotion and not sample.words and not sample.caption:
            self.skip("unlabelled", item)
        elif emotion and spelt is None:
            self.skip("unknown label", f"{item}: {emotion!r}")
        else:
            self._ids.add(sample.id)
            self.samples.append(sample)

    def finish(self, layout: str) -> tuple[Corpus, LoadReport]:
        """The corpus, by id, and its report. Raises CorpusError, which tells the `layout`, if no sample was found."""
        if not self.samples:
            skipped = self.report.skipped.items()
            tried = "; ".join(f"{len(items)} {reason}, such as {items[0]}" for reason, items in skipped)
            raise CorpusError(
                f"{self.root}: nothing of {self.info.title} found, expected {layout}" + (f" ({tried})" if tried else "")
            )
        self.samples.sort(key=lambda sample: sample.id)
        self.report.found = len(self.samples)
        return Corpus(self.root, self.samples, self.info.name, self.labels), self.report
