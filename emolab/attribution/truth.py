"""Scores of an attribution method where the truth is known: recovery, conflict, noise, sanity, and what the rationale
claims.

Pure statistics over arrays; `emolab.attribution.validate` runs the models. Intervals are 95% bootstrap intervals that
draw whole speakers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab.errors import AttributionError
from emolab.samples import MODALITIES

Floats = NDArray[np.float64]


def bootstrap(
    statistic: Callable[[NDArray[np.int_]], float], groups: Sequence[Hashable], n: int = 1000, seed: int = 0
) -> list[float]:
    """95% interval of a statistic of sample indices, drawing whole groups with replacement; draws that give NaN are
    left out.
    """
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group if group is not None else ("sample", i), []).append(i)
    units = [np.array(m) for m in members.values()]
    rng = np.random.default_rng(seed)
    values = np.array(
        [statistic(np.concatenate([units[u] for u in rng.integers(len(units), size=len(units))])) for _ in range(n)]
    )
    values = values[~np.isnan(values)]
    return np.quantile(values, [0.025, 0.975]).tolist() if len(values) else [float("nan")] * 2


def mean_interval(values: Floats, groups: Sequence[Hashable] | None = None, n: int = 500, seed: int = 0) -> list[float]:
    """95% bootstrap interval of the mean of values (N,): independent ones, or drawing whole `groups`."""
    if groups is not None:
        return bootstrap(lambda i: float(values[i].mean()), groups, n, seed)
    draws = np.random.default_rng(seed).integers(len(values), size=(n, len(values)))
    found: list[float] = np.quantile(values[draws].mean(1), [0.025, 0.975]).tolist()
    return found


def share_interval(hits: Floats, groups: Sequence[Hashable], n: int = 1000, seed: int = 0) -> list[float]:
    """95% interval of the share of hits (N,), 0 or 1: the bootstrap over groups, or where all hit, or none, and every
    draw is the same, the exact binomial one over samples (Clopper & Pearson 1934).

    >>> [round(x, 2) for x in share_interval(np.ones(10), ["a"] * 10)]
    [0.69, 1.0]
    """
    if np.ptp(hits) > 0:
        return mean_interval(hits, groups, n, seed)
    from scipy.stats import binomtest

    exact = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="exact")
    return [float(exact.low), float(exact.high)]


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

    `values` (N, M) per sample and modality; `carriers` the modalities that carry the emotion; only samples that the
    model answers `right` count, since a wrong answer need not come from the carrier. `recovery`: share of the samples
    with one carrier, and no other modality that misleads (`contested`), whose carrier has the largest value; ties are
    failures. `auc`: carrier against non-carrier in all samples that have both, values centred within their sample.
    None where the model answers none right. Raises AttributionError if no sample has exactly one carrier.
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
        "auc_ci": bootstrap(area, all_owners, max(1, n_boot // 4), seed) if len(some) else None,
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

    `values` (N, M) are attributions of the predicted label; `shown[i]` says which emotion each modality of sample i
    shows. Samples whose prediction nobody shows, or all show, are counted in `unexplained`.
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


def structure_left(
    values: Floats,
    randomised: Floats,
    groups: Sequence[Hashable] | None = None,
    n_boot: int = 500,
    seed: int = 0,
) -> dict[str, Any]:
    """Sanity (Adebayo et al. 2018): do attributions (N, M) keep their order over samples when the weights are
    randomised?

    `rank_correlation` is Spearman's, over samples, averaged over the modalities that vary (so that a modality which
    always gets more does not count as structure); near 0 is right. A method that keeps its picture explains the input,
    not the model. `same_top` is the share of samples that keep their largest modality. Both with 95% intervals that
    draw whole `groups`.
    """
    from scipy.stats import rankdata

    varies = [j for j in range(values.shape[1]) if min(np.ptp(values[:, j]), np.ptp(randomised[:, j])) > 1e-9]

    def correlation(index: NDArray[np.int_]) -> float:
        ranks = [(rankdata(values[index, j]), rankdata(randomised[index, j])) for j in varies]
        if not ranks or any(min(np.ptp(a), np.ptp(b)) == 0 for a, b in ranks):
            return float("nan") if ranks else 0.0
        return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in ranks]))

    same = (values.argmax(1) == randomised.argmax(1)).astype(float)
    owners = list(range(len(values))) if groups is None else groups
    return {
        "rank_correlation": correlation(np.arange(len(values))),
        "rank_correlation_ci": bootstrap(correlation, owners, n_boot, seed),
        "same_top": float(same.mean()),
        "same_top_ci": mean_interval(same, owners, n_boot, seed),
    }


def slope_of_share(shares: Floats, levels: Sequence[float]) -> Floats:
    """Least-squares slope (N,) of shares (N, levels) over the `levels` of noise: negative where a share falls."""
    x = np.array(levels, float) - np.mean(levels)
    slopes: Floats = (shares - shares.mean(1, keepdims=True)) @ x / (x @ x)
    return slopes
