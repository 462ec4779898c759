"""Which samples can be shown to a model: every file is looked at once, before a model is loaded.

>>> corpus, report = usable(corpus, prompt.modalities, max_seconds=30.0)  # doctest: +SKIP
>>> report.summary()["skipped"]  # doctest: +SKIP
{'missing': 1, 'corrupt': 2, 'nothing to show': 21}
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from emolab.errors import CorpusError, MediaError
from emolab.media.audio import check_length, check_rate, load_audio
from emolab.media.files import is_folder, regular_file
from emolab.media.frames import IMAGES, load_frames
from emolab.media.probe import probe
from emolab.samples import MODALITIES, Corpus, EmotionSample, LoadReport

Check = Literal["exists", "header", "decode"]
CHECKS: tuple[Check, ...] = ("exists", "header", "decode")
POLICIES = ("window", "skip")
"""What is done with a clip that is longer than a model takes: it is cut into windows, or left out and counted."""
DECODED = 256
"""So many files of a corpus, spread over it, are decoded before a run; where one of them is faulty, all are."""
READ_ALL = "`emolab corpus verify --check decode`"
T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """What a media file turned out to be. `reason` and `message` say why it cannot be used; both are empty if it can.

    `seconds` is None where the file has no clock (images) or its header does not say; `audio` and `video` say which
    tracks it has; `plain` that its header is enough (`probe`).
    """

    reason: str = ""
    message: str = ""
    seconds: float | None = None
    audio: bool = False
    video: bool = False
    plain: bool = False


def look(path: str | Path, check: Check = "decode") -> Look:
    """Look at a media file, or a folder of images, as hard as `check` says; each version of a file is read once.

    "exists": it is there and not empty (both tracks are taken for granted). "header": its container, too. "decode":
    every sample of its sound, and eight frames of its picture; of a wav of whole numbers the header is enough.
    """
    path = Path(path)
    try:
        if is_folder(path):
            load_frames(path, max_frames=None if check == "decode" else 1)
            return Look(video=True)
        status = regular_file(path).stat()
    except MediaError as error:
        return _fault(path, error)
    return _look(path, check, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1 << 17)
def _look(path: Path, check: Check, size: int, changed: int) -> Look:
    try:
        if check == "exists":
            return Look(audio=True, video=True)
        info = probe(path)
        if path.suffix.lower() in IMAGES:
            if check == "decode":
                load_frames(path)
            return Look(video=True)
        if not info.channels and not info.width:
            raise MediaError(f"{path}: holds neither sound nor picture that can be decoded; give another file")
        seconds = info.seconds
        if info.plain:
            check_rate(path, info.rate, info.channels)
            check_length(path, info.seconds or 0.0)
        elif check == "decode":
            if info.channels:
                seconds = len(load_audio(path)) / 16_000
            if info.width:
                load_frames(path, max_frames=8)
    except MediaError as error:
        return _fault(path, error)
    return Look(seconds=seconds, audio=bool(info.channels), video=bool(info.width), plain=info.plain)


def _fault(path: Path, error: MediaError) -> Look:
    reason = error.reason if os.path.lexists(path) else "missing"
    return Look(reason, str(error))


def usable(
    corpus: Corpus,
    shown: Sequence[str] = MODALITIES,
    max_seconds: float | None = None,
    long_clips: str = "window",
    check: Check = "decode",
    progress: bool = True,
    every: bool = False,
) -> tuple[Corpus, LoadReport]:
    """The samples of a corpus that can be shown, and a report that counts and names the others by reason.

    Call it once, before a model is loaded; zero-shot, training, attribution and prediction all do.

    Args:
        shown: the modalities that the prompt presents and the model takes.
        max_seconds: the longest clip that the model takes. With `long_clips` "window", a longer clip becomes several
            samples of equal length (`cut`); with "skip" it is left out and counted. None: no limit.
        check: how hard to look at each file (`look`). With `every`, as in an evaluation, that is each one; else, as
            before a training, only DECODED coded files of a large corpus are decoded.

    A track that a file does not have (a film without sound, an .mp4 without a picture) is taken out of its sample,
    noted, and the rest is shown. A sample is skipped as "nothing to show" where nothing is left, and for the reason
    of its file where a shown file cannot be used. Raises CorpusError for an unknown policy.

    In training each window is a sample with the label of its clip; an answer about a clip is pooled from its windows
    (`pool`).
    """
    if long_clips not in POLICIES or check not in CHECKS:
        raise CorpusError(f"long_clips {long_clips!r}, check {check!r}: expected one of {POLICIES} and of {CHECKS}")
    media = [m for m in ("audio", "video") if m in shown]
    looks, unread = _look_at_all(corpus, media, check, progress, every)
    report, kept, windows = LoadReport(corpus.name), [], 0
    for sample in corpus:
        found = {m: looks[path] for m in media if (path := _file(corpus, sample, m)) is not None}
        fault = next((seen for seen in found.values() if seen.reason), None)
        if fault is not None:
            report.skip(fault.reason, fault.message)
            continue
        whole = _without_absent_tracks(sample, found, report)
        if not any(map(whole.has, shown)) or (found and not any(map(whole.has, media))):
            report.skip("nothing to show", f"{sample.id}: has none of {', '.join(shown)}")
            continue
        seconds = max((seen.seconds or 0.0 for m, seen in found.items() if getattr(whole, m)), default=0.0)
        seconds = max(seconds, len(sample.extra.get("waveform", ())) / 16_000 if "audio" in media else 0.0)
        if max_seconds is None or seconds <= max_seconds:
            kept.append(whole)
        elif long_clips == "skip":
            report.skip(
                f"longer than {max_seconds:g} s", f"{sample.audio or sample.video or sample.id}: {seconds:.1f} s"
            )
        else:
            pieces = cut(whole, seconds, max_seconds)
            windows += len(pieces) - 1
            kept += pieces
            report.notes.append(
                f"{sample.id}: {seconds:.1f} s, cut into {len(pieces)} windows of {max_seconds:g} s at most"
            )
    report.found = len(kept) - windows
    if unread:
        report.notes.append(
            f"{unread} of {len(looks)} files were looked at by their headers; {READ_ALL} reads them all"
        )
    return corpus.replace(kept), report


def _file(corpus: Corpus, sample: EmotionSample, modality: str) -> Path | None:
    if not getattr(sample, modality) or sample.extra.get("waveform" if modality == "audio" else "frames") is not None:
        return None
    return corpus.path(sample, modality)


def _look_at_all(
    corpus: Corpus, media: Sequence[str], check: Check, progress: bool, every: bool
) -> tuple[dict[Path, Look], int]:
    """What each file turned out to be, and how many coded files were judged by their headers alone."""
    from tqdm.auto import tqdm

    files = [path for sample in corpus for m in media if (path := _file(corpus, sample, m)) is not None]
    paths = list(dict.fromkeys(files))

    def looked(part: Sequence[Path], how: Check) -> dict[Path, Look]:
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool_of_threads:
            seen = pool_of_threads.map(lambda path: look(path, how), part)
            bar = tqdm(seen, total=len(part), desc=f"{corpus.name}: files", delay=2, leave=False, disable=not progress)
            return dict(zip(part, bar, strict=True))

    if check != "decode" or every or len(paths) <= DECODED:
        return looked(paths, check), 0
    found = looked(paths, "header")
    coded = [path for path, seen in found.items() if not (seen.reason or seen.plain)]
    some = coded[:: -(-len(coded) // DECODED) or 1]
    found |= looked(some, "decode")
    if not any(found[path].reason for path in some):
        return found, len(coded) - len(some)
    return found | looked(coded, "decode"), 0


def _without_absent_tracks(sample: EmotionSample, found: dict[str, Look], report: LoadReport) -> EmotionSample:
    absent: dict[str, Any] = {m: None for m, seen in found.items() if not getattr(seen, m)}
    for modality in absent:
        other = "video" if modality == "audio" else "audio"
        report.notes.append(f"{getattr(sample, modality)}: no {modality} track; shown as {other} only")
    return replace(sample, **absent)


def cut(sample: EmotionSample, seconds: float, max_seconds: float) -> list[EmotionSample]:
    """A sample that lasts `seconds` as the fewest windows of equal length up to `max_seconds`; itself if it fits.

    A window keeps label, text and files, states `extra["window_of"]` (the id of its sample) and, for each medium,
    from where to where it is shown (`extra["audio_window"]`, `extra["video_window"]`, seconds), which
    `emolab.media.audio_of` and `frames_of` follow.

    >>> [s.extra["audio_window"] for s in cut(EmotionSample("a", audio="a.wav"), 50.0, 30.0)]
    [(0.0, 25.0), (25.0, 50.0)]
    """
    n = math.ceil(seconds / max_seconds - 1e-9)
    if n <= 1:
        return [sample]
    step = seconds / n
    ends = [round(i * step, 3) for i in range(n + 1)]
    windows = [{f"{medium}_window": part for medium in ("audio", "video")} for part in pairwise(ends)]
    shown = [{**sample.extra, "window_of": sample.id, **window} for window in windows]
    return [replace(sample, id=f"{sample.id}#{i}", extra=extra) for i, extra in enumerate(shown, 1)]


def pool(ids: Sequence[str | None], values: Sequence[T], together: Callable[[list[T]], T]) -> list[T]:
    """Values of samples as values of clips: those whose id (`extra["window_of"]`) is the same, and not None, are put
    `together`; the others stay, all in their first order.

    >>> pool(["a", "a", None], ["sad", "sad", "happy"], majority)
    ['sad', 'happy']
    """
    groups: dict[Any, list[T]] = {}
    for i, (name, value) in enumerate(zip(ids, values, strict=True)):
        groups.setdefault(i if name is None else name, []).append(value)
    return [group[0] if len(group) == 1 else together(group) for group in groups.values()]


def majority(labels: Sequence[str | None]) -> str | None:
    """The most frequent label of the windows that have one; of several, the one that is heard first.

    >>> majority([None, "sad", "happy", "happy"])
    'happy'
    """
    counts = Counter(label for label in labels if label is not None)
    return counts.most_common(1)[0][0] if counts else None


def mean_log_probabilities(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Log of the mean probability of each label over the windows, from their scores (L,) each, in any scale of logs."""
    stacked = np.stack(scores)
    stacked = stacked - np.logaddexp.reduce(stacked, axis=-1, keepdims=True)
    return np.logaddexp.reduce(stacked, axis=0) - np.log(len(stacked))
