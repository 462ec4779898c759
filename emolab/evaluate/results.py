"""A result: numbers with an interval, the raw outputs that they came from, and what was run."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Hashable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from emolab.emotions import LabelSet, label_set, label_set_of
from emolab.errors import EvaluationError
from emolab.files import read_json, write_pair
from emolab.metrics import bootstrap_ci, unweighted_accuracy, weighted_accuracy, weighted_f1

KEYS = ("ua", "wa", "weighted_f1", "ua_ci", "chance", "n", "parse_rate", "seed", "seconds")
"""Scores of labelled answers. `chance` is the UA of a guess among the labels that were asked for."""
PACKAGES = ("emolab", "numpy", "torch", "transformers", "scikit-learn")


def provenance(config: Mapping[str, Any], seed: int, device: str = "cpu") -> dict[str, Any]:
    """What ran: the command line, the settings and their hash, the seed, library versions and the device."""
    settings = json.loads(json.dumps(dict(config), default=str, sort_keys=True))
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    stated = {"command": command, "config": settings, "config_hash": digest, "seed": seed}
    return stated | {"versions": _versions(), "device": device}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def summarise(
    rows: Sequence[Mapping[str, Any]],
    seed: int = 0,
    seconds: float = 0.0,
    n_boot: int = 1000,
    labels: LabelSet | Sequence[str] | None = None,
) -> dict[str, Any]:
    """The result object (exactly KEYS) of rows with the keys `gold`, `predicted` (None: not parsed) and `speaker`.

    `ua_ci` is a 95% bootstrap interval that draws whole speakers where speakers are known. `labels` are those asked
    for, by default `labels_in` the rows. Raises EvaluationError without rows.
    """
    if not rows:
        raise EvaluationError("there is nothing to score: no sample has both usable media and a known label")
    gold, predicted = ([r[key] for r in rows] for key in ("gold", "predicted"))
    interval = bootstrap_ci(unweighted_accuracy, gold, predicted, groups=talkers(rows), n=n_boot, seed=seed)
    return {
        "ua": float(unweighted_accuracy(gold, predicted)),
        "wa": float(weighted_accuracy(gold, predicted)),
        "weighted_f1": float(weighted_f1(gold, predicted)),
        "ua_ci": [float(x) for x in interval],
        "chance": (labels_in(rows) if labels is None else label_set(labels)).chance,
        "n": len(rows),
        "parse_rate": sum(p is not None for p in predicted) / len(rows),
        "seed": seed,
        "seconds": round(seconds, 3),
    }


def labels_in(rows: Sequence[Mapping[str, Any]]) -> LabelSet:
    """The labels that rows were asked for: those of their scores, else the smallest known set with every label in
    them."""
    scored = next((row["posterior"] for row in rows if isinstance(row.get("posterior"), Mapping)), None)
    if scored:
        return label_set(tuple(scored))
    return label_set_of(value for row in rows for value in (row["gold"], row["predicted"]))


def talkers(rows: Sequence[Mapping[str, Any]]) -> list[Hashable] | None:
    """The speaker of each row, so that a bootstrap draws whole speakers; None where some are unknown or there are
    fewer than three."""
    speakers = [row.get("speaker") for row in rows]
    return speakers if None not in speakers and len(set(speakers)) > 2 else None


def numbers(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result without its raw rows: what a table or a summary file keeps."""
    return {k: v for k, v in result.items() if k != "rows"}


def write_result(result: Mapping[str, Any], path: str | Path) -> Path:
    """Write the raw rows (.parquet) and then the numbers to `path` (.json), each whole. Returns the path of the JSON
    file. Raises EmolabError where the place cannot be written.
    """
    return write_pair(path, numbers(result), result.get("rows") or ())


def read_result(path: str | Path) -> dict[str, Any]:
    """Read what `write_result` wrote; `rows` come back where their Parquet file is still there."""
    import pandas as pd

    path = Path(path).with_suffix(".json")
    if not path.is_file():
        raise EvaluationError(f"{path}: no such result; write one with `emolab evaluate --out`")
    result = read_json(path, "a result of an evaluation", EvaluationError)
    table = path.with_suffix(".parquet")
    if table.is_file():
        try:
            rows = pd.read_parquet(table).to_dict("records")
        except (OSError, ValueError) as error:
            raise EvaluationError(f"{table}: not readable as Parquet ({error}); evaluate again") from error
        result["rows"] = [_nested(row) for row in rows]
    return result


def _nested(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a table with columns like "posterior.sad" as one with a mapping; NaN is None."""
    out: dict[str, Any] = {}
    for key, value in row.items():
        name, _, inner = str(key).partition(".")
        place, at = (out.setdefault(name, {}), inner) if inner else (out, name)
        place[at] = None if isinstance(value, float) and value != value else value
    return out
