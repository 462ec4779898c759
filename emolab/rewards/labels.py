"""Rewards for one label: exact accuracy (R1-Omni) and EMO-RL's emotion similarity-weighted reward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from emolab.emotions import EMOLAB_7, LabelSet, SimilarityTable, label_set
from emolab.errors import RewardError
from emolab.parsing import answer_text, parse_label
from emolab.rewards.base import LinearSchedule, Named, each, progress_of, value_at

ANNEALED = LinearSchedule(1.0, 0.0)


def gold_label(reward: str, solution: str, labels: LabelSet) -> str:
    """The gold label of a row, given bare ("sad") or tagged ("<answer>sad</answer>").

    Raises RewardError for one that is not among `labels`.
    """
    gold = labels.normalise(answer_text(solution))
    if gold is None:
        raise RewardError(f"reward {reward!r}: solution {solution!r} is not one of {', '.join(labels)}")
    return gold


@dataclass(frozen=True)
class Accuracy(Named):
    """1 where the answer is the gold label, else 0 (R1-Omni, arXiv 2503.05379). The label is read by `parse_label`.

    `labels` is a label set, its name ("iemocap-4"), or a list of labels.

    With `published`, as released: the stripped text of the first answer block must equal the gold string exactly, and
    text without a block is compared whole.
    """

    labels: LabelSet = EMOLAB_7
    published: bool = False
    name: ClassVar[str] = "accuracy"
    columns: ClassVar[tuple[str, ...]] = ("solution",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", label_set(self.labels))

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return each(self, completions, columns, self._score)

    def _score(self, text: str, solution: str) -> float:
        if self.published:
            return float(_first_answer(text) == _first_answer(solution))
        return float(parse_label(text, self.labels) == gold_label(self.name, solution, self.labels))


def _first_answer(text: str) -> str:
    """What R1-Omni's released scorer reads: the first `<answer>…</answer>`, else the whole text."""
    start = text.find("<answer>")
    end = text.find("</answer>", start)
    return text[start + len("<answer>") : end].strip() if 0 <= start < end else text.strip()


@dataclass(frozen=True)
class ESWR(Named):
    """Emotion similarity-weighted reward (EMO-RL, arXiv 2509.15654): 1 on an exact match, α·S where S > γ, else 0.

    S is the similarity of answer and gold (`kind`, as `LabelSet.similarity` takes it), by default on
    Plutchik's circle; with γ = 0.7 only 45° neighbours (S = 0.854) earn partial credit. The paper anneals α but does
    not state how; here α falls linearly from 1 to 0 over training (`alpha` takes a number or another schedule). With
    `published`, S is read literally, so that a correct "neutral" (S = ½ < γ) earns 0.
    """

    labels: LabelSet = EMOLAB_7
    alpha: float | LinearSchedule = ANNEALED
    gamma: float = 0.7
    kind: str | SimilarityTable = "plutchik"
    published: bool = False
    name: ClassVar[str] = "eswr"
    columns: ClassVar[tuple[str, ...]] = ("solution",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", label_set(self.labels))

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        progress = progress_of(columns)

        def score(text: str, solution: str) -> float:
            gold, answer = gold_label(self.name, solution, self.labels), parse_label(text, self.labels)
            return 0.0 if answer is None else self.credit(answer, gold, progress)

        return each(self, completions, columns, score)

    def credit(self, answer: str, gold: str, progress: float = 0.0) -> float:
        """Reward of answering `answer` where `gold` is right, at `progress` (0 to 1) of training."""
        closeness = self.labels.similarity(answer, gold, "published" if self.published else self.kind)
        if closeness == 1.0 or (answer == gold and not self.published):
            return 1.0
        return value_at(self.alpha, progress) * closeness if closeness > self.gamma else 0.0
