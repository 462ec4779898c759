"""The capstone's tools: a registration that cannot be changed unseen, paired runs of two rewards, and their verdict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import EmolabError

if TYPE_CHECKING:
    import pandas as pd

    from emolab.emotions import LabelSet
    from emolab.rewards.rubric import Rubric
    from emolab_course.start import Lab

FIELDS = {
    "claim": "one sentence that could turn out to be false",
    "first": "the arm that the claim says is better",
    "second": "the arm that it is compared with",
    "metric": 'what is compared, such as "ua"',
    "margin": "the smallest difference that would matter, in the metric's unit",
    "seeds": "how many paired seeds, at least 5",
    "split": 'on which clips it is decided: "test", opened once',
    "chosen_on": 'on which clips everything was chosen before: "val" or "train"',
    "if_not": "what you will write if it does not hold",
}
"""What a registration states."""


def faults(registration: Mapping[str, Any]) -> list[str]:
    """What a registration lacks or gets wrong, a sentence each; [] for a complete one."""
    missing = [name for name in FIELDS if registration.get(name) in (None, "")]
    if missing:
        return [f"{name} is missing: {FIELDS[name]}" for name in missing]
    found = []
    if registration["first"] == registration["second"]:
        found.append("first and second are the same arm")
    if not isinstance(registration["margin"], int | float) or registration["margin"] <= 0:
        found.append("margin must be a number above 0, or any difference matters")
    if not isinstance(registration["seeds"], int) or registration["seeds"] < 5:
        found.append("seeds must be at least 5: the ledger decides nothing with fewer")
    if registration["chosen_on"] == registration["split"]:
        found.append("chosen_on and split are the same clips: what is chosen there is flattered there")
    return found


def register(registration: Mapping[str, Any], path: str | Path) -> str:
    """Write a registration with its date and return its fingerprint (the first 12 hex digits of SHA-256).

    Raises EmolabError for one that is not complete, and where another one is registered in that file already.
    """
    problems = faults(registration)
    if problems:
        raise EmolabError("; ".join(problems))
    text = json.dumps(dict(registration), sort_keys=True, ensure_ascii=False)
    mark = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = Path(path)
    if path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["fingerprint"] != mark:
            raise EmolabError(
                f"{path}: registered on {known['date']} as {known['fingerprint']}, and this one differs ({mark}); a "
                "registration is not changed: register a second study in another file, and report both"
            )
        return mark
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {"fingerprint": mark, "date": datetime.now(UTC).strftime("%Y-%m-%d"), "registration": dict(registration)}
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return mark


def run_pairs(
    lab: Lab, arms: Mapping[str, Callable[[LabelSet], Rubric]], seeds: Iterable[int], steps: int = 100
) -> pd.DataFrame:
    """Train each arm from the same cold start, seed by seed, and measure it on the held-out clips.

    `arms` are functions from the labels to what GRPO pays. Seeds that were run before are read from the lab's folder.
    Returns a row a seed: UA of each arm, and of the cold start.
    """
    import pandas as pd

    from emolab_course.lessons import smoke
    from emolab_course.short_run import practice

    rows = {}
    for seed in seeds:
        kept = lab.folder / f"pair-{seed}-{'-'.join(arms)}-{steps}.json"
        if not kept.is_file():
            practised = practice(lab, seed=seed)
            recipe, labels = practised.recipe, practised.parts.train.labels
            asked = recipe.prompt(labels)
            found = {"cold start": recipe.measure(practised.lalm, practised.parts.test, asked, progress=False)["ua"]}
            for name, rubric in arms.items():
                run = practised.train(rubric(labels), recipe.steps if smoke() else steps, lambda rows: True)
                found[name] = run["ua"]
            kept.write_text(json.dumps(found), encoding="utf-8")
        rows[seed] = json.loads(kept.read_text(encoding="utf-8"))
    return pd.DataFrame(rows).T.rename_axis("seed")


def decide(first: Sequence[float], second: Sequence[float], margin: float) -> dict[str, Any]:
    """The ledger's verdict on "first is better than second", for paired seeds: difference, 95% interval, verdict."""
    import numpy as np

    from emolab_course import ledger

    found = ledger.over_seeds(np.asarray(first, float), np.asarray(second, float))
    return {
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "seeds": len(found.by_seed),
        "verdict": ledger.verdict(found.low, found.high, 1, margin, len(found.by_seed)),
    }
