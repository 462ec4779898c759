"""The exercises of notebook 09: R1-Omni."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import ChoiceExercise, FunctionExercise, JudgedExercise, Mistake

Floats = NDArray[np.float64]


def _k3(now: Floats, reference: Floats) -> Floats:
    import torch

    from emolab_course.scratch import kl_k3

    found: Floats = kl_k3(torch.as_tensor(now), torch.as_tensor(reference)).numpy()
    return found


def _logprob_pairs(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    yield np.array([-0.5, -1.0]), np.array([-0.5, -1.0])
    yield np.array([-0.2, -2.0]), np.array([-1.2, -1.0])
    for _ in range(6):
        now = -rng.exponential(1.0, int(rng.integers(1, 9)))
        yield now, now + rng.normal(0, 0.5, len(now))


def _k1(now: Floats, reference: Floats) -> Floats:
    return now - reference


def _k2(now: Floats, reference: Floats) -> Floats:
    return (now - reference) ** 2 / 2


def _turned(now: Floats, reference: Floats) -> Floats:
    return _k3(reference, now)


def _without_one(now: Floats, reference: Floats) -> Floats:
    return _k3(now, reference) + 1


def _squared_ratio(now: Floats, reference: Floats) -> Floats:
    return (np.exp(reference - now) - 1) ** 2 / 2


def _mean(now: Floats, reference: Floats) -> Floats:
    return np.asarray(_k3(now, reference).mean())


K3_ESTIMATE = FunctionExercise(
    number="9.3",
    title="The k3 penalty",
    kind="derive",
    stars=2,
    minutes=15,
    why="β times this term is all that holds a policy near the model that it came from.",
    hints=(
        "The penalty must be 0 where both agree, and positive on both sides of it.",
        "With r = reference / policy as probabilities: k3 = r - log r - 1. You have logs: what is log r?",
        "d = reference - now; return np.exp(d) - d - 1.",
    ),
    reasoning=(
        "`log r = reference - now`, so `r - log r - 1 = exp(d) - d - 1`. Since exp(d) ≥ 1 + d, it is "
        "never negative, and it is 0 only at d = 0. Its mean over the policy's own samples is the KL "
        "divergence, because E[r] = 1 there: adding r - 1 changes the variance and not the mean. The "
        "plain log-ratio (k1) has the same mean, but can be negative for a single token."
    ),
    reference=_k3,
    inputs=_logprob_pairs,
    mistakes={
        "k1": Mistake(_k1, "that is the plain log-ratio, which can be negative; add r and take 1 away to make it k3"),
        "k2": Mistake(_k2, "that is half the squared log-ratio, k2; the formula asks for r - log r - 1"),
        "turned": Mistake(_turned, "your ratio is upside down: r is the reference's probability over the policy's"),
        "without one": Mistake(_without_one, "two policies that agree are no distance apart: do not forget the - 1"),
        "squared ratio": Mistake(
            _squared_ratio, "you square r - 1; the formula is r - log r - 1, which agrees with it only near r = 1"
        ),
        "mean": Mistake(_mean, "give one number for each token; the loss takes the mean later"),
    },
)


def _tilted(reference: Floats, reward: Floats, beta: float) -> Floats:
    logs = np.log(reference) + reward / beta
    weights = np.exp(logs - logs.max())
    found: Floats = weights / weights.sum()
    return found


def _policies(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats, float]]:
    yield np.array([0.8, 0.2]), np.array([0.0, 1.0]), 1.0
    yield np.array([0.8, 0.2]), np.array([0.0, 1.0]), 0.05
    yield np.array([0.5, 0.3, 0.2]), np.array([1.0, 1.0, 1.0]), 0.5
    for beta in (0.001, 0.1, 0.4, 2.0, 10.0):
        yield rng.dirichlet(np.ones(4)), rng.random(4).round(2), beta


def _times_beta(reference: Floats, reward: Floats, beta: float) -> Floats:
    return _tilted(reference, reward, 1 / beta)


def _without_reference(reference: Floats, reward: Floats, beta: float) -> Floats:
    return _tilted(np.full(len(reference), 1 / len(reference)), reward, beta)


def _not_normalised(reference: Floats, reward: Floats, beta: float) -> Floats:
    return reference * np.exp(np.minimum(reward / beta, 700.0))


def _mixture(reference: Floats, reward: Floats, beta: float) -> Floats:
    best = (reward == reward.max()) / (reward == reward.max()).sum()
    return (beta * reference + best) / (beta + 1)


def _overflows(reference: Floats, reward: Floats, beta: float) -> Floats:
    with np.errstate(all="ignore"):
        weights = reference * np.exp(reward / beta)
        found: Floats = weights / weights.sum()
    return found


def _logs(reference: Floats, reward: Floats, beta: float) -> Floats:
    return np.log(_tilted(reference, reward, beta))


BETA_SWEEP = FunctionExercise(
    number="9.4",
    title="The policy that β allows",
    kind="derive",
    stars=3,
    minutes=25,
    why="it says where a run ends if it is trained for ever, so a β can be chosen before any training.",
    hints=(
        "Which distribution has the largest mean reward minus β times its KL divergence from the reference?",
        "Set the derivative for each p to 0, with a multiplier: log p = log reference + reward / β + constant.",
        "logs = np.log(reference) + reward / beta; subtract the largest before np.exp; divide by the sum.",
    ),
    reasoning=(
        "Maximise $\\sum p_i r_i - \\beta \\sum p_i \\log(p_i/q_i)$ under $\\sum p_i = 1$. The derivative gives "
        "$r_i - \\beta(\\log(p_i/q_i) + 1) = \\lambda$, so $p_i \\propto q_i \\exp(r_i/\\beta)$. A large β leaves the "
        "reference as it is. A small β puts nearly all mass on the best answers. An answer that the reference never "
        "gives stays impossible, whatever it would earn: this is why a cold start matters. Subtracting the largest "
        "logarithm keeps exp from overflowing at small β."
    ),
    reference=_tilted,
    inputs=_policies,
    mistakes={
        "times beta": Mistake(_times_beta, "divide the reward by beta: a large beta must hold the policy back"),
        "without reference": Mistake(
            _without_reference, "the reference is missing: two answers with equal rewards keep their old ratio"
        ),
        "not normalised": Mistake(_not_normalised, "probabilities sum to one: divide by the sum"),
        "mixture": Mistake(
            _mixture, "that mixes the reference with the best answer; take the exponential of reward / β"
        ),
        "overflow": Mistake(_overflows, "exp overflows at small beta: subtract the largest logarithm first"),
        "logs": Mistake(_logs, "return probabilities, not their logarithms"),
    },
)

STARVED = ChoiceExercise(
    number="9.2",
    title="Starve a modality",
    kind="predict",
    stars=1,
    minutes=10,
    why="an experiment whose outcome is certain for one bar tells you whether your code removes what it says.",
    hints=(
        "Where is the information about the emotion in each kind of clip? What is left of it without the face?",
        "A model can always fail. Ask for which clips it cannot succeed.",
        "If the face alone tells the emotion, a clip without a face says nothing about it.",
    ),
    reasoning=(
        "In clips told by the face alone, voice and words are neutral. Without the face nothing distinguishes the "
        "emotions, so UA cannot stay above chance, beyond luck, whatever the model learned. If that bar stays up, the "
        "face was not removed, or something leaks. All other bars depend on the model: one that leaned on the face "
        "out of habit may get worse on clips told by the voice, and one that was misled by faces may get better."
    ),
    options={
        "a": "UA of clips told by the voice.",
        "b": "UA of clips told by the face.",
        "c": "UA of clips in which all modalities agree.",
        "d": "UA of clips in which the face contradicts the voice.",
        "e": "All of them.",
        "f": "None: it depends on what the model learned.",
    },
    right="b",
    mistakes={
        "a": Mistake("a", "The voice is still there. A model that listens can answer these as before."),
        "c": Mistake("c", "Voice and words still tell the emotion here."),
        "d": Mistake("d", "Without a misleading face these may become easier, not impossible."),
        "e": Mistake("e", "Where voice or words tell the emotion, the model can still know it."),
        "f": Mistake("f", "For most bars, yes. But for one kind of clip all evidence is gone."),
    },
)


def _deflated(answers: Sequence[Any]) -> tuple[str, str]:
    from emolab.rewards import Accuracy

    if not all(isinstance(answer, str) for answer in answers):
        return "not texts", f"The list holds {answers[0]!r}."
    if len(set(answers)) < 3:
        return "few", f"{len(set(answers))} different answers."
    gold = ["happy"] * len(answers)
    ours, released = (
        [float(value or 0.0) for value in Accuracy(published=published)(answers, solution=gold)]
        for published in (False, True)
    )
    measured = f"ours {sum(ours):g}, released {sum(released):g} of {len(answers)} right."
    if not any(ours):
        return "unreadable", measured
    if min(ours) < 1:
        return "one is wrong", measured
    if all(released):
        return "both agree", measured
    return ("one is paid by both" if any(released) else ""), measured


BAD_SCORER = JudgedExercise(
    number="9.1",
    title="A bad scorer",
    kind="break",
    stars=1,
    minutes=10,
    why="a base model below chance usually writes right answers that nobody could read.",
    hints=(
        "The released scorer compares strings. What does it do with a capital letter?",
        "Keep the answer block and the emotion, and change how the emotion is written.",
        '["<answer>Happy</answer>", "<answer>happy.</answer>", "<answer>happiness</answer>"]',
    ),
    reasoning=(
        "A capital letter, a full stop, a derived form: all are the right answer to a person and another string to "
        "the released scorer. An untaught model writes like this most of the time. So its score measures the form, "
        "and training that teaches the form looks like training that teaches emotion. One parser for all stages, and "
        "the parse rate beside each score, keep the two apart."
    ),
    takes=list,
    example=["<answer>Happy</answer>", "<answer>happy.</answer>", "<answer>happiness</answer>"],
    judge=_deflated,
    mistakes={
        "not texts": Mistake([1, 2, 3], "give a list of answers, each a text as a model writes it"),
        "few": Mistake(["<answer>Happy</answer>"] * 3, "give three different answers"),
        "unreadable": Mistake(
            ["what?", "no idea", "a voice"], "a person must read happy in them, and so must our parser"
        ),
        "one is wrong": Mistake(
            ["<answer>Happy</answer>", "<answer>Sad</answer>", "<answer>happy.</answer>"],
            "one of the answers is really wrong, or cannot be read; all must mean happy",
        ),
        "both agree": Mistake(
            [
                "<answer>happy</answer>",
                "<think>a</think><answer>happy</answer>",
                "<think>b</think><answer>happy</answer>",
            ],
            "both scorers count these as right: write the emotion in another way",
        ),
        "one is paid by both": Mistake(
            ["<answer>happy</answer>", "<answer>Happy</answer>", "<answer>happy!</answer>"],
            "the released scorer counts one of them as right: change that one",
        ),
    },
)

EXERCISES = (K3_ESTIMATE, BETA_SWEEP, STARVED, BAD_SCORER)
