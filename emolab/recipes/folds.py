"""Every fold of a protocol, as papers report them: the mean over folds, their spread, and each fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from emolab.files import write_json
from emolab.recipes.data import Source, corpus_of, default_folder
from emolab.training.launch import is_main
from emolab.training.runs import RESULT, STAGES

if TYPE_CHECKING:
    from emolab.samples import Corpus


def run_folds(
    name: str,
    run: Callable[..., dict[str, Any]],
    folds: Sequence[Corpus],
    out: str | Path | None = None,
    *,
    test: Source = None,
    say: Callable[[str], None] = lambda text: None,
    **options: Any,
) -> dict[str, Any]:
    """The recipe `name` on every fold, each in a folder of its own under `out`. `run` is its `Recipe.run`.

    Returns each stage's mean over folds of every figure, with its standard deviation under NAME_sd and n summed;
    `folds` holds the result of each fold by its name. Folds that are finished are read.
    """
    folder = Path(out) if out is not None else default_folder(name, replace(folds[0], fold=None))
    elsewhere = None if test is None else corpus_of(test, labels=folds[0].labels)
    results = {}
    for i, fold in enumerate(folds, 1):
        part = str(fold.fold)
        say(f"fold {i} of {len(folds)}: {part}")
        results[part] = run(fold, folder / part.replace("/", "-"), test=elsewhere, say=say, **options)
    result = mean_of(results) | {"out": str(folder)}
    if is_main():
        write_json(folder / RESULT, result)
    return result


def mean_of(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The mean of the results of folds by name, as `run_folds` returns it.

    >>> found = {"a": {"grpo": {"ua": 0.25, "n": 4}}, "b": {"grpo": {"ua": 0.75, "n": 6}}}
    >>> mean_of(found)["grpo"]["ua"], mean_of(found)["grpo"]["n"]
    (0.5, 10)
    """
    each = list(results.values())
    same = ("recipe", "metric", "labels", "chance", "prompt", "rewards", "seed", "settings")
    found: dict[str, Any] = {key: each[0][key] for key in same if key in each[0]}
    found |= {stage: _mean([r[stage] for r in each]) if each[0].get(stage) else None for stage in STAGES}
    controls = each[0].get("controls", {})
    found["controls"] = {name: _mean([r["controls"][name] for r in each]) for name in controls}
    away = each[0].get("elsewhere", {})
    found["elsewhere"] = {name: _mean([r["elsewhere"][name] for r in each]) for name in away}
    found["corpus"] = {**each[0].get("corpus", {}), "fold": "all"}
    return found | {"folds": results}


def _mean(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over folds of what is a number in all of them; n is summed."""
    found: dict[str, Any] = {}
    for key in parts[0]:
        values = [part.get(key) for part in parts]
        if key == "n":
            found[key] = sum(values)  # type: ignore[arg-type]
        elif key != "seed" and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            found |= {key: fmean(values), f"{key}_sd": stdev(values) if len(values) > 1 else None}  # type: ignore[arg-type, type-var]
    return found
