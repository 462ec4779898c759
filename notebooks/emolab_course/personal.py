"""Adapt to one voice: a classifier over the model's frozen tower, from about twenty labelled recordings of a speaker.

A model that was trained on other voices takes a speaker's habits for feelings. A few recordings of the speaker tell
what is usual for this voice: features are standardised over them, and a strongly regularised logistic regression reads
the emotion. The features are the mean and the deviation over time of the tower's embeddings, and the prosodic features
of `emolab.prosody`; both groups weigh the same. This takes seconds on a laptop, and changes no weight of the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emolab.errors import EvaluationError
from emolab.media import audio_of
from emolab.prompts import get_prompt
from emolab.prosody import FEATURES, prosody_features

if TYPE_CHECKING:
    from emolab.lalm import LALM
    from emolab.samples import EmotionSample

STRENGTH = 0.001
"""Inverse regularisation. Chosen on the development voices of `data_scripts/people.py`, as was the equal weighting."""
FEWEST = 2  # recordings of a label, so that leaving one out leaves one
_SCALE = 30.0  # variance of each group of features after standardising
_BATCH = 16


@dataclass(frozen=True)
class PersonalModel:
    """A classifier for one speaker. `labels` are those of the recordings; `checked` is the unweighted accuracy that it
    reaches on its own recordings when each is left out in turn, and `chance` is one over the number of labels."""

    lalm: LALM
    labels: tuple[str, ...]
    checked: float
    centre: np.ndarray
    scale: np.ndarray
    classifier: Any

    @property
    def chance(self) -> float:
        """Unweighted accuracy of a guess."""
        return 1 / len(self.labels)

    def scores(self, samples: Sequence[EmotionSample]) -> list[dict[str, float]]:
        """Probability of each label, one mapping per sample."""
        inputs = (personal_features(self.lalm, samples) - self.centre) * self.scale
        found = self.classifier.predict_proba(inputs)
        return [dict(zip(self.classifier.classes_.tolist(), row.tolist(), strict=True)) for row in found]

    def predict(self, samples: Sequence[EmotionSample]) -> list[str]:
        """The most probable label of each sample."""
        return [max(row, key=lambda label: row[label]) for row in self.scores(samples)]


def personal_features(lalm: LALM, samples: Sequence[EmotionSample]) -> np.ndarray:
    """Features (n, 2·D + 37) of samples with a voice: the tower's mean and deviation over time, then prosody."""
    rows, prompt = [], get_prompt("voice")
    for start in range(0, len(samples), _BATCH):
        part = list(samples[start : start + _BATCH])
        batch = lalm.encode(part, prompt)
        for i, sample in enumerate(part):
            tokens = batch.embeds[i, batch.positions_of(i, "audio")].detach().float().cpu().numpy()
            prosody, _ = prosody_features(audio_of(sample))
            rows.append(np.concatenate([tokens.mean(0), tokens.std(0), prosody]))
    return np.stack(rows)


def adapt(lalm: LALM, recordings: Sequence[EmotionSample], strength: float = STRENGTH) -> PersonalModel:
    """Fit a classifier to labelled recordings of one speaker.

    Four recordings of each of five emotions are a good start. Raises EvaluationError for recordings without a label,
    for fewer than two labels, or for a label with a single recording.
    """
    gold = [sample.emotion for sample in recordings]
    counts = Counter(label for label in gold if label is not None)
    if None in gold:
        raise EvaluationError(f"{recordings[gold.index(None)].id}: has no emotion; label every recording of the voice")
    few = sorted(label for label, n in counts.items() if n < FEWEST)
    if len(counts) < 2 or few:
        raise EvaluationError(
            f"recordings per label: {dict(counts)}; two labels or more are needed, and {FEWEST} recordings of each"
        )
    features, labels = personal_features(lalm, recordings), np.array(gold)
    left_out = []
    for i in range(len(features)):
        kept = np.arange(len(features)) != i
        centre, scale, classifier = _fitted(features[kept], labels[kept], strength)
        left_out.append(classifier.predict((features[i : i + 1] - centre) * scale)[0] == labels[i])
    recalls = [np.mean([ok for ok, label in zip(left_out, gold, strict=True) if label == name]) for name in counts]
    return PersonalModel(lalm, tuple(sorted(counts)), float(np.mean(recalls)), *_fitted(features, labels, strength))


def _fitted(features: np.ndarray, labels: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray, Any]:
    """Centre and scale of the features, and the classifier over the scaled ones."""
    from sklearn.linear_model import LogisticRegression

    centre, spread = features.mean(0), features.std(0)
    towers, prosody = features.shape[1] - len(FEATURES), len(FEATURES)
    share = np.sqrt(_SCALE / np.repeat([towers, prosody], [towers, prosody]))
    scale = share / np.where(spread > 1e-6, spread, np.inf)
    classifier = LogisticRegression(C=strength, max_iter=2000, class_weight="balanced")
    return centre, scale, classifier.fit((features - centre) * scale, labels)
