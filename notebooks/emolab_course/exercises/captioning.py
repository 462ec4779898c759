"""The exercises of notebook 08: captions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, Mistake

Floats = NDArray[np.float64]


def _cosine(a: Floats, b: Floats) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def _profile(text: Floats, anchors: Floats) -> Floats:
    return np.array([_cosine(text, anchor) for anchor in anchors])


def _consistency(generated: Floats, reference: Floats, anchors: Floats) -> float:
    mean = anchors.mean(axis=0)
    return _uncentred(generated - mean, reference - mean, anchors - mean)


def _embeddings(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Small unit vectors around a direction that all of them share, as text embeddings are."""
    shared = np.array([3.0, 0.0, 0.0, 0.0])
    for size in (3, 4, 4, 4, 4):
        vectors = (shared + rng.normal(size=(size + 2, 4))).round(2)
        yield vectors[0], vectors[1], vectors[2:]


def _uncentred(generated: Floats, reference: Floats, anchors: Floats) -> float:
    return _cosine(_profile(generated, anchors), _profile(reference, anchors))


def _anchors_only(generated: Floats, reference: Floats, anchors: Floats) -> float:
    return _uncentred(generated, reference, anchors - anchors.mean(axis=0))


def _without_anchors(generated: Floats, reference: Floats, anchors: Floats) -> float:
    return _cosine(generated, reference)


def _each_its_own(generated: Floats, reference: Floats, anchors: Floats) -> float:
    return _uncentred(generated - generated.mean(), reference - reference.mean(), anchors - anchors.mean(1)[:, None])


def _products(generated: Floats, reference: Floats, anchors: Floats) -> float:
    mean = anchors.mean(axis=0)
    return _cosine((anchors - mean) @ (generated - mean), (anchors - mean) @ (reference - mean))


EMOTION_CONSISTENCY = FunctionExercise(
    number="8.1",
    title="Centred consistency",
    kind="implement",
    stars=2,
    minutes=15,
    why=("uncentred, this reward is nearly constant: training would be paid for anything, and would not learn."),
    hints=(
        "All embeddings point in a shared direction. Which one vector says what is shared?",
        (
            "Take the mean of the anchors (axis 0) off the anchors and off both texts. Then a profile holds "
            "the cosines with the anchors."
        ),
        "Return the cosine of the two profiles; a cosine divides the product by both norms.",
    ),
    reasoning=(
        "The mean anchor is what emotions have in common as texts. With it, all cosines are positive and "
        "alike, so two profiles agree whatever was said. It must come off the texts as well: else the "
        "anchors live in one frame and the texts in another. The cosine of the profiles then compares "
        "*patterns*: near which emotions, far from which."
    ),
    reference=_consistency,
    inputs=_embeddings,
    mistakes={
        "uncentred": Mistake(_uncentred, "that is the published form; take the mean anchor off all vectors first"),
        "anchors only": Mistake(_anchors_only, "take the mean anchor off the two texts too, not off the anchors alone"),
        "without anchors": Mistake(
            _without_anchors, "compare the profiles, the cosines with each anchor, not the embeddings themselves"
        ),
        "each its own": Mistake(
            _each_its_own, "the mean to take off is one vector, the mean over anchors (axis 0), the same for all"
        ),
        "products": Mistake(_products, "a profile holds cosines: divide each product by the norms of both vectors"),
    },
)

EXERCISES = (EMOTION_CONSISTENCY,)
