"""The seven emotions, their names in the wild, and how far they lie apart. Standard library only."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

EMOTIONS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
"""The canonical seven, in the order that every table, matrix and score of the package uses."""

OTHERS = (
    "calm",
    "contemptuous",
    "excited",
    "frustrated",
    "bored",
    "anxious",
    "helpless",
    "disappointed",
    "trusting",
    "anticipating",
)
"""Emotions beyond the seven that public corpora or Plutchik's circle name."""

_FORMS = {
    "neutral": "neutrality neutrally unemotional emotionless impassive 中性 平静中性 NEU N",
    "happy": "happiness happily happier joy joyful joyous joyfully cheerful cheerfully cheerfulness glad "
    "gladly gladness delighted delight pleased merry elated elation hap 高兴 快乐 开心",
    "sad": "sadness sadly sadder saddened sorrow sorrowful unhappy unhappiness melancholy melancholic mournful "
    "grief grieving depressed dejected gloomy 悲伤 伤心 难过",
    "angry": "anger angrily angered angrier mad furious fury enraged rage irate annoyed annoyance irritated "
    "ang 生气 愤怒",
    "fearful": "fear fearfully afraid scared frightened fright terrified terror scary panicked panic fea 害怕 恐惧",
    "disgusted": "disgust disgusting disgustedly disgustful revolted revulsion repulsed repulsion dis 厌恶",
    "surprised": "surprise surprising surprisingly surprisedly astonished astonishment amazed amazement startled ps "
    "pleasant_surprise pleasant_surprised pleasantly_surprised sur 惊讶 吃惊",
    "calm": "calmness calmly calmed relaxed peaceful serene",
    "contemptuous": "contempt contemptuously scorn scornful disdain disdainful",
    "excited": "excitement excitedly exc thrilled enthusiastic enthusiasm",
    "frustrated": "frustration frustrating fru exasperated",
    "bored": "boredom boring",
    "anxious": "anxiety anxiously worried worry worrying nervous nervousness uneasy",
    "helpless": "helplessness helplessly",
    "disappointed": "disappointment disappointing disappointedly",
    "trusting": "trust trusted",
    "anticipating": "anticipation",
}
ALIASES: dict[str, str] = {
    form.lower().replace("_", " "): emotion
    for emotion, forms in _FORMS.items()
    for form in (emotion, *forms.split())
    if len(form) > 1
}
"""Every spelling that names an emotion, lower case, to that emotion: inflections, synonyms, corpus codes."""

PLUTCHIK_DEGREES: dict[str, float] = {
    "happy": 0.0,
    "trusting": 45.0,
    "fearful": 90.0,
    "surprised": 135.0,
    "sad": 180.0,
    "disgusted": 225.0,
    "angry": 270.0,
    "anticipating": 315.0,
}
"""Plutchik's circle (1980) in degrees. Neutral has no place on it."""

VAD: dict[str, tuple[float, float, float]] = {
    "neutral": (0.0, 0.0, 0.0),
    "happy": (0.76, 0.48, 0.35),
    "sad": (-0.63, -0.27, -0.33),
    "angry": (-0.51, 0.59, 0.25),
    "fearful": (-0.64, 0.60, -0.43),
    "disgusted": (-0.60, 0.35, 0.11),
    "surprised": (0.40, 0.67, -0.13),
    "excited": (0.62, 0.75, 0.38),
    "bored": (-0.65, -0.62, -0.33),
    "frustrated": (-0.64, 0.52, 0.35),
    "calm": (0.65, -0.45, 0.15),
    "contemptuous": (-0.55, 0.35, 0.45),
    "anxious": (-0.35, 0.60, -0.35),
    "helpless": (-0.65, 0.15, -0.55),
    "disappointed": (-0.60, -0.10, -0.25),
    "trusting": (0.55, -0.10, 0.15),
    "anticipating": (0.30, 0.45, 0.20),
}
"""Valence, arousal, dominance in [-1, 1]. The seven are the placements that affective computing passes on from
Russell & Mehrabian (1977, J. Res. Pers. 11), neutral being the origin by definition; the other ten are our own, for
plots and partial credit, not norms."""

_EDGES = " \t\r\n.,;:!?\"'`*_()[]{}-–—。，！？"
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_NEGATIONS = frozenset(
    {
        "not",
        "no",
        "never",
        "without",
        "hardly",
        "neither",
        "nor",
        "none",
        "cannot",
        "isn't",
        "doesn't",
        "don't",
        "wasn't",
        "aren't",
    }
)
_MAX_SENTENCE_WORDS = 16


def concept(name: str) -> str | None:
    """The emotion that a spelling names ("joy" → "happy", "Fear." → "fearful"), or None."""
    return ALIASES.get(" ".join(name.lower().strip(_EDGES).replace("_", " ").split()))


@lru_cache(maxsize=256)
def _label_forms(labels: tuple[str, ...]) -> dict[str, str]:
    forms = {}
    by_concept: dict[str, str] = {}
    for label in labels:
        meaning = concept(label)
        if meaning is not None:
            by_concept.setdefault(meaning, label)
    for form, meaning in ALIASES.items():
        if meaning in by_concept:
            forms[form] = by_concept[meaning]
    forms.update((label.lower().replace("_", " "), label) for label in labels)
    return forms


def normalise_label(text: str | None, labels: Sequence[str] = EMOTIONS) -> str | None:
    """The one of `labels` that `text` is a name of, or None. Strict: the whole text must be one name.

    Case, edge punctuation, inflections and synonyms are forgiven ("Joy." → "happy", or "joy" where that is the
    label); several names, sentences, look-alike letters and zero-width characters are not.

    >>> normalise_label("Anger!"), normalise_label("happy", ("joy", "sadness")), normalise_label("sad or angry")
    ('angry', 'joy', None)
    """
    if text is None or len(text) > 64:
        return None
    return _label_forms(tuple(labels)).get(" ".join(text.lower().strip(_EDGES).replace("_", " ").split()))


def label_in_sentence(text: str, labels: Sequence[str] = EMOTIONS) -> str | None:
    """The one of `labels` that a short sentence names ("The speaker sounds sad."), or None.

    None where it names no label or several, where it negates, and where it is longer than 16 words: an answer hidden
    in a list or an essay is not an answer.
    """
    exact = normalise_label(text, labels)
    if exact is not None or len(text) > 200:
        return exact
    words = _WORD.findall(text.lower())
    if len(words) > _MAX_SENTENCE_WORDS or any(word in _NEGATIONS for word in words):
        return None
    named = {emotion for word in words if (emotion := ALIASES.get(word)) is not None}
    named |= {label for word in words if (label := _label_forms(tuple(labels)).get(word)) is not None}
    found = {_label_forms(tuple(labels)).get(name.lower().replace("_", " ")) for name in named}
    return found.pop() if len(found) == 1 else None


SimilarityTable = Mapping[str, Mapping[str, float]]


def similarity(a: str, b: str, kind: str | SimilarityTable = "plutchik") -> float:
    """Similarity of two emotions in [0, 1]. Names may be any alias.

    `kind` is
    - "plutchik": S = (cos Δθ + 1) / 2 on Plutchik's circle, ½ where either is not on it, 1 where both are the same
      (EMO-RL, arXiv 2509.15654);
    - "published": the same read literally, so that S(neutral, neutral) = ½;
    - "vad": 1 − distance / largest distance between any two emotions of `VAD`;
    - a table such as `learned_similarity` makes.

    Raises ValueError for an unknown emotion or kind.
    """
    if not isinstance(kind, str):
        try:
            return float(kind[a][b])
        except KeyError as error:
            raise ValueError(f"the similarity table has no entry for ({a!r}, {b!r})") from error
    first, second = _known(a), _known(b)
    if kind == "vad":
        return 1.0 - math.dist(VAD[first], VAD[second]) / _largest_distance()
    if kind not in ("plutchik", "published"):
        raise ValueError(f"similarity kind {kind!r}: expected 'plutchik', 'published', 'vad' or a table")
    if first == second and kind == "plutchik":
        return 1.0
    angle, other = PLUTCHIK_DEGREES.get(first), PLUTCHIK_DEGREES.get(second)
    return 0.5 if angle is None or other is None else (math.cos(math.radians(angle - other)) + 1.0) / 2.0


def learned_similarity(confusion: Sequence[Sequence[float]], labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Similarity learned from a confusion matrix (rows gold, columns predicted, counts), as a table for `similarity`.

    Two emotions are similar if listeners or models answer alike to them: S(a, b) = Σ_k √(p_ak · p_bk), the
    Bhattacharyya coefficient of their rows, in [0, 1], symmetric, 1 on the diagonal. An emotion never seen (an empty
    row) is similar to itself only. Raises ValueError where the matrix is not square over `labels` or negative.
    """
    n = len(labels)
    if len(confusion) != n or any(len(row) != n for row in confusion):
        raise ValueError(f"a confusion matrix over {n} labels must have {n} rows of {n} counts")
    if any(not value >= 0 for row in confusion for value in row):
        raise ValueError("a confusion matrix has counts of 0 or more")
    rows = [[math.sqrt(v / total) if (total := sum(row)) else 0.0 for v in row] for row in confusion]
    return {
        a: {
            b: 1.0 if i == j else min(1.0, math.fsum(x * y for x, y in zip(rows[i], rows[j], strict=True)))
            for j, b in enumerate(labels)
        }
        for i, a in enumerate(labels)
    }


def similarity_matrix(labels: Sequence[str] = EMOTIONS, kind: str | SimilarityTable = "plutchik") -> list[list[float]]:
    """`similarity` of every pair of `labels`: a list of rows, (L, L)."""
    return [[similarity(a, b, kind) for b in labels] for a in labels]


def _known(name: str) -> str:
    found = name if name in VAD else concept(name)
    if found is None:
        raise ValueError(f"{name!r} is not a known emotion; known are {', '.join(VAD)} and their aliases")
    return found


@lru_cache(maxsize=1)
def _largest_distance() -> float:
    return max(math.dist(a, b) for a in VAD.values() for b in VAD.values())
