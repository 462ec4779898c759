"""A run in its folder: what it depends on, who may write there, which stages are done, and what they scored.

A folder holds `run.json` (the identity: settings, rewards, prompt, labels, corpus, model), a folder for each of STAGES
with its checkpoint, `scores.json` and `scores.parquet`, and at the end `result.json`. Every file is whole or absent,
and the one that says "done" comes last: a run that was killed continues where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from filelock import BaseFileLock, FileLock, Timeout

from emolab.errors import MediaError, TrainingError
from emolab.files import read_json, write_json, write_pair
from emolab.samples import Corpus, EmotionSample, resolve
from emolab.training.launch import is_main, wait_for_all

STAGES = {"zero_shot": "zero-shot", "sft": "supervised", "cold_start": "cold start", "grpo": "GRPO"}
"""The stages of a run in their order, and what people call them. Folders and JSON keys have the names."""
IDENTITY, SCORES, METRICS, RESULT = "run.json", "scores", "metrics.jsonl", "result.json"
HEAD = 1 << 16


def corpus_identity(samples: Iterable[EmotionSample], root: Path, name: str = "") -> dict[str, Any]:
    """What a corpus is, for a run: name, number of samples, and a hash of their ids, labels, words, text,
    captions, parts and media.

    Of a media file count its size, its first and its last 64 KiB. Where the corpus lies does not count.
    """
    digest, found = hashlib.sha256(), sorted(samples, key=lambda sample: sample.id)
    for sample in found:
        stated: list[Any] = [sample.id, sample.emotion, sample.text, sample.caption, list(sample.words)]
        stated += [dict(sample.parts), sample.valence, sample.split, sample.extra.get("carriers")]
        digest.update(json.dumps(stated, sort_keys=True, default=str).encode())
        placed = resolve(sample, root)
        for modality in ("audio", "video"):
            digest.update(_media_hash(getattr(placed, modality)))
        for key in ("waveform", "frames"):
            if key in sample.extra:
                digest.update(hashlib.sha256(sample.extra[key].tobytes()).digest())
    return {"name": name, "samples": len(found), "hash": digest.hexdigest()[:16]}


def _media_hash(path: str | None) -> bytes:
    if path is None:
        return b"-"
    place = Path(path)
    files = sorted(p for p in place.iterdir() if p.is_file()) if place.is_dir() else [place]
    digest = hashlib.sha256()
    for file in files:
        try:
            size = file.stat().st_size
            with file.open("rb") as opened:
                digest.update(f"{file.name}/{size}".encode("utf-8", "surrogateescape") + opened.read(HEAD))
                if size > HEAD:
                    opened.seek(max(HEAD, size - HEAD))
                    digest.update(opened.read())
        except OSError as error:
            raise MediaError(f"{file}: cannot be read ({error.strerror}); load the corpus again") from error
    return digest.digest()


def model_identity(name: str) -> dict[str, Any]:
    """What a model is, for a run: its name; for a folder, a hash of its configuration and the sizes of its weights."""
    folder = Path(name)
    if not folder.is_dir():
        return {"name": name}
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*")):
        if file.suffix == ".json":
            digest.update(file.name.encode() + file.read_bytes())
        elif file.suffix in (".safetensors", ".bin"):
            digest.update(_media_hash(str(file)))
    return {"name": folder.name, "hash": digest.hexdigest()[:16]}


def differences(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """What differs between two identities, a phrase each: "seed (1 here, 0 there)", "rewards (loudness: source)".

    >>> differences({"settings": {"seed": 1}, "prompt": "direct-v1"}, {"settings": {"seed": 0}, "prompt": "direct-v1"})
    ['settings (seed: 1 here, 0 there)']
    """
    found = []
    for name in dict.fromkeys([*mine, *theirs]):
        a, b = mine.get(name), theirs.get(name)
        if a != b:
            found.append(f"{name} ({'; '.join(_apart(a, b)) or 'other'})")
    return found


def _apart(mine: Any, theirs: Any, name: str = "") -> list[str]:
    if mine == theirs:
        return []
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        keys = dict.fromkeys([*mine, *theirs])
        return [part for key in keys for part in _apart(mine.get(key), theirs.get(key), f"{name} {key}".strip())]
    if isinstance(mine, list) and isinstance(theirs, list) and all(map(_named, [*mine, *theirs])):
        ours, others = [_named(part) for part in mine], [_named(part) for part in theirs]
        if ours != others:
            return [f"{', '.join(map(str, ours))} here, {', '.join(map(str, others))} there"]
        pairs = zip(ours, mine, theirs, strict=True)
        return [part for label, a, b in pairs for part in _apart(a, b, f"{label}:")]
    at = f"{name}: " if name else ""
    if name.split(" ")[-1] in ("hash", "source"):
        return [f"{name} differs"]
    return [f"{at}{_short(mine)} here, {_short(theirs)} there"]


def _named(part: Any) -> str | None:
    """The name of a part of a rubric."""
    found = part.get("reward", part).get("name") if isinstance(part, Mapping) else None
    return str(found) if found else None


def _short(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


class Run:
    """The one writer of a run's folder, as a context manager.

    Raises TrainingError where another process trains there, or where the folder holds a run of another `identity`; the
    message names what differs and a folder to use. `say` is told each stage as it begins.
    """

    def __init__(self, out: str | Path, identity: Mapping[str, Any], say: Callable[[str], None] | None = None):
        self.out, self.say = Path(out), say or (lambda text: None)
        self.identity: dict[str, Any] = json.loads(json.dumps(identity, default=str))
        self.seconds: dict[str, float] = {}
        self._lock: BaseFileLock | None = None
        self._terminated: Any = None

    def __enter__(self) -> Self:
        if is_main():
            self._take_folder()
            try:
                self._check_identity()
            except TrainingError:
                self.__exit__()
                raise
        wait_for_all()
        if threading.current_thread() is threading.main_thread():
            self._terminated = signal.signal(signal.SIGTERM, signal.default_int_handler)
        return self

    def __exit__(self, kind: type[BaseException] | None = None, error: object = None, trace: object = None) -> None:
        if self._terminated is not None:
            signal.signal(signal.SIGTERM, self._terminated)
        if self._lock is not None:
            self._lock.release()
        if kind is KeyboardInterrupt:
            raise TrainingError(
                f"stopped; finished stages are kept in {self.out}: give the same command again to go on"
            )

    def _take_folder(self) -> None:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.out / ".lock")
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise TrainingError(
                f"{self.out}: another process trains in this folder; wait for it, or give another --out"
            ) from error
        except (OSError, NotImplementedError) as error:
            raise TrainingError(f"{self.out}: cannot be written ({error}); give another --out") from error

    def _check_identity(self) -> None:
        noted = self.out / IDENTITY
        if noted.is_file():
            theirs = read_json(noted, "what a run depends on", TrainingError)
            if apart := differences(self.identity, theirs):
                raise TrainingError(
                    f"{self.out}: holds a run with other {', other '.join(apart)}; use --out {free_folder(self.out)}, "
                    "or delete this folder"
                )
        write_json(noted, self.identity)
        with suppress(TrainingError):
            times = self.out / "seconds.json"
            found = read_json(times, "seconds by stage", TrainingError) if times.is_file() else {}
            self.seconds = {name: value for name, value in found.items() if isinstance(value, int | float)}

    def timed(self, name: str, work: Callable[[], Any]) -> Any:
        """Announce, run and time a piece of work; its seconds are kept in `seconds.json`."""
        self.say(name)
        start = time.perf_counter()
        value = work()
        self.seconds[name] = round(time.perf_counter() - start, 2)
        if is_main():
            write_json(self.out / "seconds.json", self.seconds)
        return value

    def scores(
        self, stage: str, key: Mapping[str, Any], measure: Callable[[], dict[str, Any]], read: Path | None = None
    ) -> dict[str, Any]:
        """What a stage scored: read where it was measured under the same `key` (in the folder `read`, if one is given),
        else measured and kept with its raw outputs `rows`."""
        if (kept := read_scores(read or self.out / stage, key)) is not None:
            return kept
        measured = measure()
        scores = slim(measured) | {k: measured[k] for k in ("elsewhere",) if k in measured}
        if is_main():
            write_pair(self.out / stage / SCORES, {"key": key, "scores": scores}, measured["rows"])
        wait_for_all()
        return scores

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the result of the whole run."""
        if is_main():
            write_json(self.out / RESULT, result)


def free_folder(out: Path) -> Path:
    """A folder beside `out` that is not there yet: run → run-2 → run-3."""
    stem = re.sub(r"-\d+$", "", out.name) or out.name
    return next(p for i in range(2, 10_000) if not (p := out.with_name(f"{stem}-{i}")).exists())


def read_scores(folder: Path, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """The scores in a stage's folder, if they were measured under `key` and their raw outputs are there."""
    path = folder / f"{SCORES}.json"
    if not path.is_file() or not path.with_suffix(".parquet").is_file():
        return None
    noted = read_json(path, "the scores of a stage", TrainingError)
    scores = noted.get("scores")
    return scores if noted.get("key") == json.loads(json.dumps(key)) and isinstance(scores, dict) else None


def slim(result: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a result, its controls' included: without raw outputs and notes."""
    out = {k: v for k, v in result.items() if k not in ("rows", "info", "controls", "elsewhere")}
    if "controls" in result:
        out["controls"] = {name: slim(part) for name, part in result["controls"].items()}
    return out


def read_run(folder: str | Path) -> dict[str, Any]:
    """The result of a finished run. Raises TrainingError where there is none."""
    path = Path(folder) / RESULT
    if not path.is_file():
        raise TrainingError(f"{folder}: no {RESULT}; give a folder in which `emolab train` finished")
    return read_json(path, "the result of a run", TrainingError)


def resolved(corpus: Corpus) -> list[EmotionSample]:
    """Samples with absolute media paths: what a model takes."""
    return [resolve(sample, corpus.root) for sample in corpus]
