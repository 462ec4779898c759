"""Annotators' votes as a distribution over labels, how well a model's distribution agrees with it, and a reward for it.

Annotators of emotion disagree, and the disagreement is a finding of its own: a majority label throws it away. Agreement
is 1 − JSD(p, q), the Jensen–Shannon divergence with logarithms of base 2 (Lin 1991, IEEE Trans. Inf. Theory 37): 1 for
equal distributions, 0 for distributions that share no label.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from emolab.emotions import EMOLAB_7, LabelSet, label_set
from emolab.parsing import parse_label
from emolab.rewards.base import Named, completion_text, each, take_column
from emolab.rewards.groups import groups_of

Distribution = dict[str, float]
"""Label → probability; labels of probability 0 may be missing."""


def votes_of(votes: Any, labels: LabelSet | Sequence[str] | str = EMOLAB_7) -> Distribution | None:
    """The distribution of annotators' votes over a set of labels; None where no vote names one of them.

    `votes` is a list of labels; a mapping of labels to counts or shares; or what our loaders keep in
    `sample.extra["votes"]`: a list for each evaluator (IEMOCAP, where an evaluator's several labels share one vote) or
    a list of {"annotator", "emotion"} for each view (EmotionTalk).

    >>> votes_of(["sad", "sad", "neutral", "sadness"])
    {'sad': 0.75, 'neutral': 0.25}
    >>> votes_of({"C-E1": ["Neutral state"], "C-E2": ["Sadness", "Anger"]}, "iemocap-4")
    {'sad': 0.5, 'angry': 0.5}
    """
    chosen = label_set(labels)
    counts: Distribution = {}
    for name, weight in _votes(votes):
        if weight > 0 and (label := chosen.normalise(name)) is not None:
            counts[label] = counts.get(label, 0.0) + weight
    total = math.fsum(counts.values())
    return {label: count / total for label, count in counts.items()} if total else None


def _votes(votes: Any) -> Iterator[tuple[str, float]]:
    """Each vote as (name, weight)."""
    if isinstance(votes, Mapping):
        for key, value in votes.items():
            if isinstance(value, (list, tuple)):
                named = [v for v in value if isinstance(v, str)]
                yield from ((name, 1.0 / len(named)) for name in named)
                yield from _votes([v for v in value if isinstance(v, Mapping)])
            elif (number := _number(value)) is not None:
                yield str(key), number
    else:
        for vote in votes or ():
            name = vote.get("emotion") if isinstance(vote, Mapping) else vote
            if isinstance(name, str):
                yield name, 1.0


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def agreement(p: Mapping[str, float], q: Mapping[str, float]) -> float:
    """1 − JSD of two distributions, in [0, 1]. Each is divided by its sum. Raises ValueError for one without mass.

    >>> agreement({"sad": 1.0}, {"sad": 0.5, "neutral": 0.5}) == agreement({"sad": 0.5, "neutral": 0.5}, {"sad": 2.0})
    True
    >>> agreement({"sad": 1.0}, {"happy": 1.0})
    0.0
    """
    total_p, total_q = math.fsum(p.values()), math.fsum(q.values())
    if not (total_p > 0 and total_q > 0) or min(*p.values(), *q.values(), 0.0) < 0:
        raise ValueError("a distribution needs values of 0 or more, and a sum above 0")
    divergence = 0.0
    for label in p.keys() | q.keys():
        a, b = p.get(label, 0.0) / total_p, q.get(label, 0.0) / total_q
        middle = (a + b) / 2
        divergence += sum(x * math.log2(x / middle) / 2 for x in (a, b) if x)
    return min(1.0, max(0.0, 1.0 - divergence))


_NONE = ""
"""Stands for a completion without an answer; no annotator votes for it."""


@dataclass(frozen=True)
class Votes(Named):
    """Agreement of an answer with annotators' votes: 1 − JSD(answer, votes), in [0, 1].

    The column `votes` holds what `votes_of` reads. An answer counts as a distribution with all
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
