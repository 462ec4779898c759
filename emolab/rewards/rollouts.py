"""Saved rollouts: completions with their prompts and columns, so that rewards can be changed without a model."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from emolab.errors import RewardError
from emolab.files import write_text
from emolab.prompts import Prompt
from emolab.rewards.groups import zero_variance_share
from emolab.rewards.rubric import Rubric
from emolab.samples import Corpus, resolve

if TYPE_CHECKING:
    from emolab.lalm.base import LALM

Rollouts = dict[str, list[Any]]
"""Columns of equal length: "id", "row" (the group), "prompt", "completion", and what rewards read."""

COLUMNS = ("id", "row", "prompt", "completion", "solution", "words", "caption", "text", "votes", "logprob")


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Rollouts:
    """Columns of rows; a row without a value has None. Raises RewardError where a row has no completion."""
    rows = list(rows)
    for i, row in enumerate(rows, 1):
        if not isinstance(row.get("completion"), (str, list)):
            raise RewardError(f"rollout {i}: column 'completion' is missing or not text")
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def read_rollouts(path: str | Path) -> Rollouts:
    """Read rollouts written by `write_rollouts` (JSON lines). Raises RewardError that names the file and the line."""
    path = Path(path)
    if not path.is_file():
        raise RewardError(f"{path}: no such rollouts; make some with `emolab reward rollouts --out {path}`")
    rows = []
    # Not splitlines(): a completion may hold U+2028 and its like, which JSON leaves as they are.
    for i, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line:
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise RewardError(f"{path}, line {i}: not JSON ({error.msg})") from error
        if not isinstance(row, dict) or not isinstance(row.get("completion"), (str, list)):
            raise RewardError(f"{path}, line {i}: needs an object with a column 'completion'")
        rows.append(row)
    return from_rows(rows)


def write_rollouts(path: str | Path, rollouts: Rollouts) -> Path:
    """Write rollouts as JSON lines."""
    rows = (dict(zip(rollouts, values, strict=True)) for values in zip(*rollouts.values(), strict=True))
    return write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def collect(
    lalm: LALM,
    corpus: Corpus,
    prompt: Prompt,
    n: int = 300,
    size: int = 8,
    seed: int = 0,
    max_new_tokens: int = 64,
    temperature: float = 1.0,
    batch: int = 8,
) -> Rollouts:
    """Sample about `n` completions from a model, in groups of `size` for each of a random choice of labelled samples.

    The columns hold what every shipped rubric reads. Raises RewardError where the corpus has no labelled sample.
    """
    labelled = [sample for sample in corpus if sample.emotion is not None]
    if not labelled:
        raise RewardError(f"{corpus.root}: no sample with an emotion to roll out")
    count = min(len(labelled), max(1, round(n / size)))
    chosen = random.Random(seed).sample(labelled, count)
    rows: list[dict[str, Any]] = []
    for start in tqdm(range(0, count, batch), desc="rollouts", unit="batch"):
        samples = chosen[start : start + batch]
        encoded = lalm.encode([resolve(sample, corpus.root) for sample in samples], prompt)
        made = lalm.generate(encoded, n=size, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed + start)
        for i, (sample, texts) in enumerate(zip(samples, made.texts, strict=True)):
            shown = replace(sample, extra={})
            rows += [
                {
                    "id": sample.id,
                    "row": start + i,
                    "prompt": prompt.text(shown),
                    "completion": text,
                    "solution": sample.emotion,
                    "words": list(sample.words) or None,
                    "caption": sample.caption,
                    "text": sample.text,
                    "votes": sample.extra.get("votes"),
                }
                for text in texts
            ]
    return from_rows(rows)


def summary(rubric: Rubric, rollouts: Mapping[str, Sequence[Any]], progress: float = 0.0) -> dict[str, float]:
    """A rubric over all rollouts: the mean total, the mean of each part as counted, the share of equal groups."""
    scores = rubric.rescore(rollouts, progress)
    groups = rollouts.get("row", list(range(len(scores.total))))
    means = {name: _mean(values) for name, values in (("total", scores.total), *scores.counted.items())}
    return {**means, "zero_variance": zero_variance_share(scores.total, groups)}


def _mean(values: Sequence[float | None]) -> float:
    found = [value for value in values if value is not None]
    return math.fsum(found) / len(found) if found else float("nan")
