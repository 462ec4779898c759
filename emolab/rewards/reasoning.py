"""Rewards for reasoning: support (ERV), pairwise perception (AffectGPT-RL), trusted reasoning (EmotionThinker)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from emolab.parsing import answer_text, parse, split_words
from emolab.rewards.base import Named, Reward, each, progress_of, take_column
from emolab.rewards.groups import groups_of
from emolab.rewards.labels import Accuracy
from emolab.wheels.scan import emotion_words
from emolab.wheels.score import jaccard

_SENTENCE = re.compile(r"[.!?;\n。！？；]+|</?\w+>")
_READ = 8000


def sentence_support(sentence: str, answer: str) -> float | None:
    """How far a sentence supports an answer: agreement of their emotion words on the wheels.

    None where the sentence names no emotion.
    """
    said = emotion_words(sentence)
    return jaccard(said, split_words(answer)) if said else None


@dataclass(frozen=True)
class Support(Named):
    """ERV (arXiv 2510.23506): the rationale must support the answer. Mean support of the sentences that name an
    emotion.

    The authors score sentences with a trained emotion classifier; the default here is our lexicon, and `judge` takes
    any picklable function (sentence, answer) -> support in [0, 1], or None for a sentence without emotion. 0 without
    a rationale, without an answer, or where no sentence names an emotion.
    """

    judge: Callable[[str, str], float | None] = sentence_support
    name: ClassVar[str] = "support"

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return each(self, completions, columns, self._score)

    def _score(self, text: str) -> float:
        think, answer = parse(text).think, answer_text(text)
        if not think or not answer:
            return 0.0
        sentences = [part for part in _SENTENCE.split(think[:_READ]) if part.strip()]
        found = [value for sentence in sentences if (value := self.judge(sentence, answer)) is not None]
        return sum(found) / len(found) if found else 0.0


@dataclass(frozen=True)
class Perception(Named):
    """AffectGPT-RL's perception reward: how often a completion's reasoning wins against the others of its group.

    Wins follow Bradley–Terry, P(i beats j) = σ((s_i − s_j) / temperature); the reward is the mean over the others, ½
    for a group of one. Scores s come from `judge` (the authors use a language model; here any reward, by default
    `Support`).
    """

    judge: Reward = field(default_factory=Support)
    temperature: float = 0.25
    name: ClassVar[str] = "perception"

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        strengths = [value or 0.0 for value in self.judge(completions, **columns)]
        rewards: list[float | None] = [0.5] * len(completions)
        for group in groups_of(len(completions), columns):
            for i in group if len(group) > 1 else ():
                wins = (_sigmoid((strengths[i] - strengths[j]) / self.temperature) for j in group if j != i)
                rewards[i] = sum(wins) / (len(group) - 1)
        return rewards


@dataclass(frozen=True)
class TrustedReasoning(Named):
    """EmotionThinker's reasoning reward (arXiv 2601.15668): it enters late, and only as far as it can be trusted.

    Within a group, trust is 1 where right completions out-score wrong ones on reasoning, else exp(Δ / scale) with Δ
    the (negative) difference of their means; 1 where all are right or all wrong. The reward is trust · judge. It
    counts only from progress `begin` on, and only in groups with at least `min_accuracy` right answers, which is our
    reading of "once accuracy is stable": the paper's threshold is not known to us.
    """

    judge: Reward = field(default_factory=Support)
    accuracy: Reward = field(default_factory=Accuracy)
    begin: float = 0.3
    min_accuracy: float = 0.25
    scale: float = 0.25
    name: ClassVar[str] = "trusted_reasoning"
    columns: ClassVar[tuple[str, ...]] = ("solution",)

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        take_column(self.name, "solution", columns, len(completions))
        rewards: list[float | None] = [0.0] * len(completions)
        if progress_of(columns) < self.begin:
            return rewards
        quality = [value or 0.0 for value in self.judge(completions, **columns)]
        right = self.accuracy(completions, **columns)
        for group in groups_of(len(completions), columns):
            share = sum(right[i] or 0.0 for i in group) / len(group)
            factor = self.trust([quality[i] for i in group], [bool(right[i]) for i in group])
            for i in group if share >= self.min_accuracy else ():
                rewards[i] = factor * quality[i]
        return rewards

    def trust(self, quality: Sequence[float], right: Sequence[bool]) -> float:
        """Trust in the judge on one group, in (0, 1]."""
        good = [q for q, ok in zip(quality, right, strict=True) if ok]
        bad = [q for q, ok in zip(quality, right, strict=True) if not ok]
        if not good or not bad:
            return 1.0
        return math.exp(min(0.0, sum(good) / len(good) - sum(bad) / len(bad)) / self.scale)


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, x))))
