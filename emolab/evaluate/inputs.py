"""What the commands evaluate: a corpus from a folder or a table, part of it, and the model that a person names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emolab.corpora.spec import ENVIRONMENT, load_corpus
from emolab.emotions import LabelSet
from emolab.errors import EvaluationError
from emolab.lalm.checkpoint import checkpoint_info, is_checkpoint, load_checkpoint
from emolab.profiles import profile
from emolab.prompts import Prompt, get_prompt
from emolab.samples import FIELDS, Corpus

if TYPE_CHECKING:
    from emolab.lalm.base import LALM


def read_corpus(
    spec: str | Path | None = None,
    size: str = "course",
    labels: Any = None,
    protocol: str | None = None,
    fold: str | int | None = None,
) -> Corpus:
    """The corpus that `load_corpus` reads from `spec`, with labels and splits.

    Without a specification it is what EMOLAB_CORPUS names, else the embedded corpus of `size`.
    """
    return load_corpus(named_corpus(spec, size), labels=labels, protocol=protocol, fold=fold)


def named_corpus(spec: str | Path | None, size: str = "course") -> str | Path:
    """The specification itself, else what EMOLAB_CORPUS holds, else the embedded corpus of `size`."""
    return spec if spec is not None else os.environ.get(ENVIRONMENT) or f"synthetic:{size}"


def labels_of(checkpoint: str | Path) -> LabelSet | None:
    """The labels that a checkpoint was trained to answer with; None where it notes none."""
    stated = checkpoint_info(checkpoint).get("labels") if is_checkpoint(checkpoint) else None
    return LabelSet.from_json(stated) if stated else None


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
        if (split is None or s.split == split)
        and all(str(getattr(s, k) if k in FIELDS else s.extra.get(k)) in v for k, v in conditions.items())
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
    asked = get_prompt(prompt or "direct")
    if checkpoint is None:
        return profile().load(name, quantise=quantise), asked

    if not Path(checkpoint).is_dir():
        raise EvaluationError(f"{checkpoint}: no such checkpoint folder; train one with `emolab train`")
    lalm, trained = load_checkpoint(checkpoint)
    lalm.name = f"{lalm.name} + {Path(checkpoint).name}"
    if prompt is None and isinstance(trained.get("prompt"), str):
        asked = get_prompt(trained["prompt"])
        if trained.get("labels") is not None:
            asked = asked.with_labels(LabelSet.from_json(trained["labels"]))
    return lalm, asked.using(*trained["modalities"]) if trained.get("modalities") else asked
