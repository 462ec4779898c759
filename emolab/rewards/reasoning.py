"""Rewards for reasoning: ERV's rationale support, AffectGPT-RL's pairwise perception, EmotionThinker's trusted
reasoning."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from emolab.parsing import answer_text, parse, split_words
from emolab.rewards.base import Reward, completion_text, progress_of, take_column
from emolab.rewards.labels import Accuracy
from emolab.wheels.scan import emotion_words
from emolab.wheels.score import jaccard

_SENTENCE = re.compile(r"[.!?;\n]+|</?\w+>")
_READ = 8000
Judge = Callable[[str, str], float]


def sentence_support(sentence: str, answer: str) -> float | None:
    """How far a sentence speaks for an answer: agreement of their emotion words on the wheels, None without such
    words."""
    said = emotion_words(sentence)
    return jaccard(said, split_words(answer)) if said else None


@dataclass(frozen=True)
class Support(Reward):
    """ERV (arXiv 2510.23506): the rationale must support the answer. Mean support of the sentences that name an
    emotion.

    The authors score sentences with a trained emotion classifier; the default here is our lexicon, and `judge` takes
    any picklable function (sentence, answer) -> support in [0, 1], or None for a sentence without emotion. 0 without
    a rationale, without an answer, or where no sentence names an emotion.
    """

    judge: Callable[[str, str], float | None] = sentence_support
    name: ClassVar[str] = "support"

    def score(self, text: str) -> float:  # type: ignore[override]
        think, answer = parse(text).think, answer_text(text)
        if not think or not answer:
            return 0.0
        sentences = [part for part in _SENTENCE.split(think[:_READ]) if part.strip()]
        found = [value for sentence in sentences if (value := self.judge(sentence, answer)) is not None]
        return sum(found) / len(found) if found else 0.0


def _groups(prompts: Sequence[Any], columns: dict[str, Any]) -> list[list[int]]:
    """Positions of the completions of each prompt: by the column "row" where there is one, else by equal prompts."""
    keys = columns["row"] if "row" in columns else [repr(prompt) for prompt in prompts]
    groups: dict[Any, list[int]] = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    return list(groups.values())


@dataclass(frozen=True)
class Perception(Reward):
    """AffectGPT-RL's perception reward: how often a completion's reasoning wins against the others of its group.

    Wins follow Bradley–Terry, P(i beats j) = σ((s_i − s_j) / temperature); the reward is the mean over the others, ½
    for a group of one. Scores s come from `judge` (the authors use a language model; here any reward, by default
    `Support`).
    """

    judge: Reward = field(default_factory=Support)
    temperature: float = 0.25
    name: ClassVar[str] = "perception"

    def score(self, text: str) -> float:  # type: ignore[override]
        return 0.5

    def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float | None]:
        strengths = [value or 0.0 for value in self.judge(prompts, completions, **columns)]
        rewards: list[float | None] = [0.5] * len(completions)
        for group in _groups(prompts, columns):
            for i in group if len(group) > 1 else ():
                wins = (_sigmoid((strengths[i] - strengths[j]) / self.temperature) for j in group if j != i)
                rewards[i] = sum(wins) / (len(group) - 1)
        return rewards


@dataclass(frozen=True)
class TrustedReasoning(Reward):
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

    def score(self, text: str, solution: str) -> float | None:  # type: ignore[override]
        return self([""], [text], solution=[solution], progress=1.0)[0]

    def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float | None]:
        take_column(self.name, "solution", columns, len(completions))
        if progress_of(columns) < self.begin:
            return [0.0] * len(completions)
        texts = [completion_text(completion) for completion in completions]
        quality = [value or 0.0 for value in self.judge(prompts, texts, **columns)]
        right = self.accuracy(prompts, texts, **columns)
        rewards: list[float | None] = [0.0] * len(texts)
        for group in _groups(prompts, columns):
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
