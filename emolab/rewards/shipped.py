"""The rubrics that the recipes use, by name. One that ends in `published` pays as its paper's code does, holes
included.

Weights that a paper does not state are ours: form and reasoning stay well below a right answer, and whatever can be
had without one is gated by it.
"""

from __future__ import annotations

from emolab.errors import RewardError
from emolab.rewards.base import Reward
from emolab.rewards.captions import Bleu, Cider, EmoGRPO
from emolab.rewards.form import Format, Structure
from emolab.rewards.labels import ESWR, Accuracy
from emolab.rewards.reasoning import Perception, Support, TrustedReasoning
from emolab.rewards.rubric import Part, Rubric
from emolab.rewards.wheel import Alignment, Dual, WheelF


def _beside_wheel_f(reward: Reward) -> Part:
    return Part(reward, weight=0.2, gate="wheel_f")


RUBRICS: dict[str, Rubric] = {
    rubric.name: rubric
    for rubric in (
        Rubric(
            "direct",
            (Part(Accuracy()), Part(Format("direct"), weight=0.2)),
            note="Answer only: the baseline without reasoning.",
        ),
        Rubric(
            "emo_rl",
            (Part(ESWR()), Part(Structure(), weight=0.2)),
            note="EMO-RL: similarity-weighted accuracy and explicit structured reasoning.",
        ),
        Rubric(
            "emo_rl_published",
            (Part(ESWR(published=True)), Part(Structure(min_words=1), weight=0.2)),
            note="EMO-RL read literally: a correct neutral earns nothing.",
        ),
        Rubric(
            "r1_omni",
            (Part(Accuracy()), Part(Format("free"))),
            note="R1-Omni: accuracy plus format, unweighted, through the one parser.",
        ),
        Rubric(
            "r1_omni_published",
            (Part(Accuracy(published=True)), Part(Format(published=True))),
            note="R1-Omni as released: exact string match, and an expression that takes empty and nested blocks.",
        ),
        Rubric(
            "affectgpt_rl",
            (
                Part(WheelF()),
                Part(Format("free"), weight=0.5),
                _beside_wheel_f(Dual()),
                _beside_wheel_f(Alignment()),
                _beside_wheel_f(Perception()),
            ),
            note="AffectGPT-RL: all five rewards, the last three only beside an answer that earns something.",
        ),
        Rubric(
            "affectgpt_rl_published",
            (
                Part(WheelF(published=True)),
                Part(Format(published=True)),
                Part(Dual(published=True)),
                Part(Alignment()),
                Part(Perception()),
            ),
            note="AffectGPT-RL without length penalty or gates: listing every emotion word pays.",
        ),
        Rubric(
            "affectgpt_rl_no_think",
            (Part(WheelF()), Part(Format("direct"), weight=0.5)),
            note="AffectGPT-RL without thinking, which its ablation found best.",
        ),
        Rubric(
            "mecap_r1",
            (Part(EmoGRPO()), Part(Bleu(), gate="emo_grpo", weight=0.5), Part(Cider(), gate="emo_grpo", weight=0.5)),
            note="MECap-R1: centred emotion consistency gates BLEU and CIDEr (which stands in for SPICE).",
        ),
        Rubric(
            "mecap_r1_published",
            (Part(EmoGRPO(published=True)), Part(Bleu(), weight=0.5), Part(Cider(), weight=0.5)),
            note="MECap-R1 with uncentred anchors: nearly any caption scores near 1.",
        ),
        Rubric(
            "emotion_thinker",
            (Part(Accuracy()), Part(Format("free"), weight=0.2), Part(TrustedReasoning(), gate="accuracy", weight=0.5)),
            note="EmotionThinker: a reasoning reward that enters late, scaled by trust.",
        ),
        Rubric(
            "erv",
            (Part(Accuracy()), Part(Format("free"), weight=0.2), Part(Support(), gate="accuracy", weight=0.5)),
            note="ERV: the rationale must support a right answer.",
        ),
    )
}


def rubric(name: str) -> Rubric:
    """A shipped rubric by name. Raises RewardError that lists the names."""
    if name not in RUBRICS:
        raise RewardError(f"no rubric {name!r}; shipped are {', '.join(RUBRICS)}")
    return RUBRICS[name]
