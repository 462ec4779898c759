"""The ledger's work: which trainings its claims need, in an order that serves all claims evenly, by several workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.claims.declare import Claim
from benchmarks.claims.runs import Budget, Training, ensure, is_done, training_of
from emolab.errors import EvaluationError

Jobs = dict[Training, frozenset[str]]
Do = Callable[[Training, frozenset[str], Path | None], Any]


def jobs_of(claims: Sequence[Claim], seeds: Sequence[int], budget: Budget) -> Jobs:
    """Every training that the claims need, once, with the places to measure it at, a cold start before what continues
    it.

    All claims' arms of the first seed come first, then those of the second: a ledger that is stopped early has as many
    seeds of every claim.
    """
    found: Jobs = {}
    for seed in seeds:
        for claim in claims:
            for arm in claim.arms:
                training = training_of(arm, seed, budget)
                places = frozenset(place for _, place in claim.columns_of(arm))
                if training.start is not None:
                    found.setdefault(training.start, frozenset())
                found[training] = found.get(training, frozenset()) | places
    return found


def work(
    jobs: Jobs,
    out: Path | None = None,
    workers: int = 1,
    say: Callable[[str], None] = lambda text: None,
    do: Do = ensure,
) -> list[str]:
    """Make everything that is not there yet. Returns what failed, one line each; the rest is made all the same."""
    todo = {training: places for training, places in jobs.items() if not is_done(training, places, out)}
    say(f"{len(jobs)} trainings, {len(jobs) - len(todo)} of them there")
    failed: list[str] = []
    for done, (training, error) in enumerate(_finished(todo, out, workers, do), 1):
        if error is not None:
            failed.append(f"{name_of(training)}: {type(error).__name__}: {error}")
        say(f"{done}/{len(todo)} {name_of(training)}{f' FAILED: {error}' if error else ''}")
    return failed


def name_of(training: Training) -> str:
    """Recipe, stage, seed and key of a training."""
    return f"{training.recipe} {training.stage} seed {training.seed} {training.key}"


def _finished(todo: Jobs, out: Path | None, workers: int, do: Do) -> Iterator[tuple[Training, BaseException | None]]:
    """Trainings as they are finished, each with its error or None. One whose start failed fails with it."""
    waiting, broken = dict(todo), set[Training]()
    if workers <= 1:
        for training in list(waiting):
            yield training, _outcome(training, todo[training], out, do, broken)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_single_thread) as pool:
        running: dict[Future[Any], Training] = {}
        while waiting or running:
            for training in [t for t in waiting if t.start not in waiting and t.start not in running.values()]:
                if len(running) >= workers:
                    break
                places = waiting.pop(training)
                if training.start in broken:
                    broken.add(training)
                    yield training, EvaluationError("its cold start failed")
                    continue
                running[pool.submit(do, training, places, out)] = training
            ended, _ = wait(running, return_when=FIRST_COMPLETED) if running else (set(), set())
            for future in ended:
                training = running.pop(future)
                if (error := future.exception()) is not None:
                    broken.add(training)
                yield training, error


def _outcome(
    training: Training, places: frozenset[str], out: Path | None, do: Do, broken: set[Training]
) -> BaseException | None:
    if training.start in broken:
        broken.add(training)
        return EvaluationError("its cold start failed")
    try:
        do(training, places, out)
    except Exception as error:  # noqa: BLE001 - reported by name at the end; the other trainings go on
        broken.add(training)
        return error
    return None


def _single_thread() -> None:
    """One core a worker: two trainings side by side are faster than one on two cores."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    import torch

    torch.set_num_threads(1)
