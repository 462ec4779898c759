"""Votes as targets: a reward for answers that agree with how annotators voted, where they disagree with one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from emolab.emotions import EMOLAB_7, LabelSet, label_set
from emolab.metrics.votes import Distribution, agreement, votes_of
from emolab.parsing import parse_label
from emolab.rewards.base import Named, completion_text, each, take_column
from emolab.rewards.groups import groups_of

_NONE = ""
"""Stands for a completion without an answer; no annotator votes for it."""


@dataclass(frozen=True)
class Votes(Named):
    """Agreement of an answer with annotators' votes: 1 − JSD(answer, votes), in [0, 1].

    The column `votes` holds what `emolab.metrics.votes.votes_of` reads. An answer counts as a distribution with all
    its mass on one label, so the majority label earns most, a label with few votes earns little, and one without a vote
    earns 0. With that alone a model learns to name the majority always.

    With `sampled`, the G answers to one prompt are taken together: their shares should equal the votes' shares. Each
    answer earns its jackknife value, A + (G − 1)(A − A₋ᵢ), where A is the group's agreement and A₋ᵢ that without this
    answer. So an answer earns more than its group where the group has too few of it, and less where it has too many.
    """

    labels: LabelSet = EMOLAB_7
    sampled: bool = False
    name: ClassVar[str] = "votes"
    columns: ClassVar[tuple[str, ...]] = ("votes",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", label_set(self.labels))

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        if not self.sampled:
            return each(self, completions, columns, self._score)
        answers = [parse_label(completion_text(c), self.labels) or _NONE for c in completions]
        votes = take_column(self.name, "votes", columns, len(answers))
        rewards: list[float | None] = [None] * len(answers)
        for group in groups_of(len(answers), columns):
            wanted = votes_of(votes[group[0]], self.labels)
            if wanted is not None:
                for i, value in zip(group, _jackknife([answers[i] for i in group], wanted), strict=True):
                    rewards[i] = value
        return rewards

    def _score(self, text: str, votes: Any) -> float | None:
        wanted, answer = votes_of(votes, self.labels), parse_label(text, self.labels)
        if wanted is None:
            return None
        return 0.0 if answer is None else agreement({answer: 1.0}, wanted)


def _jackknife(answers: Sequence[str], wanted: Distribution) -> list[float]:
    counts = Counter(answers)
    whole = agreement(counts, wanted)
    if len(answers) == 1:
        return [whole]
    without = {a: agreement(counts - Counter([a]), wanted) for a in counts}
    return [whole + (len(answers) - 1) * (whole - without[a]) for a in answers]
