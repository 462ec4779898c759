"""The classical baseline: prosodic features of the waveform and logistic regression, so that nobody mistakes what is
easy for what is learned.

It never sees words or faces, and no test speaker or sentence. Its limits: averages over a clip know nothing of order,
a clip's absolute pitch and level confuse the speaker with the emotion (`normalise="speaker"` takes that away, but
needs other clips of the test speaker, which a single file does not have), and a linear model cannot use one cue only
in the light of another.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emolab.emotions import LabelSet, label_set
from emolab.errors import EvaluationError
from emolab.evaluate import apply_control, gold_labels, provenance, summarise, usable_samples
from emolab.prompts import PROMPTS
from emolab.prosody import FEATURES, feature_table
from emolab.samples import Corpus, EmotionSample, resolve

if TYPE_CHECKING:
    import pandas as pd

NORMALISATIONS = ("none", "speaker")
HEARS = PROMPTS["direct"].using("audio")


def feature_frame(corpus: Corpus, progress: bool = False) -> pd.DataFrame:
    """The prosodic features of a corpus as a table: a column a feature, and each sample's emotion and speaker."""
    import pandas as pd

    samples = [resolve(sample, corpus.root) for sample in corpus]
    frame = pd.DataFrame(feature_table(samples, progress), columns=list(FEATURES))
    return frame.assign(emotion=[s.emotion for s in samples], speaker=[s.speaker for s in samples])


def per_speaker(features: NDArray[np.float64], speakers: Sequence[str | None]) -> NDArray[np.float64]:
    """Features (N, K) less their speaker's mean, over the speaker's spread. Unknown speakers share one group."""
    out = np.empty_like(features)
    names = np.array([s or "" for s in speakers])
    for name in np.unique(names):
        own = names == name
        spread = features[own].std(0)
        out[own] = (features[own] - features[own].mean(0)) / np.where(spread > 1e-6, spread, 1.0)
    return out


def _check_talkers(fit_on: Sequence[EmotionSample], usable: Sequence[EmotionSample]) -> None:
    if shared := {s.speaker for s in fit_on} & {s.speaker for s in usable} - {None}:
        raise EvaluationError(
            f"speakers {', '.join(sorted(map(str, shared))[:3])} are in both training and test set; split by speaker"
        )


def classical_baseline(
    train: Corpus,
    test: Corpus,
    seed: int = 0,
    normalise: str = "none",
    control: str | None = None,
    n_boot: int = 1000,
    labels: LabelSet | Sequence[str] | str | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Fit on `train`, score on `test`; speakers of the test set that occur in the training set are an error.

    `labels` are by default the training set's; gold labels of another set go through the map between the two. Returns a
    result like `emolab.evaluate.evaluate`; `control` takes the evidence from the test clips as there.
    `info["weights"]` holds the features that weigh most for each emotion. Raises EvaluationError for shared speakers,
    an unknown normalisation or too few labels.
    """
    if normalise not in NORMALISATIONS:
        raise EvaluationError(f"unknown normalisation {normalise!r}; choose from {', '.join(NORMALISATIONS)}")
    started = time.perf_counter()
    known = label_set(labels or train.labels)
    (fit_on, _), (usable, report) = (usable_samples(c, known, HEARS) for c in (train, test))
    _check_talkers(fit_on, usable)
    score_on = apply_control(usable, control, seed)
    tables = [feature_table(samples, progress) for samples in (fit_on, score_on)]
    if normalise == "speaker":
        tables = [
            per_speaker(t, [s.speaker for s in samples]) for t, samples in zip(tables, (fit_on, score_on), strict=True)
        ]
    gold_of_train, gold_of_test = (gold_labels(c, known) for c in (train, test))
    target = [str(gold_of_train(s)[0]) for s in fit_on]
    if len(set(target)) < 2:
        raise EvaluationError(
            f"{train.root}: the training set holds {len(set(target))} known labels; a classifier needs at least two"
        )
    model = _fit(tables[0], target, seed)
    classes = [str(c) for c in model[-1].classes_]
    rows = _rows(score_on, [gold_of_test(s)[0] for s in usable], model.predict_proba(tables[1]), classes)
    result = summarise(rows, seed, time.perf_counter() - started, n_boot, known)
    config: dict[str, Any] = {"model": "prosody + logistic regression", "train": train.name, "corpus": test.name}
    config |= {"normalise": normalise, "control": control, "labels": list(known)}
    info = config | {"trained_on": len(fit_on), "skipped": report.summary(), "provenance": provenance(config, seed)}
    info["weights"] = _strongest(model[-1].coef_, classes, FEATURES)
    return result | {"rows": rows, "info": info}


def _fit(features: NDArray[np.float64], target: Sequence[str], seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    linear = LogisticRegression(C=0.3, max_iter=2000, class_weight="balanced", random_state=seed)
    return make_pipeline(StandardScaler(), linear).fit(features, target)


def _rows(
    samples: Sequence[EmotionSample], gold: Sequence[str | None], posterior: NDArray[np.float64], classes: Sequence[str]
) -> list[dict[str, Any]]:
    return [
        {
            "id": s.id,
            "speaker": s.speaker,
            "gold": label,
            "predicted": classes[p.argmax()],
            "posterior": dict(zip(classes, np.log(p + 1e-12).tolist(), strict=True)),
        }
        for s, label, p in zip(samples, gold, posterior, strict=True)
    ]


def _strongest(
    weights: NDArray[np.float64], classes: Sequence[str], names: Sequence[str], n: int = 4
) -> dict[str, dict[str, float]]:
    if len(weights) == 1:
        weights = np.concatenate([-weights, weights])
    return {
        c: {names[i]: round(float(w[i]), 3) for i in np.argsort(-np.abs(w))[:n]}
        for c, w in zip(classes, weights, strict=True)
    }
