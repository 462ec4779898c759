"""The rubrics that the recipes use, by name, for any set of labels.

One that ends in `published` pays as its paper's code does, holes included. Weights that a paper does not state are
ours: form and reasoning stay well below a right answer, and whatever can be had without one is gated by it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from emolab.emotions import EMOLAB_7, LabelSet, label_set
from emolab.errors import RewardError
from emolab.registry import Registry
from emolab.rewards.base import Reward
from emolab.rewards.captions import Bleu, Cider, EmoGRPO
from emolab.rewards.form import Format, Structure
from emolab.rewards.labels import ESWR, Accuracy
from emolab.rewards.reasoning import Perception, Support, TrustedReasoning
from emolab.rewards.rubric import Part, Rubric
from emolab.rewards.wheel import Alignment, Dual, WheelF

Build = Callable[[LabelSet], Rubric]
RUBRICS: Registry[Build | Reward] = Registry("reward", {}, RewardError)
"""Every known rubric by name, as a function of a label set; and every reward that was registered from outside."""


def register_rubric(build: Build) -> Build:
    """Make a rubric known by the name of its function; the first line of the docstring becomes its note."""
    RUBRICS.add(build.__name__, build)
    return build


def rubric(name: str, labels: LabelSet | Sequence[str] | str = EMOLAB_7) -> Rubric:
    """A known rubric for a set of labels (a set, its name, or a list). A registered reward becomes a one-part rubric.

    Raises RewardError that lists the names.
    """
    if name not in RUBRICS:
        raise RewardError(f"no rubric {name!r}; known are {', '.join(RUBRICS)}")
    found: Any = RUBRICS[name]
    if is_reward(found):
        return found if isinstance(found, Rubric) else Rubric.of([found], name)
    return replace(found(label_set(labels)), note=(inspect.getdoc(found) or "").partition("\n")[0])


def is_reward(thing: Any) -> bool:
    """Whether something takes completions, rather than making a rubric of a label set."""
    return "completions" in inspect.signature(thing).parameters


@register_rubric
def direct(labels: LabelSet) -> Rubric:
    """Answer only: the baseline without reasoning."""
    return Rubric("direct", (Part(Accuracy(labels)), Part(Format("direct"), weight=0.2)))


@register_rubric
def emo_rl(labels: LabelSet) -> Rubric:
    """EMO-RL: similarity-weighted accuracy and explicit structured reasoning."""
    return Rubric("emo_rl", (Part(ESWR(labels)), Part(Structure(), weight=0.2)))


@register_rubric
def emo_rl_published(labels: LabelSet) -> Rubric:
    """EMO-RL read literally: a correct neutral earns nothing."""
    return Rubric("emo_rl_published", (Part(ESWR(labels, published=True)), Part(Structure(min_words=1), weight=0.2)))


@register_rubric
def r1_omni(labels: LabelSet) -> Rubric:
    """R1-Omni: accuracy plus format, unweighted, through the one parser."""
    return Rubric("r1_omni", (Part(Accuracy(labels)), Part(Format("free"))))


@register_rubric
def r1_omni_published(labels: LabelSet) -> Rubric:
    """R1-Omni as released: exact string match, and an expression that takes empty and nested blocks."""
    return Rubric("r1_omni_published", (Part(Accuracy(labels, published=True)), Part(Format(published=True))))


def _beside_wheel_f(*rewards: Dual | Alignment | Perception) -> tuple[Part, ...]:
    return tuple(Part(reward, weight=0.2, gate="wheel_f") for reward in rewards)


@register_rubric
def affectgpt_rl(labels: LabelSet) -> Rubric:
    """AffectGPT-RL: all five rewards, the last three only beside an answer that earns something."""
    answer = (Part(WheelF()), Part(Format("free"), weight=0.5))
    return Rubric("affectgpt_rl", (*answer, *_beside_wheel_f(Dual(), Alignment(), Perception())))


@register_rubric
def affectgpt_rl_published(labels: LabelSet) -> Rubric:
    """AffectGPT-RL without length penalty or gates: listing every emotion word pays."""
    rewards = (WheelF(published=True), Format(published=True), Dual(published=True), Alignment(), Perception())
    return Rubric.of(rewards, "affectgpt_rl_published")


@register_rubric
def affectgpt_rl_no_think(labels: LabelSet) -> Rubric:
    """AffectGPT-RL without thinking, which its ablation found best."""
    return Rubric("affectgpt_rl_no_think", (Part(WheelF()), Part(Format("direct"), weight=0.5)))


@register_rubric
def mecap_r1(labels: LabelSet) -> Rubric:
    """MECap-R1: centred emotion consistency gates BLEU and CIDEr (which stands in for SPICE)."""
    overlap = (Part(Bleu(), gate="emo_grpo", weight=0.5), Part(Cider(), gate="emo_grpo", weight=0.5))
    return Rubric("mecap_r1", (Part(EmoGRPO()), *overlap))


@register_rubric
def mecap_r1_published(labels: LabelSet) -> Rubric:
    """MECap-R1 with uncentred anchors: nearly any caption scores near 1."""
    return Rubric.of([EmoGRPO(published=True), (Bleu(), 0.5), (Cider(), 0.5)], "mecap_r1_published")


@register_rubric
def emotion_thinker(labels: LabelSet) -> Rubric:
    """EmotionThinker: a reasoning reward that enters late, scaled by trust."""
    reasoning = Part(TrustedReasoning(accuracy=Accuracy(labels)), gate="accuracy", weight=0.5)
    return Rubric("emotion_thinker", (Part(Accuracy(labels)), Part(Format("free"), weight=0.2), reasoning))


@register_rubric
def erv(labels: LabelSet) -> Rubric:
    """ERV: the rationale must support a right answer."""
    support = Part(Support(), gate="accuracy", weight=0.5)
    return Rubric("erv", (Part(Accuracy(labels)), Part(Format("free"), weight=0.2), support))
