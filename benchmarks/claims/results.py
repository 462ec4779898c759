"""From runs to a claim's result: arms, paired differences, verdicts; as small JSON files that pages and notebooks
read."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.claims.declare import Arm, Claim, Contrast
from benchmarks.claims.metrics import METRICS, Metric, Row
from benchmarks.claims.runs import Budget, Training, folder_of, is_done, read_history, read_rows, training_of
from benchmarks.claims.statistics import Estimate, crossed, over_seeds
from benchmarks.claims.verdicts import RULE, together, verdict
from emolab.emotions import EMOTIONS
from emolab.errors import EvaluationError
from emolab.evaluate.results import provenance
from emolab.lalm.base import BASE_NOTE
from emolab.lalm.tiny import TAUGHT_FOLDER
from emolab.paths import CHECKOUT

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
EXAMPLES = 3
FOLDER = CHECKOUT / "benchmarks" / "claims"
READINGS = "readings.toml"
UNREAD = "*No reading was written for these figures yet.*"


class Runs:
    """The rows and histories of a claim's trainings, each file read once."""

    def __init__(self, seeds: Sequence[int], budget: Budget, out: Path | None = None):
        self.seeds, self.budget, self.out = tuple(seeds), budget, out
        self._rows: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def training(self, arm: Arm, seed: int) -> Training:
        return training_of(arm, seed, self.budget)

    def done(self, arm: Arm, place: str) -> tuple[int, ...]:
        """Seeds for which an arm was trained and measured at a place."""
        return tuple(s for s in self.seeds if is_done(self.training(arm, s), frozenset((place,)), self.out))

    def rows(self, arm: Arm, seed: int, place: str) -> list[dict[str, Any]]:
        training = self.training(arm, seed)
        key = (training.key, place)
        if key not in self._rows:
            self._rows[key] = read_rows(training, place, self.out)
        return self._rows[key]

    def history(self, arm: Arm, seed: int) -> list[dict[str, Any]]:
        return read_history(self.training(arm, seed), self.out)


def by_talker(rows: Sequence[Row], metric: Metric) -> tuple[tuple[str, ...], Floats]:
    """Talkers in order and a metric's parts summed over the clips of each: (T, K)."""
    if metric.parts is None:
        raise EvaluationError(f"metric {metric.key!r} does not add up over clips")
    parts, owners = metric.parts(rows), np.array([str(row["speaker"]) for row in rows])
    talkers = tuple(sorted(set(owners.tolist())))
    return talkers, np.stack([parts[owners == talker].sum(0) for talker in talkers])


def estimate(
    runs: Runs, metric: Metric, place: str, seeds: Sequence[int], first: Arm, second: Arm | None = None,
    of: str = "mean",
) -> Estimate:  # fmt: skip
    """An arm's score with its interval, or the paired difference of two arms.

    Raises EvaluationError where the two were not measured on the same clips.
    """
    arms = [first] if second is None else [first, second]
    found = [[runs.rows(arm, seed, place) for seed in seeds] for arm in arms]
    if len({tuple(row["id"] for row in rows) for each in found for rows in each}) != 1:
        names = " and ".join(repr(arm.name) for arm in arms)
        raise EvaluationError(f"{names}: were not measured on the same clips ({place}), so they cannot be paired")
    if metric.of_run is not None:
        values = [
            np.array([metric.of_run(rows, runs.history(arm, seed)) for rows, seed in zip(each, seeds, strict=True)])
            for arm, each in zip(arms, found, strict=True)
        ]
        return over_seeds(values[0], values[1] if second else None, of)
    parts = [np.stack([by_talker(rows, metric)[1] for rows in each]) for each in found]
    assert metric.value is not None
    return crossed(parts[0], parts[1] if second else None, metric.value, of)


def assess(claim: Claim, seeds: Sequence[int], budget: Budget, out: Path | None = None) -> dict[str, Any]:
    """A claim's result: its arms' scores, its differences, and its verdict, from the runs that are there."""
    runs = Runs(seeds, budget, out)
    contrasts = [_contrast(claim, contrast, runs) for contrast in claim.contrasts]
    arms = [_arm(claim, arm, runs) for arm in claim.arms]
    used = sorted({seed for arm in arms for seed in arm["seeds"]})
    config = {"claim": claim.name, "arms": [_settings(arm, runs) for arm in claim.arms]}
    stamp = provenance(config, min(used, default=0))
    result = {
        "name": claim.name,
        "recipe": claim.recipe,
        "title": claim.title,
        "says": claim.says,
        "mark": claim.mark,
        "ran": claim.ran,
        "verdict": together(c["verdict"] for c in contrasts if c["counts"]),
        "rule": RULE,
        "contrasts": contrasts,
        "arms": arms,
        "examples": _examples(claim, runs),
        "seeds": used,
        "settings": _settings(claim.arms[0], runs),
        "command": f"emolab bench claims {claim.name} --seeds {len(seeds)}",
        "config_hash": stamp["config_hash"],
        "versions": stamp["versions"],
        "base": _base(claim, runs),
    }
    result["digest"] = digest_of(result)
    return result


def _base(claim: Claim, runs: Runs) -> str | None:
    """Fingerprint of the model that every training of a claim began from; None where nothing was trained.

    Raises EvaluationError where they began from several models.
    """
    folders = {folder_of(runs.training(arm, s), runs.out) for arm in claim.arms for s in runs.seeds}
    notes = [folder / BASE_NOTE for folder in folders if (folder / BASE_NOTE).is_file()]
    found = {json.loads(note.read_text(encoding="utf-8"))["fingerprint"] for note in notes}
    if len(found) > 1:
        raise EvaluationError(f"claim {claim.name!r}: its trainings began from {len(found)} different models")
    return next(iter(found), None)


def of_shipped_model(claim: Mapping[str, Any]) -> bool:
    """Whether a saved result was run with the weights that ship now. Results without a fingerprint are older."""
    shipped = json.loads((TAUGHT_FOLDER / BASE_NOTE).read_text(encoding="utf-8"))["fingerprint"]
    return bool(claim.get("base") == shipped)


def _settings(arm: Arm, runs: Runs) -> dict[str, Any]:
    values = runs.training(arm, 0).values
    return {name: value for name, value in values.items() if name != "seed"}


def _contrast(claim: Claim, contrast: Contrast, runs: Runs) -> dict[str, Any]:
    metric, first = METRICS[contrast.metric], claim.arm(contrast.first)
    second = claim.arm(contrast.second) if contrast.second else None
    other = runs.done(second or first, contrast.place)
    seeds = [s for s in runs.done(first, contrast.place) if s in other]
    result: dict[str, Any] = {
        "first": contrast.first,
        "second": contrast.second,
        "metric": contrast.metric,
        "title": title_of(contrast.metric, contrast.place) + (", spread over seeds" if contrast.of == "spread" else ""),
        "place": contrast.place,
        "of": contrast.of,
        "sign": contrast.sign,
        "counts": contrast.count,
        "no_worse": contrast.no_worse,
        "margin": metric.margin,
        "seeds": seeds,
    }
    if len(seeds) < 2:
        return result | {"difference": None, "ci": None, "by_seed": [], "verdict": together(())}
    found = estimate(runs, metric, contrast.place, seeds, first, second, contrast.of)
    decided = verdict(found.low, found.high, contrast.sign, metric.margin, len(seeds), contrast.no_worse)
    return result | _numbers(found, "difference") | {"verdict": decided}


def _arm(claim: Claim, arm: Arm, runs: Runs) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    seeds: set[int] = set()
    for key, place in claim.columns_of(arm):
        if not (done := runs.done(arm, place)):
            continue
        found = estimate(runs, METRICS[key], place, done, arm)
        if not np.isnan(found.value):
            numbers = _numbers(found, "mean")
            if METRICS[key].percent and numbers["ci"]:  # a share cannot leave 0 to 1, whatever t says
                numbers["ci"] = [max(0.0, numbers["ci"][0]), min(1.0, numbers["ci"][1])]
            scores[f"{key}@{place}"] = numbers | {"seeds": list(done)}
            seeds |= set(done)
    trainings = [runs.training(arm, seed) for seed in sorted(seeds)]
    return {
        "name": arm.name,
        "stage": arm.stage,
        "changes": dict(arm.changes),
        "seeds": sorted(seeds),
        "runs": [f"{t.recipe}/{t.stage}-{t.key}" for t in trainings],
        "scores": scores,
        "answers": _answers(_rows_of(arm, claim, runs)),
        "named": _named(_rows_of(arm, claim, runs)) if "beyond_habit" in dict(claim.columns) else None,
    }


def _rows_of(arm: Arm, claim: Claim, runs: Runs) -> dict[int, list[dict[str, Any]]]:
    """An arm's rows by seed at the first place where it was measured."""
    for place in dict.fromkeys(place for _, place in claim.columns_of(arm)):
        if done := runs.done(arm, place):
            return {seed: runs.rows(arm, seed, place) for seed in done}
    return {}


def _examples(claim: Claim, runs: Runs) -> list[dict[str, Any]]:
    """What every arm of the first seed says of a few clips: the first of different labels."""
    first: dict[str, dict[str, Any]] = {}
    for arm in claim.arms:
        rows = _rows_of(arm, claim, runs)
        for row in rows[min(rows)] if rows else ():
            said = first.setdefault(row["id"], {"id": row["id"], "gold": row["gold"], "said": {}})
            said["said"][arm.name] = row["text"]
    by_gold = {str(example["gold"]): example for example in reversed(first.values())}
    return sorted(by_gold.values(), key=lambda example: str(example["id"]))[:EXAMPLES]


def _answers(rows: Mapping[int, Sequence[Row]]) -> dict[str, dict[str, int]] | None:
    """How often each label was answered with which, over all seeds; None where answers are no labels."""
    counts: dict[str, Counter[str]] = {}
    for row in (row for each in rows.values() for row in each):
        if row["gold"] not in EMOTIONS or row["predicted"] not in (*EMOTIONS, None):
            return None
        counts.setdefault(row["gold"], Counter())[row["predicted"] or "no label"] += 1
    return {gold: dict(counts[gold].most_common()) for gold in EMOTIONS if gold in counts} or None


def _named(rows: Mapping[int, Sequence[Row]]) -> dict[str, dict[str, int]]:
    """Over clips whose emotion one modality carries alone: which modalities their rationales name, how often."""
    from emolab.attribution.stated import stated_modalities

    counts: dict[str, Counter[str]] = {}
    for row in (row for each in rows.values() for row in each):
        if len(row.get("carriers") or ()) == 1:
            named = "+".join(sorted(stated_modalities(row["text"]))) or "nothing"
            counts.setdefault(row["carriers"][0], Counter())[named] += 1
    return {carrier: dict(found.most_common()) for carrier, found in sorted(counts.items())}


def _numbers(found: Estimate, name: str) -> dict[str, Any]:
    known = not np.isnan(found.low)
    return {
        name: round(found.value, 5),
        "ci": [round(found.low, 5), round(found.high, 5)] if known else None,
        "by_seed": [round(value, 5) for value in found.by_seed],
    }


def title_of(metric: str, place: str) -> str:
    """A column's heading."""
    where = {"home": "", "elsewhere": ", other domain", "val": ", validation"}[place]
    return METRICS[metric].title + where


def digest_of(result: Mapping[str, Any]) -> str:
    """What a reading was written for: the verdict and every difference, to a thousandth."""
    told = [(c["first"], c["second"], c["title"], c["difference"] and round(c["difference"], 3), c["verdict"])
            for c in result["contrasts"]]  # fmt: skip
    return hashlib.sha256(json.dumps([result["verdict"], told]).encode()).hexdigest()[:8]


def write_claim(result: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Write a result as `folder/NAME.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['name']}.json"
    text = json.dumps(result, indent=1, ensure_ascii=False)
    for pattern in (r"\[[^\[\]{}]*\]", r"\{[^\[\]{}]*\}"):  # what holds only numbers and words goes on one line
        text = re.sub(pattern, lambda found: re.sub(r"\n\s*", " ", found[0]), text)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def load_claims(recipe: str | None = None, folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """The saved results of the ledger by name, all or those of one recipe ("emo-rl"), each as `assess` returns it, with
    its `reading` (None where none was written for these figures).

    Raises EvaluationError, with the command that makes them, where there are none.

    Example: `load_claims("emo-rl")["emo-rl-eswr"]["verdict"]`.
    """
    import tomllib

    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    found = [claim for claim in found if recipe in (None, claim["recipe"])]
    if not found:
        raise EvaluationError(f"{folder}: no results of {recipe or 'any recipe'}; make them with: emolab bench claims")
    notes = folder / READINGS
    readings = tomllib.loads(notes.read_text(encoding="utf-8")) if notes.is_file() else {}
    for claim in found:
        note = readings.get(claim["name"], {})
        claim["reading"] = note.get("text", "").strip() if note.get("digest") == claim["digest"] else None
    return {claim["name"]: claim for claim in found}


def claim_table(claim: Mapping[str, Any]) -> pd.DataFrame:
    """Arms by metrics as text, "mean [low, high]", for a notebook."""
    import pandas as pd

    rows = {arm["name"]: {heading(key): shown(key, score) for key, score in arm["scores"].items()}
            for arm in claim["arms"]}  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").fillna("")


def difference_table(claim: Mapping[str, Any]) -> pd.DataFrame:
    """A claim's differences, one a row: which, how large with its interval, on which side it was claimed, verdict."""
    import pandas as pd

    rows = [
        {
            "difference": difference_name(c),
            "metric": c["title"],
            "claimed": _claimed(c),
            "found": shown(f"{c['metric']}@{c['place']}", c, "difference"),
            "verdict": c["verdict"],
        }
        for c in claim["contrasts"]
    ]
    return pd.DataFrame(rows)


def difference_name(contrast: Mapping[str, Any]) -> str:
    """What is taken from what: "first − second", or the one arm that is compared with 0."""
    return f"{contrast['first']} − {contrast['second']}" if contrast["second"] else str(contrast["first"])


def _claimed(contrast: Mapping[str, Any]) -> str:
    limit = contrast["margin"] if contrast["no_worse"] else 0.0
    shown_limit = METRICS[contrast["metric"]].show(limit) if limit else "0"
    return f"> {'−' if limit else ''}{shown_limit}" if contrast["sign"] > 0 else f"< {shown_limit}"


def heading(column: str) -> str:
    """The heading of a column called "metric@place"."""
    return title_of(*column.split("@"))


def shown(column: str, score: Mapping[str, Any], name: str = "mean") -> str:
    """A score or a difference with its interval, as text; a dash where there is none."""
    metric = METRICS[column.split("@")[0]]
    if score[name] is None:
        return "–"
    if score["ci"] is None:
        return metric.show(score[name])
    low, high = (metric.show(value) for value in score["ci"])
    return f"{metric.show(score[name])} [{low}, {high}]"
