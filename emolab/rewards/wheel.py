"""Open-vocabulary rewards of AffectGPT-RL (arXiv 2605.06126): wheel F, dual, alignment, and length penalties."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from emolab.errors import RewardError
from emolab.parsing import parse, parse_words, split_words
from emolab.rewards.base import Named, each
from emolab.wheels.scan import emotion_words
from emolab.wheels.score import jaccard, sample_scores
from emolab.wheels.shipped import load_wheels, valence_of

Penalty = Callable[[int, int], float]


def _none(predicted: int, gold: int) -> float:
    return 1.0


def _p1(predicted: int, gold: int) -> float:
    return 1.0 / (predicted - gold + 1)


def _p2(predicted: int, gold: int) -> float:
    return gold / predicted


def _p3(predicted: int, gold: int) -> float:
    """log Lg / log Lp: 0 at Lg = 1, whatever is predicted, which is a trap; see `_smoothed`."""
    return math.log(gold) / math.log(predicted)


def _smoothed(predicted: int, gold: int) -> float:
    return math.log(gold + 1) / math.log(predicted + 1)


PENALTIES: dict[str, Penalty] = {"none": _none, "P1": _p1, "P2": _p2, "P3": _p3, "smoothed": _smoothed}
"""Factors for naming more words than gold does, as functions of (Lp, Lg)."""


def length_penalty(predicted: int, gold: int, kind: str = "smoothed") -> float:
    """Factor on the reward for `predicted` words where gold has `gold`; 1 unless more are predicted.

    Raises RewardError for an unknown kind; `PENALTIES` lists them.

    >>> length_penalty(4, 2, "P1"), length_penalty(4, 2, "P2"), length_penalty(4, 1, "P3"), length_penalty(2, 3)
    (0.3333333333333333, 0.5, 0.0, 1.0)
    """
    if kind not in PENALTIES:
        raise RewardError(f"length penalty {kind!r}: expected one of {', '.join(PENALTIES)}")
    return PENALTIES[kind](predicted, gold) if predicted > gold >= 1 else 1.0


def guessing_pays(clusters: int, gold: int) -> dict[str, list[float]]:
    """For each of PENALTIES, what naming m = 1 … `clusters` words pays on average for a model that knows nothing.

    Of `clusters` equally likely clusters one is right: m guesses have it with probability m / clusters, and then
    F = 2 / (m + 1), times the penalty against `gold` words.

    >>> [round(score, 3) for score in guessing_pays(8, 2)["none"][:2]]
    [0.125, 0.167]
    """
    return {
        kind: [m / clusters * 2 / (m + 1) * length_penalty(m, gold, kind) for m in range(1, clusters + 1)]
        for kind in PENALTIES
    }


def gold_words(words: str | Iterable[str]) -> tuple[str, ...]:
    """The gold list of a row, given as a list or as text."""
    return split_words(words) if isinstance(words, str) else tuple(str(word).strip().lower() for word in words)


def contradicts(given: Iterable[str], gold: Iterable[str]) -> bool:
    """Whether `given` holds words of both valences where `gold` does not."""

    def both(words: Iterable[str]) -> bool:
        return {valence_of(word) for word in words} >= {-1, 1}

    return both(given) and not both(gold)


@dataclass(frozen=True)
class WheelF(Named):
    """F of the answer's words on five emotion wheels, per sample, times a length penalty.

    Our guards, each a parameter: 0 where fewer than `min_precision` of the answer's clusters are right, where it
    names more than `max_extra` words beyond gold's number, and (`consistent`) where it holds words of both valences
    although gold does not: hedges and spam are not answers. With `published` there is no guard and no penalty, and
    listing everything pays. None where gold maps on no wheel. `wheels` is "embedded" or a folder of official files.
    """

    setting: str = "level1"
    penalty: str = "smoothed"
    min_precision: float = 0.5
    max_extra: int = 3
    consistent: bool = True
    wheels: str = "embedded"
    published: bool = False
    name: ClassVar[str] = "wheel_f"
    columns: ClassVar[tuple[str, ...]] = ("words",)

    def __post_init__(self) -> None:
        length_penalty(1, 1, self.penalty)

    def given(self, text: str) -> tuple[str, ...]:
        """The words that are scored."""
        return parse_words(text)

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return each(self, completions, columns, self._score)

    def _score(self, text: str, words: str | Iterable[str]) -> float | None:
        gold, given = gold_words(words), self.given(text)
        found = sample_scores(gold, given, load_wheels(self.wheels), self.setting)
        if found is None or not given:
            return None if found is None else 0.0
        precision, _, f = found
        if self.published:
            return f
        hedged = precision < self.min_precision or len(given) > len(gold) + self.max_extra
        if not f or hedged or (self.consistent and contradicts(given, gold)):
            return 0.0
        return f * length_penalty(len(given), len(gold), self.penalty)


@dataclass(frozen=True)
class Dual(WheelF):
    """The dual reward: wheel F of the emotion words that the reasoning uses (found by lexicon, where the authors ask
    a model)."""

    name: ClassVar[str] = "dual"

    def given(self, text: str) -> tuple[str, ...]:
        return reasoning_words(text)


def reasoning_words(text: str) -> tuple[str, ...]:
    """Emotion words in the think block of a completion; () without one."""
    think = parse(text).think
    return emotion_words(think) if think else ()


@dataclass(frozen=True)
class Alignment(Named):
    """Whether reasoning and answer agree: mean over wheels of the Jaccard index of their clusters. 0 where either is
    empty."""

    setting: str = "level1"
    wheels: str = "embedded"
    name: ClassVar[str] = "alignment"

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return each(self, completions, columns, self._score)

    def _score(self, text: str) -> float:
        said, answered = reasoning_words(text), parse_words(text)
        if not said or not answered:
            return 0.0
        return jaccard(said, answered, load_wheels(self.wheels), self.setting) or 0.0
