"""Is an attribution right? Scores of the methods on a corpus that states which modality carries each emotion.

*Recovery* and AUC ask whether a method gives the carrier the largest value. *Conflict* asks whether, where modalities
disagree, it follows the one that shows the predicted emotion. Intervals are 95% and draw whole speakers. The larger
suite with costlier checks is `emolab bench truth`.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab.errors import AttributionError
from emolab.metrics.bootstrap import interval, mean_interval
from emolab.samples import MODALITIES
from emolab_course.measure import Measured, method_values
from emolab_course.methods import UNITLESS

Floats = NDArray[np.float64]
Row = dict[str, Any]
Truth = Mapping[str, Mapping[str, Any]]


def share_interval(hits: Floats, groups: Sequence[Hashable], n: int = 1000, seed: int = 0) -> list[float]:
    """95% interval of the share of hits (N,), which are 0 or 1.

    It is the bootstrap over groups. Where all samples hit, or none, every draw is the same; there it is the exact
    binomial interval over samples (Clopper & Pearson 1934).

    >>> [round(x, 2) for x in share_interval(np.ones(10), ["a"] * 10)]
    [0.69, 1.0]
    """
    if np.ptp(hits) > 0:
        return mean_interval(hits, groups, n, seed)
    from scipy.stats import binomtest

    exact = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="exact")
    return [float(exact.low), float(exact.high)]


@dataclass(frozen=True)
class Column:
    """A column of the table: its key in a row (the interval is `key_ci`), its heading, and what it should be."""

    key: str
    title: str
    wanted: str
    target: float | None = None


COLUMNS = (
    Column("recovery", "carrier named", "1: of the samples answered right, whose emotion lies in one modality", 1.0),
    Column("auc", "AUC", "1: carriers get more than other modalities", 1.0),
    Column("conflict", "follows the answer's source", "1: where modalities disagree", 1.0),
    Column("noise", "voice's share per 10 dB of noise", "negative", 0.0),
    Column("sanity", "left with shuffled weights", "0: rank correlation of the attributions, before and after", 0.0),
    Column("faithfulness", "deletion against random", "positive: without a quarter of the parts", 0.0),
    Column("efficiency", "not shared out", "0: mean |Σφ − (v(all) − v(none))|", 0.0),
    Column(
        "hallucination", "stated, not measured", "0: share of the stated modalities that add no more than a null", 0.0
    ),
    Column("agreement", "rationale names the largest", "1: share of the rationales", 1.0),
)


def method_rows(
    measured: Measured, shown: Sequence[str], truth: Truth | None, n_boot: int = 1000, seed: int = 0
) -> list[Row]:
    """One row for each method with recovery, AUC, conflict and efficiency.

    Only modalities that the model is `shown` count: the others are dummies, and would flatter every method. `truth`
    (`emolab_synth.corpus.read_truth`) says what each modality shows; without it there is no conflict score.
    """
    carriers = [s.extra["carriers"] for s in measured.samples]
    speakers = [s.speaker for s in measured.samples]
    misled = np.array([bool(s.extra.get("distractors")) for s in measured.samples])
    contested = [i for i in np.flatnonzero(misled) if truth and measured.samples[i].id in truth]
    columns = [MODALITIES.index(m) for m in shown]
    rows = []
    for name, every in method_values(measured, seed).items():
        values = every[:, columns]
        row = {"name": name, **recovery(values, carriers, speakers, measured.right, misled, shown, n_boot, seed)}
        if truth and contested:
            emotions = [dict(truth[measured.samples[i].id]["shown"]) for i in contested]
            own, owners = [measured.own[i] for i in contested], [speakers[i] for i in contested]
            found = conflict(values[contested], own, emotions, owners, shown, n_boot, seed)
            names = {"conflict": "follows", "conflict_positive": "positive"}
            row |= {f"{k}{ci}": found[f"{v}{ci}"] for k, v in names.items() for ci in ("", "_ci")}
            row["conflict_n"] = found["n"]
        rows.append(row | _efficiency(name, every, measured, n_boot))
    return rows


def _efficiency(name: str, values: Floats, measured: Measured, n_boot: int) -> Row:
    if name.split(",")[0] in UNITLESS:
        return {"efficiency": None, "efficiency_ci": None}
    masker = name.split(", ")[-1]
    table = measured.table(masker if masker in measured.tables else measured.first)
    gap = np.abs(values.sum(1) - (table[:, -1] - table[:, 0]))
    owners = [s.speaker for s in measured.samples]
    return {"efficiency": float(gap.mean()), "efficiency_ci": mean_interval(gap, owners, n_boot)}


def auc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve, ties counted half; NaN without both classes (the Mann–Whitney form)."""
    from scipy.stats import rankdata

    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def recovery(
    values: Floats,
    carriers: Sequence[Collection[str]],
    groups: Sequence[Hashable],
    right: NDArray[np.bool_] | None = None,
    contested: NDArray[np.bool_] | None = None,
    modalities: Sequence[str] = MODALITIES,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Does the method name the modality that carries the emotion?

    `values` (N, M) has a value for each sample and modality, `carriers` the modalities that carry each emotion. Only
    samples that the model answers `right` count, because a wrong answer need not come from the carrier. `recovery` is
    the share of samples with one carrier, and with no other modality that misleads (`contested`), whose carrier has
    the largest value; a tie is a failure. `auc` compares carriers with other modalities in all samples that have both,
    after centring the values of each sample. Both are None where the model answers nothing right. Raises
    AttributionError if no sample has exactly one carrier.
    """
    truth = np.array([[m in c for m in modalities] for c in carriers])
    usable = np.ones(len(truth), bool) if right is None else np.asarray(right, bool)
    alone = (truth.sum(1) == 1) & (True if contested is None else ~np.asarray(contested, bool))
    if not alone.any():
        raise AttributionError("recovery needs samples with exactly one carrying modality; there are none")
    single = np.flatnonzero(alone & usable)
    some = np.flatnonzero(truth.any(1) & ~truth.all(1) & usable)
    best = values == values.max(1, keepdims=True)
    hit = ((best & truth).any(1) & (best.sum(1) == 1)).astype(float)
    centred = values - values.mean(1, keepdims=True)

    def area(index: NDArray[np.int_]) -> float:
        return auc(centred[some][index].ravel(), truth[some][index].ravel())

    owners, all_owners = [groups[int(i)] for i in single], [groups[int(i)] for i in some]
    return {
        "recovery": float(hit[single].mean()) if len(single) else None,
        "n": len(single),
        "recovery_ci": share_interval(hit[single], owners, n_boot, seed) if len(single) else None,
        "auc": area(np.arange(len(some))) if len(some) else None,
        "auc_ci": interval(area, all_owners, max(1, n_boot // 4), seed) if len(some) else None,
        "by_modality": {
            m: {
                "recovery": float(hit[mine].mean()),
                "recovery_ci": share_interval(hit[mine], [groups[int(i)] for i in mine], n_boot, seed),
                "n": len(mine),
            }
            for j, m in enumerate(modalities)
            if len(mine := single[truth[single, j]])
        },
    }


def conflict(
    values: Floats,
    predicted: Sequence[str],
    shown: Sequence[dict[str, str]],
    groups: Sequence[Hashable],
    modalities: Sequence[str] = MODALITIES,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Where modalities disagree: does the one that shows the *predicted* emotion get more, and a positive value?

    `values` (N, M) are attributions of the predicted label, and `shown[i]` says which emotion each modality of sample i
    shows. `unexplained` counts the samples whose prediction no modality shows, or all of them show.
    """
    follows, signs, used = [], [], []
    for i, (label, emotions) in enumerate(zip(predicted, shown, strict=True)):
        sources = [j for j, m in enumerate(modalities) if emotions.get(m) == label]
        others = [j for j, m in enumerate(modalities) if m in emotions and emotions[m] not in (label, "neutral")]
        if sources and others:
            follows.append(float(values[i, sources].max() > values[i, others].max()))
            signs.append(float(values[i, sources].max() > 0))
            used.append(i)
    if not used:
        empty = dict.fromkeys(("follows", "follows_ci", "positive", "positive_ci"))
        return empty | {"n": 0, "unexplained": len(predicted)}
    owners = [groups[i] for i in used]
    return {
        "follows": float(np.mean(follows)),
        "follows_ci": share_interval(np.array(follows), owners, n_boot, seed),
        "positive": float(np.mean(signs)),
        "positive_ci": share_interval(np.array(signs), owners, n_boot, seed),
        "n": len(used),
        "unexplained": len(predicted) - len(used),
    }
