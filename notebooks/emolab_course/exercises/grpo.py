"""The exercises of notebook 04: GRPO."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, JudgedExercise, Mistake

Floats = NDArray[np.float64]


def _advantages(rewards: Floats, group_size: int) -> Floats:
    import torch

    from emolab_course.scratch import group_advantages

    return group_advantages(torch.tensor(rewards, dtype=torch.float64), group_size).numpy()


def _reward_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, int]]:
    yield np.array([1.0, 0.0, 0.0, 0.0]), 4
    yield np.array([1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]), 4
    for _ in range(10):
        group = int(rng.integers(2, 7))
        yield rng.integers(0, 2, group * 3) + 0.2 * rng.integers(0, 2, group * 3), group


def _population_deviation(rewards: Floats, group_size: int) -> Floats:
    groups = rewards.reshape(-1, group_size)
    return ((groups - groups.mean(1, keepdims=True)) / (groups.std(1, keepdims=True) + 1e-4)).reshape(-1)


def _whole_batch(rewards: Floats, group_size: int) -> Floats:
    return (rewards - rewards.mean()) / (rewards.std(ddof=1) + 1e-4)


def _no_epsilon(rewards: Floats, group_size: int) -> Floats:
    groups = rewards.reshape(-1, group_size)
    with np.errstate(all="ignore"):
        return ((groups - groups.mean(1, keepdims=True)) / groups.std(1, ddof=1, keepdims=True)).reshape(-1)


def _not_scaled(rewards: Floats, group_size: int) -> Floats:
    groups = rewards.reshape(-1, group_size)
    return (groups - groups.mean(1, keepdims=True)).reshape(-1)


def _turned(rewards: Floats, group_size: int) -> Floats:
    return -_advantages(rewards, group_size)


def _in_rows(rewards: Floats, group_size: int) -> Floats:
    return _advantages(rewards, group_size).reshape(-1, group_size)


GROUP_ADVANTAGES = FunctionExercise(
    number="4.5",
    title="Group advantages",
    kind="implement",
    stars=2,
    minutes=15,
    why=("this line replaces the critic of PPO: whether an answer is reinforced depends on its group alone."),
    hints=(
        ("A reward of 0.6 is good in one group and bad in another. Compare each answer with those to the same prompt."),
        (
            "Reshape to (groups, group_size); take each row's mean off; divide by each row's standard "
            "deviation plus 1e-4."
        ),
        "std is that of a sample (ddof=1), as torch.std computes it; at the end reshape to one dimension.",
    ),
    reasoning=(
        "Answers to the same prompt share its difficulty, so their mean is a baseline that needs no "
        "learned critic. Dividing by the spread gives every prompt the same say, easy or hard. The small "
        "constant makes a group whose answers all earn the same give advantage 0, and not NaN. Such a "
        "group teaches nothing, which is why partial credit is tempting."
    ),
    reference=_advantages,
    inputs=_reward_inputs,
    mistakes={
        "whole batch": Mistake(
            _whole_batch, "the baseline is the mean of the same prompt's completions, not of the whole batch"
        ),
        "population deviation": Mistake(
            _population_deviation, "the deviation of a sample divides by n - 1, as torch.std does: np.std(..., ddof=1)"
        ),
        "no epsilon": Mistake(
            _no_epsilon,
            "a group with equal rewards has deviation 0; add 1e-4 to the deviation, so that its advantage is 0",
        ),
        "not scaled": Mistake(
            _not_scaled, "divide by the group's standard deviation too (without it you have Dr. GRPO)"
        ),
        "turned": Mistake(
            _turned, "a reward above the mean is good: subtract the mean from the reward, not the reverse"
        ),
        "in rows": Mistake(_in_rows, "give the advantages back as one row of n numbers: reshape(-1) at the end"),
    },
)


def _lora(x: Floats, W: Floats, A: Floats, B: Floats, alpha: float) -> Floats:
    return np.asarray(W @ x + alpha / len(A) * (B @ (A @ x)))


def _layer_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats, Floats, Floats, float]]:
    for _ in range(8):
        wide, tall = (int(n) for n in rng.integers(3, 7, 2))
        rank = int(rng.integers(1, 3))
        shapes = ((wide,), (tall, wide), (rank, wide), (tall, rank))
        x, W, A, B = (rng.normal(size=shape).round(2) for shape in shapes)
        yield x, W, A, B, float(rng.choice([8, 16, 32]))


def _without_scale(x: Floats, W: Floats, A: Floats, B: Floats, alpha: float) -> Floats:
    return np.asarray(W @ x + B @ (A @ x))


def _alpha_only(x: Floats, W: Floats, A: Floats, B: Floats, alpha: float) -> Floats:
    return np.asarray(W @ x + alpha * (B @ (A @ x)))


def _by_width(x: Floats, W: Floats, A: Floats, B: Floats, alpha: float) -> Floats:
    return np.asarray(W @ x + alpha / A.shape[1] * (B @ (A @ x)))


def _adapter_alone(x: Floats, W: Floats, A: Floats, B: Floats, alpha: float) -> Floats:
    return _lora(x, 0 * W, A, B, alpha)


def _scales_both(x: Floats, W: Floats, A: Floats, B: Floats, alpha: float) -> Floats:
    return np.asarray(alpha / len(A) * (W @ x + B @ (A @ x)))


LORA = FunctionExercise(
    number="4.1",
    title="A LoRA layer by hand",
    kind="warm-up",
    stars=1,
    minutes=10,
    why="everything that is trained in this course is an A and a B.",
    hints=(
        "Multiply from the right: A first, then B.",
        "The rank r is the number of rows of A.",
        "W @ x + alpha / A.shape[0] * (B @ (A @ x))",
    ),
    reasoning=(
        "A takes the vector down to r numbers, and B takes these up to the layer's output. The factor "
        "alpha / r keeps the "
        "size of the change about the same when r is changed. B (A x) costs r (in + out) products. Multiplying B by A "
        "first would cost more than W itself, so the order of the brackets matters for speed, and not for the result."
    ),
    reference=_lora,
    inputs=_layer_inputs,
    mistakes={
        "without scale": Mistake(_without_scale, "the adapter's part is scaled by alpha / r"),
        "alpha only": Mistake(_alpha_only, "divide alpha by the rank r"),
        "by width": Mistake(_by_width, "r is the number of rows of A, A.shape[0]; you divide by its columns"),
        "adapter alone": Mistake(_adapter_alone, "the frozen W x is still there: add the adapter's part to it"),
        "scales both": Mistake(_scales_both, "alpha / r scales the adapter's part alone, not W x"),
    },
)


def _round_trip(block: Floats, book: Floats) -> Floats:
    scale = np.abs(block).max()
    if scale == 0:
        return np.zeros_like(block)
    return np.asarray(scale * book[np.abs(block[:, None] / scale - book).argmin(1)])


_BOOK = np.array([-1.0, -0.7, -0.53, -0.4, -0.28, -0.18, -0.09, 0.0, 0.08, 0.16, 0.25, 0.34, 0.44, 0.56, 0.72, 1.0])


def _block_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    yield np.array([0.0, 0.0, 0.0]), _BOOK
    yield np.array([-2.0, 1.0, 0.1]), _BOOK
    for _ in range(6):
        yield rng.normal(size=6).round(2), _BOOK


def _signed_scale(block: Floats, book: Floats) -> Floats:
    scale = block.max()
    if scale == 0:
        return np.zeros_like(block)
    return np.asarray(scale * book[np.abs(block[:, None] / scale - book).argmin(1)])


def _not_scaled_back(block: Floats, book: Floats) -> Floats:
    return np.asarray(_round_trip(block, book) / (np.abs(block).max() or 1.0))


def _no_scale(block: Floats, book: Floats) -> Floats:
    return np.asarray(book[np.abs(block[:, None] - book).argmin(1)])


def _codes(block: Floats, book: Floats) -> Floats:
    return np.asarray(np.abs(block[:, None] / (np.abs(block).max() or 1.0) - book).argmin(1), float)


def _rounds_down(block: Floats, book: Floats) -> Floats:
    scale = np.abs(block).max() or 1.0
    return np.asarray(scale * book[np.searchsorted(book, block / scale, "right") - 1])


ROUND_TRIP = FunctionExercise(
    number="4.2",
    title="Four bits and back",
    kind="implement",
    stars=2,
    minutes=15,
    why="it shows what a quantised model has lost, weight by weight.",
    hints=(
        "The scale is the largest absolute value of the block.",
        "Divide by it, find the nearest number of the book for each weight, and multiply again.",
        "scale * book[np.abs(block[:, None] / scale - book).argmin(1)]",
    ),
    reasoning=(
        "After division by the largest absolute value all weights lie between -1 and 1, where the book is. Each weight "
        "keeps the place of its nearest number, which takes 4 bits, and the block keeps its scale. On the way back the "
        "number is multiplied by the scale. The largest weight comes back exactly. A block of zeros has no scale to "
        "divide by, and comes back as zeros."
    ),
    reference=_round_trip,
    inputs=_block_inputs,
    mistakes={
        "signed scale": Mistake(_signed_scale, "the largest value may be negative: take the absolute values first"),
        "not scaled back": Mistake(_not_scaled_back, "multiply by the scale again at the end"),
        "no scale": Mistake(_no_scale, "divide the block by its scale before you look for the nearest number"),
        "codes": Mistake(_codes, "those are the places in the book; look the numbers up, and scale them back"),
        "rounds down": Mistake(_rounds_down, "take the nearest number of the book, not the next one below"),
    },
)


def _loss(logprobs: Any, old: Any, rewards: Any, mask: Any, group_size: int, epsilon: float) -> float:
    from emolab_course.scratch import clipped_loss, group_advantages

    return float(clipped_loss(logprobs, old, group_advantages(rewards, group_size), mask, epsilon))


def _batch_inputs(rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    import torch

    for moved in (0.0, 0.1, 0.5, 0.5):
        old = torch.tensor(-rng.exponential(1.0, (6, 4)))
        rewards = torch.tensor([1.0, 0.0, 0.5, 0.0, 1.0, 0.0], dtype=torch.float64)
        mask = torch.tensor(np.arange(4) < rng.integers(1, 5, 6)[:, None]).double()
        yield old + moved * torch.tensor(rng.normal(size=(6, 4))), old, rewards, mask, 3, 0.2


def _variant(weights: str = "group", clip: bool = True, mean: str = "tokens", turned: bool = False) -> Any:
    def loss(logprobs: Any, old: Any, rewards: Any, mask: Any, group_size: int, epsilon: float) -> float:
        from emolab_course.scratch import group_advantages

        gain = group_advantages(rewards, group_size) if weights == "group" else rewards
        ratio, gain = (logprobs - old).exp(), gain[:, None]
        near = ratio.clamp(1 - epsilon, 1 + epsilon)
        losses = -(ratio * gain).minimum(near * gain) if clip else -ratio * gain
        if turned:
            losses = -losses
        if mean == "all":
            return float(losses.mean())
        if mean == "answers":
            return float(((losses * mask).sum(1) / mask.sum(1)).mean())
        return float((losses * mask).sum() / mask.sum())

    return loss


WHOLE_LOSS = FunctionExercise(
    number="4.3",
    title="The ladder, assembled",
    kind="implement",
    stars=3,
    minutes=30,
    why="these few lines are GRPO; a trainer adds speed, checkpoints and logs.",
    hints=(
        "Three pieces: advantages from rewards, the ratio and its clipped twin, a mean over real tokens.",
        (
            "Rewards view as (groups, group_size); advantages as (N, 1), so that each token of an answer gets "
            "its answer's."
        ),
        "losses = -(ratio * gain).minimum(near * gain); return (losses * mask).sum() / mask.sum()",
    ),
    reasoning=(
        "The advantage says how an answer did within its group, and all its tokens share it. The ratio is "
        "exp(new - old), "
        "because both are logarithms. The minimum of the plain and the clipped product is the cautious one of the two. "
        "Padding has no meaning, so it is left out of the sum and of the count. With old equal to new "
        "every ratio is 1, "
        "and the gradient is that of the plain policy gradient with advantages."
    ),
    reference=_loss,
    inputs=_batch_inputs,
    tolerance=1e-5,
    mistakes={
        "rewards": Mistake(
            _variant(weights="rewards"), "weigh by advantages, reward less the group's mean, not by rewards"
        ),
        "no clip": Mistake(_variant(clip=False), "the ratio is not clipped: take the minimum with the clipped product"),
        "padding": Mistake(
            _variant(mean="all"), "padding takes part in your mean: multiply by the mask, divide by its sum"
        ),
        "turned": Mistake(_variant(turned=True), "your sign is turned: a loss is minimised, so it is minus the gain"),
        "mean of answers": Mistake(
            _variant(mean="answers"), "you average each answer first; here the mean runs over all real tokens at once"
        ),
    },
)


def _diagnosed(answer: Mapping[str, str]) -> tuple[str, str]:
    from emolab_course.broken import LETTERS

    wrong = [letter for letter, name in LETTERS.items() if str(answer.get(letter, "")).strip().lower() != name.lower()]
    if not wrong:
        return "", "all five runs are told apart"
    told = f"{len(LETTERS) - len(wrong)} of {len(LETTERS)} are right."
    return ("incomplete" if set(answer) != set(LETTERS) else f"run {wrong[0]}"), told


_RIGHT = {
    "A": "constant reward",
    "B": "audio not fed",
    "C": "no cold start",
    "D": "learning rate × 10",
    "E": "labels of other clips",
}


def _exchanged(one: str, other: str) -> dict[str, str]:
    return {**_RIGHT, one: _RIGHT[other], other: _RIGHT[one]}


DIAGNOSIS = JudgedExercise(
    number="4.4",
    title="Broken runs",
    kind="diagnose",
    stars=2,
    minutes=20,
    why="most runs of your own will break, and their curves are the first thing that you see.",
    hints=(
        "Begin with the groups without signal: a run that compares nothing learns nothing.",
        "Then look at the table: which runs start lower than the sound one, and which of those ends beside it?",
        "Two runs end where a guess ends. One of them could hear at the start, the other could not.",
    ),
    reasoning=(
        "Constant reward: every group is without signal from the first step, and the weights stay as they are. Audio "
        "not fed: the UA is that of a guess at the start and at the end, because nothing that the model reads tells "
        "the clips apart; it only becomes sure of one answer. No cold start: this run is not broken. It starts lower "
        "than the sound run, its answers are readable from the first step, and it ends beside the sound run. This "
        "base model writes the form before any training, so there was no form to learn. Learning rate × 10: it starts "
        "like the sound run, and loses what it could. Labels of other clips: it starts with the UA of the "
        "sound run, but its reward is low from the first step, because a right answer earns no more than a guess; the "
        "longer it trains, the more it forgets."
    ),
    takes=dict,
    example=_RIGHT,
    judge=_diagnosed,
    mistakes={
        "run A": Mistake(
            _exchanged("A", "C"), "look at A again: its answers are readable, and yet no group has a signal"
        ),
        "run B": Mistake(
            _exchanged("B", "D"), "look at B again: it becomes sure of an answer, and its reward stays at a guess's"
        ),
        "run C": Mistake(_exchanged("C", "D"), "look at C again: where does it start, and where does it end?"),
        "run D": Mistake(
            _exchanged("D", "E"), "look at D again: its reward swings. Does every answer earn what a guess earns?"
        ),
        "run E": Mistake(
            {**_RIGHT, "E": "audio not fed"}, "look at E again: it starts where the sound run starts, so it could hear"
        ),
        "incomplete": Mistake({"A": "no cold start"}, "give one change for each of the letters A to E"),
    },
)

EXERCISES = (LORA, ROUND_TRIP, WHOLE_LOSS, DIAGNOSIS, GROUP_ADVANTAGES)
