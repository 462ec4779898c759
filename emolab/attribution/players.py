"""Players: the parts of a prompt that an attribution is about. Whole modalities, words, stretches of audio, regions
of the face.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab.errors import AttributionError
from emolab.lalm.batch import PromptBatch, Span
from emolab.samples import MODALITIES

WINDOW_SECONDS = 0.25
FACE_GRID, FACE_QUARTERS = (4, 4, 2), (1, 2, 2)
KINDS = ("modality", "word", "window", "spoken", "cell", "part")
WordTimes = Sequence[tuple[str, float, float]]


@dataclass(frozen=True)
class Player:
    """Positions of one prompt row that are present or absent together.

    `t0`, `t1` in seconds for audio and video; `frame` (index of its first frame) and `region` (row, column) for a
    cell of the face; `word` for a word.
    """

    name: str
    modality: str
    positions: tuple[int, ...]
    t0: float | None = None
    t1: float | None = None
    frame: int | None = None
    region: tuple[int, int] | None = None
    word: str | None = None


def modality_players(batch: PromptBatch, row: int = 0, modalities: Sequence[str] = MODALITIES) -> list[Player]:
    """One player for each of `modalities`, in their order; one that the prompt does not have owns no position, and so
    earns nothing.
    """
    return [_player(m, m, [s for s in batch.spans[row] if s.modality == m]) for m in modalities]


def word_players(batch: PromptBatch, row: int = 0) -> list[Player]:
    """One player for each word of the transcript."""
    return [_player(s.word or "", "text", [s], word=s.word) for s in batch.spans[row] if s.modality == "text"]


def audio_windows(batch: PromptBatch, row: int = 0, seconds: float = WINDOW_SECONDS) -> list[Player]:
    """One player for each stretch of `seconds` of audio (the last may be shorter). Raises AttributionError for a
    length ≤ 0.
    """
    if seconds <= 0:
        raise AttributionError(f"an audio window must be longer than 0 s, got {seconds}")
    groups = _grouped(batch.spans[row], "audio", lambda s: int(_middle(s) / seconds + 1e-9))
    return [_player(f"{spans[0].t0:.2f} s", "audio", spans) for spans in groups]


def aligned_windows(batch: PromptBatch, boundaries: WordTimes, row: int = 0) -> list[Player]:
    """One player for each spoken word (word, start s, end s) and one, "(pause)", for all audio outside them, if there
    is any.
    """

    def owner(span: Span) -> int:
        time = _middle(span)
        return next((i for i, (_, start, end) in enumerate(boundaries) if start <= time < end), len(boundaries))

    names = [*(word for word, _, _ in boundaries), "(pause)"]
    groups = _grouped(batch.spans[row], "audio", owner)
    return [_player(names[owner(spans[0])], "audio", spans, word=names[owner(spans[0])]) for spans in groups]


def face_cells(
    batch: PromptBatch, row: int = 0, by: str = "cell", grid: tuple[int, int, int] = FACE_GRID
) -> list[Player]:
    """One player for each frame × region of the face; `by` "frame" or "region" merges over the other.

    The model's own cells are merged into at most `grid` (frames, rows, columns), so that a long clip or a large picture
    does not have thousands of players. Raises AttributionError for another `by`.
    """
    spans = [s for s in batch.spans[row] if s.modality == "video" and s.region and s.frame is not None]
    frames = sorted({s.frame for s in spans if s.frame is not None})
    sizes = (len(frames), *(1 + max((s.region[axis] for s in spans if s.region), default=0) for axis in (0, 1)))

    def merged(index: int, axis: int) -> int:
        return index * min(grid[axis], sizes[axis]) // sizes[axis]

    def step(span: Span) -> int:
        return merged(frames.index(span.frame or 0), 0)

    def region(span: Span) -> tuple[int, int]:
        r, c = span.region or (0, 0)
        return merged(r, 1), merged(c, 2)

    keys: dict[str, Callable[[Span], Hashable]] = {"cell": lambda s: (step(s), region(s)), "frame": step,
                                                   "region": region}  # fmt: skip
    if by not in keys:
        raise AttributionError(f"face players are made by {', '.join(keys)}, not {by!r}")
    players = []
    for group in _grouped(spans, "video", keys[by]):
        frame = None if by == "region" else group[0].frame
        place = None if by == "frame" else region(group[0])
        told = [f"frame {frame}"] if frame is not None else []
        name = " ".join([*told, f"region {place}"] if place else told)
        players.append(_player(name, "video", group, frame=frame, region=place))
    return players


def part_players(batch: PromptBatch, row: int = 0, seconds: float = WINDOW_SECONDS) -> list[Player]:
    """The parts of all modalities as one set: windows of audio, quarters of the face (over all frames), words."""
    face = face_cells(batch, row, "region", FACE_QUARTERS)
    return [*audio_windows(batch, row, seconds), *face, *word_players(batch, row)]


def players_of(
    batch: PromptBatch, kind: str, row: int = 0, seconds: float = WINDOW_SECONDS, times: WordTimes = ()
) -> list[Player]:
    """Players of one of KINDS; "spoken" needs the `times` of the words, "part" is `part_players`.

    Raises AttributionError for another kind, where the prompt has none of that kind, or without times.
    """
    if kind not in KINDS:
        raise AttributionError(f"unknown kind of players {kind!r}; choose from {', '.join(KINDS)}")
    if kind == "spoken" and not times:
        raise AttributionError(f"{batch.ids[row]}: when its words are said is not known; give (word, start, end) each")
    found = {
        "modality": lambda: modality_players(batch, row),
        "word": lambda: word_players(batch, row),
        "window": lambda: audio_windows(batch, row, seconds),
        "spoken": lambda: aligned_windows(batch, times, row),
        "cell": lambda: face_cells(batch, row),
        "part": lambda: part_players(batch, row, seconds),
    }[kind]()
    if not any(p.positions for p in found):
        raise AttributionError(f"{batch.ids[row]}: the prompt has no {kind} to attribute to")
    return found


def speech_bounds(wave: NDArray[np.float32], rate: int = 16_000, below_db: float = 30.0) -> tuple[float, float]:
    """Start and end in seconds of what is no quieter than `below_db` under the loudest part of a wave (n,)."""
    from librosa.effects import trim

    start, end = trim(wave, top_db=below_db, frame_length=512, hop_length=128)[1]
    return float(start) / rate, float(end) / rate


def estimated_word_times(text: str, start: float, end: float) -> list[tuple[str, float, float]]:
    """Word boundaries where no alignment is known: the speech from `start` to `end` s shared out by letters.

    A rough guess: pauses are not seen. `emolab_course.word_times` knows those of the embedded corpus.
    """
    spoken = text.split()
    if not spoken:
        return []
    lengths = [max(1, sum(c.isalnum() for c in word)) for word in spoken]
    times, total, at = [], sum(lengths), start
    for word, length in zip(spoken, lengths, strict=True):
        times.append((word, at, at + (end - start) * length / total))
        at = times[-1][2]
    return times


def _middle(span: Span) -> float:
    return ((span.t0 or 0.0) + (span.t1 or 0.0)) / 2


def _grouped(spans: Sequence[Span], modality: str, key: Callable[[Span], Hashable]) -> list[list[Span]]:
    groups: dict[Hashable, list[Span]] = {}
    for span in spans:
        if span.modality == modality:
            groups.setdefault(key(span), []).append(span)
    return list(groups.values())


def _player(name: str, modality: str, spans: Sequence[Span], **known: Any) -> Player:
    starts = [s.t0 for s in spans if s.t0 is not None]
    ends = [s.t1 for s in spans if s.t1 is not None]
    positions = tuple(i for s in spans for i in range(s.start, s.end))
    return Player(name, modality, positions, min(starts, default=None), max(ends, default=None), **known)
