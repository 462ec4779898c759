"""Exercises of notebook 04b: what a policy earns that does not listen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab_course.audited import Reward, audited
from emolab_course.compare import ChoiceExercise, FunctionExercise, JudgedExercise, Mistake

Floats = NDArray[np.float64]


def _best_blind(pay: Floats) -> float:
    return float(pay.mean(axis=0).max())


def _pay_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats]]:
    yield (np.eye(3),)
    yield (np.column_stack([np.eye(3), np.full(3, 0.5)]),)
    for _ in range(8):
        yield (rng.integers(0, 5, (int(rng.integers(3, 6)), int(rng.integers(2, 5)))) / 4,)


def _listens(pay: Floats) -> float:
    return float(pay.max(axis=1).mean())


def _best_of_all(pay: Floats) -> float:
    return float(pay.max())


def _mean_of_all(pay: Floats) -> float:
    return float(pay.mean())


def _summed(pay: Floats) -> float:
    return float(pay.sum(axis=0).max())


def _wrong_axis(pay: Floats) -> float:
    return float(pay.mean(axis=1).max())


def _which(pay: Floats) -> float:
    return float(pay.mean(axis=0).argmax())


BEST_BLIND = FunctionExercise(
    number="4b.1",
    title="What a policy earns that does not listen",
    kind="implement",
    stars=1,
    minutes=10,
    why="a policy that earns more blind than by listening will be found by training.",
    hints=(
        "A blind policy is one column of the table.",
        "Average each column over the clips, then take the best.",
        "pay.mean(axis=0).max()",
    ),
    reasoning=(
        "A policy that does not listen gives the same answer to every clip, so it is one column. What it "
        "earns is the mean of that column. The best of these policies is the largest of the means. The order "
        "matters: the mean of the rows' maxima is what a policy earns that hears everything."
    ),
    reference=_best_blind,
    inputs=_pay_inputs,
    mistakes={
        "listens": Mistake(_listens, "you choose an answer for each clip; a blind policy gives one answer to all"),
        "best of all": Mistake(_best_of_all, "one lucky pay is no policy: average each answer over the clips first"),
        "mean of all": Mistake(_mean_of_all, "you average over the answers too; the policy picks the best of them"),
        "sum": Mistake(_summed, "you add up what an answer earns: take the mean over the clips"),
        "wrong axis": Mistake(_wrong_axis, "rows are clips and columns are answers: average down each column"),
        "which, not how much": Mistake(_which, "return what the best answer earns, not its place"),
    },
)

NEUTRAL = ChoiceExercise(
    number="4b.2",
    title="What becomes of neutral?",
    kind="predict",
    stars=2,
    minutes=10,
    why="a hole in a reward can be found on paper, before any training.",
    hints=(
        "What does the right answer to a neutral clip earn?",
        "And what does any other answer to it earn?",
        "If all answers to a clip earn the same, its groups have no signal, and other clips decide.",
    ),
    reasoning=(
        "S is ½ for every answer to a neutral clip, below the threshold of 0.7, so every readable answer "
        "earns nothing for "
        "its label. Groups of neutral clips have no signal. On all other clips the answer neutral earns "
        "nothing either, "
        "and other answers do. So neutral becomes less likely everywhere, and on neutral clips nothing "
        "holds against it. "
        "It dies out, and neutral clips get the answers that pay elsewhere."
    ),
    options={
        "a": "neutral, because the answer is right",
        "b": "neutral, because it earns half of a point",
        "c": "nothing readable, because no answer earns anything",
        "d": "answers that pay on other clips; neutral dies out",
        "e": "the neighbour on the circle with the largest similarity",
        "f": "every label equally often",
    },
    right="d",
    mistakes={
        "a": Mistake(
            "a", ("In the literal reading a right answer has no rule of its own: it earns S, if S is large enough.")
        ),
        "b": Mistake("b", "½ is below the threshold, so it earns nothing at all."),
        "c": Mistake("c", "The form still earns its part, so answers stay readable."),
        "e": Mistake("e", "Neutral has no place on the circle: all similarities are ½, none above the threshold."),
        "f": Mistake("f", "Nothing pays for evenness. Other clips make some answers likelier, and those win here too."),
    },
)


def _audited(reward: Reward) -> tuple[str, str]:
    found, told = audited(reward)
    if found["right"] < found["wrong"] - 1e-9:
        return "turned", f"{told}."
    if found["right"] <= found["wrong"] + 1e-9:
        return ("nothing" if found["right"] == 0 else "constant"), f"{told}."
    if found["right"] < 0.1:
        return "tiny", f"{told}."
    paying = [row for row in found["rows"] if not row["ok"]]
    if not paying:
        return "no hole", f"{told}, and none of {len(found['rows'])} attacks earns more than the wrong one."
    best = max(paying, key=lambda row: row["margin"])
    return "", f"{told}; the attack {best['hack']!r} earns {best['margin']:.2f} more than a wrong answer"


def _exact(completions: Sequence[str], solution: Sequence[str] = (), **columns: Any) -> list[float]:
    from emolab.parsing import parse_label

    return [float(parse_label(text) == gold) for text, gold in zip(completions, solution, strict=True)]


def _with_hole(completions: Sequence[str], solution: Sequence[str] = (), **columns: Any) -> list[float]:
    right = _exact(completions, solution)
    return [hit + 0.3 * (len(text) > 80) for hit, text in zip(right, completions, strict=True)]


def _zero(completions: Sequence[str], **columns: Any) -> list[float]:
    return [0.0] * len(completions)


def _one(completions: Sequence[str], **columns: Any) -> list[float]:
    return [1.0] * len(completions)


def _minus(completions: Sequence[str], solution: Sequence[str] = (), **columns: Any) -> list[float]:
    return [-value for value in _exact(completions, solution)]


def _thousandth(completions: Sequence[str], solution: Sequence[str] = (), **columns: Any) -> list[float]:
    return [value / 1000 for value in _exact(completions, solution)]


CARELESS = JudgedExercise(
    number="4b.3",
    title="A reward with a hole",
    kind="break",
    stars=2,
    minutes=20,
    why="who has written a bad reward on purpose sees the bad ones that were not.",
    hints=(
        "Pay something that has nothing to do with the clip: length, a word, a tag.",
        "An attack has to earn more than an honest wrong answer, so pay for something that honest answers lack.",
        "float(right) + 0.3 * (len(text) > 80)",
    ),
    reasoning=(
        "Any bonus that is paid without a right answer is a hole, if an answer can collect it that honest "
        "answers do not. "
        "A bonus for long texts is a classic: it was meant to reward detailed reasons, and it pays for "
        "empty words. A bonus "
        "behind a gate (`Part(bonus, gate=...)`) counts only where the answer is right, and closes this kind of hole."
    ),
    takes=Callable,
    example=_with_hole,
    judge=_audited,
    mistakes={
        "no hole": Mistake(_exact, "this reward is sound: add a bonus that a text can have without a right answer"),
        "nothing": Mistake(_zero, "nothing is ever paid: a right answer must earn more than a wrong one"),
        "constant": Mistake(_one, "right and wrong answers earn the same: read `solution`, and pay for a match"),
        "turned": Mistake(_minus, "a wrong answer earns more than a right one: your sign is turned"),
        "tiny": Mistake(_thousandth, "a right answer earns next to nothing: pay about 1 for it"),
    },
)

CAPTIONS = ChoiceExercise(
    number="4b.4",
    title="A reward that rises",
    kind="read",
    stars=1,
    minutes=5,
    why="the first sign of a hack is often a number that nobody was paid for.",
    hints=(
        "Which of these numbers was the model paid for?",
        "How many different things can be said of 200 different clips in three sentences?",
        "A caption that fits every clip earns without listening.",
    ),
    reasoning=(
        "Three captions for 200 clips cannot describe the clips. The policy has found sentences that the reward likes "
        "whatever the clip, and the entropy falls because it is sure of them. The control of choice: "
        "score the captions "
        "against other clips' references. If the reward stays where it is, it does not depend on the clip."
    ),
    options={
        "a": "The run is a success: the reward nearly doubled",
        "b": "The policy found captions that earn on any clip; score them against other clips' references",
        "c": "The cold start was too long",
        "d": "More steps will bring the variety back",
        "e": "The entropy should be raised by a higher learning rate",
        "f": "Length is steady, so nothing is hacked",
    },
    right="b",
    mistakes={
        "a": Mistake("a", "The reward is what was paid for. It cannot testify for itself."),
        "c": Mistake("c", "The variety was there at the start: 180 different captions. It was lost in training."),
        "d": Mistake("d", "Nothing in the reward pays for variety, so more steps sharpen what earns."),
        "e": Mistake("e", "A higher rate moves faster to what earns, and that is the three captions."),
        "f": Mistake("f", "Length is one way to cheat. A fixed caption needs no extra length."),
    },
)

EXERCISES = (BEST_BLIND, NEUTRAL, CARELESS, CAPTIONS)
