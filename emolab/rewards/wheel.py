"""Open-vocabulary rewards of AffectGPT-RL (arXiv 2605.06126): wheel F, dual, alignment, and length penalties."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from emolab.errors import RewardError
from emolab.parsing import answer_text, parse, parse_words, split_words
from emolab.rewards.base import Named, each
from emolab.wheels.scan import denied_words, emotion_words
from emolab.wheels.score import jaccard, sample_rows, sample_scores
from emolab.wheels.shipped import load_wheels, valence_of

log = logging.getLogger("emolab.rewards")
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


def gold_words(words: str | Iterable[str]) -> tuple[str, ...]:
    """The gold list of a row, given as a list or as text."""
    return split_words(words) if isinstance(words, str) else tuple(str(word).strip().lower() for word in words)


@lru_cache(maxsize=256)
def _note_unknown(gold: tuple[str, ...]) -> None:
    """Say once that a gold list maps on no wheel, where none of its words is one that the lexicon should know."""
    if gold:
        log.warning(
            "the gold words %s are on no wheel, so the wheel reward does not apply; it knows English and Chinese",
            ", ".join(gold)[:100],
        )


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
    although gold does not: hedges and spam are not answers. Words that the answer denies ("sad? No.") are taken out,
    and words inside an entry that is on no wheel ("maybe sad") can lower the score, not raise it.

    A trap: with F alone, naming two likely words without listening earns more than naming one. Of n equally likely
    clusters, one word is right with probability 1/n and earns 1; two are with 2/n and earn F = 2/3, that is 4/(3n).
    So F is multiplied by precision to the power `hedge`, on each wheel. At 1, the pair earns 2/n · 2/3 · 1/2 = 2/(3n),
    and no list of words earns more blindly than the best single word; at 0, the reward is F.

    With `published` there is no guard and no penalty, and listing everything pays. None where gold maps on no wheel.
    `wheels` is "embedded" or a folder of official files.
    """

    setting: str = "level1"
    penalty: str = "smoothed"
    min_precision: float = 0.5
    max_extra: int = 3
    consistent: bool = True
    hedge: float = 1.0
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
        gold, given, wheels = gold_words(words), self.given(text), load_wheels(self.wheels)
        found = sample_scores(gold, given, wheels, self.setting)
        if found is None:
            _note_unknown(gold)
            return None
        if self.published or not found[2]:
            return found[2]
        given, beside = self._claimed(text, given)
        tables = [sample_rows(gold, said, wheels, self.setting) for said in (given, (*given, *beside))]
        precision = min(sum(p for p, _, _ in rows) / len(rows) for rows in tables)
        value = min(sum(f * p**self.hedge for p, _, f in rows) / len(rows) for rows in tables)
        hedged = precision < self.min_precision or len(given) > len(gold) + self.max_extra
        if hedged or (self.consistent and contradicts((*given, *beside), gold)):
            return 0.0
        return value * length_penalty(len(given), len(gold), self.penalty)

    def _claimed(self, text: str, given: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The words of an answer that it does not deny, and the emotion words inside its other entries."""
        wheels = load_wheels(self.wheels)
        unknown = [entry for entry in given if not wheels.knows(entry)]
        if not unknown:  # a list of words denies nothing
            return given, ()
        denied = denied_words(answer_text(text) or "")
        beside = dict.fromkeys(word for entry in unknown for word in emotion_words(entry))
        return tuple(word for word in given if word not in denied), tuple(beside)


@dataclass(frozen=True)
class Dual(WheelF):
    """The dual reward: wheel F of the emotion words in the reasoning.

    The lexicon finds the words; the authors ask a language model for them.
    """

    name: ClassVar[str] = "dual"

    def given(self, text: str) -> tuple[str, ...]:
        return reasoning_words(text)

    def _claimed(self, text: str, given: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return given, ()


def reasoning_words(text: str) -> tuple[str, ...]:
    """Emotion words in the think block of a completion; () without one."""
    think = parse(text).think
    return emotion_words(think) if think else ()


@dataclass(frozen=True)
class Alignment(Named):
    """Agreement of reasoning and answer: mean Jaccard index of their clusters over wheels.

    It is 0 where one of the two names no emotion.
    """

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
