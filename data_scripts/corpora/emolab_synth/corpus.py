"""Make the embedded corpus: same size and seed, same bytes, with any number of workers and after any interruption.

A corpus folder holds `table.parquet` and `table.jsonl` (the samples), `audio/*.flac` (16 kHz, 16 bit),
`video/*.jpg` (eight
frames side by side), `truth.jsonl` (what no model may see: displays, intensities, realised prosody, action units),
`checksums.txt` (for `sha256sum -c`), and `corpus.json` (what this is).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from collections.abc import Iterator, Sequence
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import numpy as np

from emolab.corpora.embedded import NAME, audio_core
from emolab.emotions import EMOTIONS
from emolab.errors import CorpusError
from emolab.media.usable import look
from emolab.samples import Corpus
from emolab_synth.plan import Spec, plan
from emolab_synth.realise import realise, render, to_sample, to_truth
from emolab_synth.vocoder import SAMPLE_RATE

VERSION = 3
TABLE = 2  # version of the table alone: an older table is written again beside the media that are there
INFO, TRUTH, CHECKSUMS = "corpus.json", "truth.jsonl", "checksums.txt"
_JOB = 12  # samples that one worker makes between two reports


def make(out: str | Path, size: str = "course", seed: int = 0, workers: int | None = None) -> Corpus:
    """Make a corpus, or finish one that was interrupted, and return its table.

    Args: `out` a new or empty folder, or one where the same corpus was begun; `size` smoke, course, omni, wild or full;
    `workers` processes, by default one per core.
    Raises: CorpusError for an unknown size, or a folder that holds anything else.

    Example: `corpus = make("build/corpus", "smoke", seed=0)`
    """
    specs, out = plan(size, seed), Path(out)
    info = {"kind": NAME, "version": VERSION, "size": size, "seed": seed, "samples": len(specs)}
    _claim(out, info)
    info |= {"table": TABLE}
    made = [realise(spec) for spec in specs]
    corpus = Corpus(out, [to_sample(spec, m) for spec, m in zip(specs, made, strict=True)], NAME)
    truth = "".join(json.dumps(to_truth(spec, m)) + "\n" for spec, m in zip(specs, made, strict=True)).encode()
    if (out / TRUTH).is_file() and (out / TRUTH).read_bytes() != truth:
        raise CorpusError(f"{out}: was begun by another version of emolab; delete it or choose another folder")
    _write(out / TRUTH, truth)
    corpus.write(out / "table.jsonl")
    corpus.write(out / "table.parquet")
    _render_missing(specs, out, workers)
    sums = _checksums(out, corpus)
    _write(out / CHECKSUMS, sums)
    _write(out / INFO, _as_json({**info, "complete": True, "sha256": hashlib.sha256(sums).hexdigest()}))
    return corpus


def read_truth(root: str | Path) -> dict[str, dict[str, Any]]:
    """Sample id to its truth: "shown", "intensity", "prosody", "aus", "room". For checking a method, never for a model.

    Raises: CorpusError if the folder has none.
    """
    path = Path(root) / TRUTH
    if not path.is_file():
        raise CorpusError(f"{path}: no such file; only a corpus of `emolab corpus make synthetic` comes with its truth")
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {row["id"]: row for row in rows}


def summary(corpus: Corpus) -> dict[str, Any]:
    """Counts by split, domain, condition and emotion (in canonical order), JSON-ready."""
    emotions = corpus.counts("emotion")
    counts: dict[str, Any] = {
        name: dict(sorted(corpus.counts(name).items())) for name in ("split", "domain", "condition")
    }
    core = {split: len(audio_core(corpus, split)) for split in ("train", "val", "test")}
    return {
        "n": len(corpus),
        "speakers": len(corpus.counts("speaker")),
        **counts,
        "emotion": {e: emotions[e] for e in EMOTIONS},
        "audio_core": core,
    }


def _as_json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # before the name: after a power cut a file is whole or not there
        part.replace(path)
    except OSError as error:
        raise CorpusError(f"{path}: cannot be written ({error.strerror}); see to the disk") from error
    finally:
        part.unlink(missing_ok=True)


def _claim(out: Path, info: dict[str, Any]) -> None:
    """Make the folder ready, or raise CorpusError if it holds something else."""
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out}: is a file; give a folder for the corpus")
    if (out / INFO).is_file():
        try:
            found = json.loads((out / INFO).read_text(encoding="utf-8"))
            other = {key: found.get(key) for key in info}
        except (json.JSONDecodeError, AttributeError) as error:
            raise CorpusError(f"{out / INFO}: not readable ({error}); delete {out} or choose another folder") from error
        if other != info:
            raise CorpusError(
                f"{out}: holds another corpus ({_named(other)}; asked for {_named(info)}); "
                "choose another folder or delete that one"
            )
        return
    if out.is_dir() and any(out.iterdir()):
        raise CorpusError(f"{out}: is not empty and holds no corpus that could be resumed; choose another folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorpusError(f"{out}: cannot be made ({error.strerror}); choose another folder") from error
    _write(out / INFO, _as_json({**info, "complete": False}))


def _named(info: dict[str, Any]) -> str:
    return f"{info['kind']} {info['size']}, seed {info['seed']}, version {info['version']}"


def _encode(wave: np.ndarray, frames: np.ndarray) -> tuple[bytes, bytes]:
    import soundfile
    from PIL import Image

    audio, video = io.BytesIO(), io.BytesIO()
    soundfile.write(audio, wave, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    Image.fromarray(np.concatenate(list(frames), axis=1)).save(video, "JPEG", quality=92, subsampling=0)
    return audio.getvalue(), video.getvalue()


def _make_job(job: Sequence[Spec], out: Path) -> int:
    """Make the media of some samples; the video is written last, so its presence says that a sample is done."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums of a threaded BLAS depend on the number of threads
        for spec in job:
            audio, video = _encode(*render(spec))
            _write(out / "audio" / f"{spec.id}.flac", audio)
            _write(out / "video" / f"{spec.id}.jpg", video)
    return len(job)


def _render_missing(specs: Sequence[Spec], out: Path, workers: int | None) -> None:
    for folder in ("audio", "video"):
        (out / folder).mkdir(exist_ok=True)
        for leftover in (out / folder).glob(".*.part"):
            leftover.unlink()
    bad = _damaged(out)
    todo = [s for s in specs if not bad.isdisjoint(names := _media(s)) or not all((out / n).is_file() for n in names)]
    todo.sort(key=lambda s: (s.talker.voice, s.sentence.id))  # a seed is analysed once
    jobs = [todo[i : i + _JOB] for i in range(0, len(todo), _JOB)]
    workers = min(len(jobs), workers or _cores())
    from tqdm import tqdm

    with tqdm(total=len(todo), desc="making the corpus", unit="sample", disable=not todo) as bar:
        for done in _run(jobs, out, workers):
            bar.update(done)


def _run(jobs: list[list[Spec]], out: Path, workers: int) -> Iterator[int]:
    if workers <= 1:
        for job in jobs:
            yield _make_job(job, out)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        futures = [pool.submit(_make_job, job, out) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise CorpusError(
                f"{out}: a worker died (no memory left, or `make` called by a script without "
                '`if __name__ == "__main__"`); run it again with workers=1, nothing is lost'
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def end_with_parent() -> None:
    """Make this worker end when the process that started it is killed; it would wait for work for ever."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _media(spec: Spec) -> tuple[str, str]:
    return f"audio/{spec.id}.flac", f"video/{spec.id}.jpg"


def _checksums(out: Path, corpus: Corpus) -> bytes:
    names = ["table.jsonl", "table.parquet", TRUTH]
    names += [name for s in corpus for name in (s.audio, s.video) if name]
    return "".join(f"{_sha256(out / name)}  {name}\n" for name in sorted(names)).encode()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _damaged(out: Path) -> set[str]:
    """Media that are not what was written: other bytes in a finished corpus, cut ones in one that was interrupted."""
    if not (out / CHECKSUMS).is_file():
        files = [file for folder in ("audio", "video") for file in (out / folder).iterdir()]
        return {f"{file.parent.name}/{file.name}" for file in files if look(file).reason}
    lines = [line.split("  ", 1) for line in (out / CHECKSUMS).read_text(encoding="utf-8").splitlines()]
    return {
        name
        for digest, name in lines
        if name.startswith(("audio/", "video/")) and (out / name).is_file() and _sha256(out / name) != digest
    }
