"""The exercises of notebook 06: EMO-RL."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from emolab.emotions import EMOLAB_7, similarity
from emolab_course.compare import ChoiceExercise, FunctionExercise, Mistake, NumberExercise

Belief = Mapping[str, float]


def _worth_most(belief: Belief, credit: Callable[[str, str], float]) -> str:
    worth = {answer: sum(p * credit(answer, gold) for gold, p in belief.items()) for answer in belief}
    return max(worth, key=lambda answer: worth[answer])


def _best_answer(belief: Belief, alpha: float) -> str:
    from emolab.rewards import ESWR

    return _worth_most(belief, ESWR(alpha=alpha).credit)


def _beliefs(rng: np.random.Generator) -> Iterator[tuple[dict[str, float], float]]:
    few = dict.fromkeys(EMOLAB_7, 0.02)
    yield few | {"angry": 0.45, "sad": 0.35, "disgusted": 0.12}, 1.0
    yield few | {"angry": 0.45, "sad": 0.35, "disgusted": 0.12}, 0.0
    yield few | {"neutral": 0.5, "happy": 0.4}, 1.0
    for _ in range(40):
        drawn = rng.dirichlet(np.full(len(EMOLAB_7), 0.7))
        yield dict(zip(EMOLAB_7, drawn.round(3).tolist(), strict=True)), float(rng.choice([0.0, 0.3, 0.6, 1.0]))


def _likeliest(belief: Belief, alpha: float) -> str:
    return max(belief, key=lambda answer: belief[answer])


def _without_threshold(belief: Belief, alpha: float) -> str:
    return _worth_most(belief, lambda answer, gold: 1.0 if answer == gold else alpha * similarity(answer, gold))


def _alpha_ignored(belief: Belief, alpha: float) -> str:
    return _best_answer(belief, 1.0)


def _worth_of_gold(belief: Belief, alpha: float) -> str:
    """The expectation over answers in place of the one over gold labels: the weight stands at the wrong label."""
    from emolab.rewards import ESWR

    credit = ESWR(alpha=alpha).credit
    worth = {a: belief[a] * sum(credit(a, gold) for gold in belief) for a in belief}
    return max(worth, key=lambda answer: worth[answer])


def _least_regret(belief: Belief, alpha: float) -> str:
    return min(belief, key=lambda answer: belief[answer])


def _published(belief: Belief, alpha: float) -> str:
    from emolab.rewards import ESWR

    return _worth_most(belief, ESWR(alpha=alpha, published=True).credit)


HEDGED_ANSWER = FunctionExercise(
    number="6.2",
    title="The hedged answer",
    kind="implement",
    stars=2,
    minutes=15,
    why="a reward that pays near misses changes which answer is best for an honest but unsure model.",
    hints=(
        "What does a model expect to earn with an answer, if it believes in several gold labels at once?",
        (
            "The worth of an answer is a sum over gold labels: the belief in the label times what the answer "
            "earns if that label is gold."
        ),
        (
            "worth = {a: sum(p * credit(a, gold) for gold, p in belief.items()) for a in belief}; return the "
            "label of the largest."
        ),
    ),
    reasoning=(
        "The expectation runs over what the *world* may be (gold), not over what the model may say. With "
        "full partial credit an answer with many neighbours collects a little from each of them and can "
        "beat the likeliest label: the model is paid to hedge. At alpha = 0 the best answer is the "
        "likeliest label again, so the curriculum must end there while there is still training left."
    ),
    reference=_best_answer,
    inputs=_beliefs,
    mistakes={
        "likeliest": Mistake(
            _likeliest,
            "that is the likeliest label; with partial credit its neighbours can be worth more: compute the expected "
            "reward of each answer",
        ),
        "no threshold": Mistake(
            _without_threshold, "only neighbours more similar than 0.7 earn anything: use ESWR(alpha=alpha).credit"
        ),
        "alpha ignored": Mistake(
            _alpha_ignored, "alpha decides how much a near miss earns; at alpha = 0 the likeliest label is best"
        ),
        "weighted by the answer": Mistake(
            _worth_of_gold, "weight each reward by the belief in the gold label, not by the belief in the answer"
        ),
        "least likely": Mistake(_least_regret, "you take the smallest value: use max, with a key"),
        "published": Mistake(
            _published,
            "read literally the formula pays a right neutral nothing; use ESWR(alpha=alpha).credit as it comes",
        ),
    },
)


SILENT_GROUPS = NumberExercise(
    number="6.1",
    title="How many groups are silent?",
    kind="derive",
    stars=1,
    minutes=10,
    why="a silent group costs a full rollout and teaches nothing; this share decides whether a run can learn.",
    hints=(
        "When do all answers of a group earn the same under a reward of 0 or 1?",
        "Either all are right, or all are wrong. Each answer is right with probability 0.4, on its own.",
        "0.4 ** 4 + 0.6 ** 4",
    ),
    reasoning=(
        "A group is silent where all four are right, $p^4$, or all four are wrong, $(1-p)^4$. That is 0.155: about "
        "one group in six is thrown away, mostly because nobody was right. The sum is smallest at p = ½ and grows "
        "on both sides. So a cold start (raise p), a larger group (raise the exponent) and partial credit (make wrong "
        "answers differ) are three ways to the same end."
    ),
    value=0.4**4 + 0.6**4,
    tolerance=0.002,
    mistakes={
        "all wrong": Mistake(0.6**4, "that is the share of groups in which all are wrong; all can be right as well"),
        "all right": Mistake(0.4**4, "that is the share of groups in which all are right; all can be wrong as well"),
        "opposite": Mistake(1 - 0.4**4 - 0.6**4, "that is the share of groups that do teach something"),
        "one answer": Mistake(0.6, "that is the chance that one answer is wrong; a group has four"),
        "product": Mistake((0.4 * 0.6) ** 4, "the two cases exclude each other: add their probabilities"),
        "percent": Mistake(100 * (0.4**4 + 0.6**4), "a share between 0 and 1 is asked for, not a percentage"),
    },
)

Lengths = Sequence[int]


def _cost_of_structure(plain: Lengths, right: Sequence[bool], long: Lengths, right_long: Sequence[bool]) -> float:
    """Extra tokens for each extra right answer."""
    gained = float(np.mean(right_long) - np.mean(right))
    return float(np.mean(long) - np.mean(plain)) / gained if gained > 0 else math.inf


def _runs(rng: np.random.Generator) -> Iterator[tuple[list[int], list[bool], list[int], list[bool]]]:
    yield [4, 4], [True, False], [24, 24], [True, True]
    yield [4, 6], [True, False], [30, 20], [True, False]
    yield [5, 5], [True, True], [40, 40], [False, True]
    for _ in range(8):
        n, m = int(rng.integers(5, 20)), int(rng.integers(5, 20))
        yield (rng.integers(3, 9, n).tolist(), (rng.random(n) < 0.4).tolist(),
               rng.integers(20, 60, m).tolist(), (rng.random(m) < 0.6).tolist())  # fmt: skip


def _no_gain_ignored(plain: Lengths, right: Sequence[bool], long: Lengths, right_long: Sequence[bool]) -> float:
    with np.errstate(all="ignore"):
        return float((np.mean(long) - np.mean(plain)) / np.float64(np.mean(right_long) - np.mean(right)))


def _all_tokens(plain: Lengths, right: Sequence[bool], long: Lengths, right_long: Sequence[bool]) -> float:
    gained = float(np.mean(right_long) - np.mean(right))
    return float(np.mean(long)) / gained if gained > 0 else math.inf


def _per_right(plain: Lengths, right: Sequence[bool], long: Lengths, right_long: Sequence[bool]) -> float:
    return sum(long) / max(1, sum(right_long)) - sum(plain) / max(1, sum(right))


def _in_sums(plain: Lengths, right: Sequence[bool], long: Lengths, right_long: Sequence[bool]) -> float:
    gained = sum(right_long) - sum(right)
    return (sum(long) - sum(plain)) / gained if gained > 0 else math.inf


def _upside_down(plain: Lengths, right: Sequence[bool], long: Lengths, right_long: Sequence[bool]) -> float:
    return float(np.mean(right_long) - np.mean(right)) / float(np.mean(long) - np.mean(plain))


STRUCTURE_COST = FunctionExercise(
    number="6.3",
    title="The cost of structure",
    kind="implement",
    stars=1,
    minutes=15,
    why="structured reasons are longer in every rollout; their gain must be held against what they cost.",
    hints=(
        "Two differences are needed: how much longer an answer is, and how much more often it is right.",
        "Use means, because the two runs may have different numbers of answers. Divide tokens by the gain.",
        "(mean(long) - mean(plain)) / (mean(right_long) - mean(right)), and infinity where nothing is gained.",
    ),
    reasoning=(
        "Health economists call this the incremental cost-effectiveness ratio: what one more success costs. Means "
        "make runs of different size comparable. Where structure gains nothing, no number of tokens buys a right "
        "answer, so the price is infinite; a negative number would read as a bargain. The ratio of small differences "
        "is noisy: give it an interval over seeds before you compare prices."
    ),
    reference=_cost_of_structure,
    inputs=_runs,
    mistakes={
        "no gain": Mistake(_no_gain_ignored, "where nothing is gained the price is math.inf, not a negative number"),
        "all tokens": Mistake(_all_tokens, "charge the extra tokens alone: plain answers have tokens as well"),
        "per right": Mistake(_per_right, "compare extra tokens with extra right answers; you compare two averages"),
        "sums": Mistake(_in_sums, "the runs can differ in size: use means, not sums"),
        "upside down": Mistake(
            _upside_down, "you return right answers for a token; asked is tokens for a right answer"
        ),
    },
)

READ_A_VERDICT = ChoiceExercise(
    number="6.4",
    title="Read a verdict",
    kind="read",
    stars=2,
    minutes=10,
    why="most results of small studies are undecided, and most abstracts are written as if they were not.",
    hints=(
        "What is the smallest difference that would matter? What is the largest that the interval allows?",
        "The interval contains 0, values below the margin, and values above it.",
        "Neither 'it helps' nor 'it makes no difference' excludes the rest of the interval.",
    ),
    reasoning=(
        "The interval from -0.02 to 0.07 holds *no difference*, *a difference too small to matter*, and *a difference "
        "that matters*. None is excluded, so the verdict is undecided. To claim that it helps, the lower end must lie "
        "above 0.03. To claim that it makes no difference, both ends must lie between -0.03 and 0.03. That the mean is "
        "positive, or that seven of ten seeds are, is what one expects of noise quite often."
    ),
    options={
        "a": "Partial credit helps: the mean difference is positive.",
        "b": "Partial credit makes no difference: the interval contains 0.",
        "c": "Partial credit helps in seven of ten seeds, so it helps.",
        "d": "Undecided: the interval allows no gain and a gain that matters.",
        "e": "Partial credit does harm: the interval reaches below 0.",
        "f": "It helps, but only a little: by 0.025.",
    },
    right="d",
    mistakes={
        "a": Mistake("a", "A mean is never exactly 0. The interval says which differences these runs cannot exclude."),
        "b": Mistake("b", "The interval also contains 0.06, which would matter. Not shown is not the same as absent."),
        "c": Mistake("c", "With no effect, seven or more of ten seeds are positive in about one study of six."),
        "e": Mistake("e", "It reaches above 0 as well, and further."),
        "f": Mistake("f", "That is the middle of the interval. Both 0 and 0.06 are compatible with the runs."),
    },
)

EXERCISES = (HEDGED_ANSWER, SILENT_GROUPS, STRUCTURE_COST, READ_A_VERDICT)
