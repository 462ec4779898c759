"""What the commands evaluate: a corpus from a folder or a table, part of it, and the model that a person names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emolab.errors import CorpusError, EvaluationError
from emolab.samples import FIELDS, TABLES, Corpus, EmotionSample

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt


def read_corpus(path: str | Path | None = None, size: str = "course") -> Corpus:
    """The corpus in a folder (its table.parquet or table.jsonl), of a table file, or without a path the embedded one
    of `size`.

    Raises CorpusError if the folder has no table.
    """
    if path is None:
        from emolab.synth.embedded import embedded_corpus

        return embedded_corpus(size)
    path = Path(path)
    if path.is_dir():
        if not any((path / name).is_file() for name in TABLES):
            raise CorpusError(
                f"{path}: no {' or '.join(TABLES)} in this folder; make one with "
                f"`emolab corpus make synthetic --out {path}`"
            )
        return replace(Corpus.read(path), name=path.name)
    return Corpus.read(path)


def part_of(
    corpus: Corpus, split: str | None = None, where: Sequence[str] = (), limit: int | None = None, seed: int = 0
) -> Corpus:
    """Samples of a split that meet every condition "key=value,value", at most `limit` of them, drawn by `seed` in
    corpus order.

    A key is a field of a sample or a key of its `extra`. Raises EvaluationError on a malformed condition or if
    nothing is left.
    """
    conditions: dict[str, set[Any]] = {}
    for condition in where:
        key, equals, values = condition.partition("=")
        if not equals or not values:
            raise EvaluationError(f"--where {condition!r}: expected KEY=VALUE or KEY=VALUE,VALUE")
        if not any(key in FIELDS or key in s.extra for s in corpus):
            raise EvaluationError(f"--where {condition!r}: no sample of {corpus.root} has {key!r}")
        conditions[key] = set(values.split(","))
    kept = [
        s
        for s in corpus
        if (split is None or s.split == split) and all(_value(s, k) in v for k, v in conditions.items())
    ]
    if not kept:
        raise EvaluationError(
            f"{corpus.root}: no sample in split {split!r} meets {', '.join(where) or 'no condition'}; "
            f"splits are {', '.join(sorted(map(str, corpus.counts('split'))))}"
        )
    if limit is not None and limit < len(kept):
        chosen = np.sort(np.random.default_rng(seed).permutation(len(kept))[:limit])
        kept = [kept[i] for i in chosen]
    return corpus.replace(kept)


def _value(sample: EmotionSample, key: str) -> str:
    return str(getattr(sample, key) if key in FIELDS else sample.extra.get(key))


def read_model(
    name: str | None = None,
    checkpoint: str | Path | None = None,
    quantise: str | None = None,
    prompt: str | None = None,
) -> tuple[LALM, Prompt]:
    """The model called `name` (default: the profile's), or the one that a recipe saved in the folder `checkpoint`;
    and what to ask it.

    The prompt is `prompt`, else the one that the checkpoint was trained with, else "direct". Raises EvaluationError
    if the folder does not exist, TrainingError or ModelError if it holds no checkpoint.
    """
    from emolab.emotions import LabelSet
    from emolab.prompts import get_prompt

    asked = get_prompt(prompt or "direct")
    if checkpoint is None:
        from emolab.lalm import load_model
        from emolab.profiles import profile

        return load_model(name or profile().model, quantise=quantise), asked
    from emolab.lalm.checkpoint import load_checkpoint

    if not Path(checkpoint).is_dir():
        raise EvaluationError(f"{checkpoint}: no such checkpoint folder; train one with `emolab train`")
    lalm, trained = load_checkpoint(checkpoint)
    lalm.name = f"{lalm.name} + {Path(checkpoint).name}"
    if prompt is None and isinstance(trained.get("prompt"), str):
        asked = get_prompt(trained["prompt"])
        if trained.get("labels") is not None:
            asked = asked.with_labels(LabelSet.from_json(trained["labels"]))
    return lalm, asked.using(*trained["modalities"]) if trained.get("modalities") else asked
