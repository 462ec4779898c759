"""What AffectGPT-RL (arXiv 2605.06126) claims, and the runs that test it.

All arms are without our guards, as published: they would stop the spam that the length penalties are there to stop.
"""

from __future__ import annotations

from typing import Any

from benchmarks.claims.declare import Arm, Claim, Contrast

RECIPE = "affectgpt-rl"
BUDGET: dict[str, Any] = {
    "quantise": None,
    "length_penalty": "none",
    "steps": 50,
    "test_per_label": 30,
    "sft_epochs": 0.5,  # as many samples as GRPO is rewarded for: 50 steps of 12, of about 1200
}
COLD = Arm("cold start", RECIPE, stage="before")
SUPERVISED = Arm("supervised", RECIPE, stage="sft")
WHEEL = Arm("wheel reward", RECIPE)
PENALISED = tuple(Arm(name, RECIPE, {"length_penalty": name}, start={}) for name in ("P1", "P2", "P3"))
THINKING = {"thinking": True}

CLAIMS = (
    Claim(
        "affectgpt-rl-wheel",
        RECIPE,
        "A wheel reward beats supervision on the wheel",
        "token losses are misaligned with the emotion-wheel metric; rewarding the metric itself raises it (62.5 "
        "without reinforcement, up to 68.4 with it).",
        "2",
        "voice, face and words; answers are lists of emotion words without reasons. GRPO on wheel F and format from a "
        "cold start, beside supervised fine-tuning on as many of the lists that GRPO is rewarded with.",
        (WHEEL, SUPERVISED, COLD),
        (
            Contrast(WHEEL.name, SUPERVISED.name, "wheel_f"),
            Contrast(WHEEL.name, COLD.name, "wheel_f", count=False),
        ),
        also=(("n_words", "home"),),
    ),
    Claim(
        "affectgpt-rl-thinking",
        RECIPE,
        "Without thinking is better",
        "in its ablation, answering at once scores higher (68.4) than thinking first with all five rewards (59.5).",
        "2",
        "two cold starts on the same clips, one of which also learns to write reasons, and GRPO from each for as many "
        "steps: with wheel F and format, and for reasons with the dual, alignment and perception rewards too; thinking "
        "also with the first two alone, since the extra rewards could be what costs.",
        (
            Arm("at once, after", RECIPE),
            Arm("thinking, after", RECIPE, THINKING),
            Arm("thinking, after two rewards", RECIPE, {**THINKING, "reward": "format"}, start=THINKING),
            Arm("at once, before", RECIPE, stage="before"),
            Arm("thinking, before", RECIPE, THINKING, "before"),
        ),
        (
            Contrast("at once, after", "thinking, after", "wheel_f"),
            Contrast("at once, before", "thinking, before", "wheel_f", count=False),
            Contrast("thinking, after two rewards", "thinking, after", "wheel_f", count=False),
        ),
        also=(("n_words", "home"),),
    ),
    Claim(
        "affectgpt-rl-length",
        RECIPE,
        "A length penalty stops label spam at no cost",
        "the wheel metric pays for naming many words; factors P1 = 1/(Lp − Lg + 1), P2 = Lg/Lp and P3 = "
        "log Lg / log Lp on the reward shorten answers, at about the same wheel F (67.4 to 68.1 against 68.4).",
        "2",
        "the same reward without a penalty and with each, from the same cold starts, all without guards.",
        (WHEEL, *PENALISED, COLD),
        (
            *(Contrast(arm.name, WHEEL.name, "n_words", sign=-1) for arm in PENALISED),
            *(Contrast(arm.name, WHEEL.name, "wheel_f", no_worse=True) for arm in PENALISED),
        ),
        also=(("n_words", "home"), ("wheel_f", "home")),
    ),
    Claim(
        "affectgpt-rl-transfer",
        RECIPE,
        "What the wheel reward teaches carries over",
        "the gain carries over to what was not rewarded: the basic emotion (hit rate) and the sentiment (weighted "
        "F1) of MER-UniBench.",
        "2",
        "the words of the first claim's answers, read as one basic emotion and as a sentiment; also in another domain.",
        (WHEEL, SUPERVISED, COLD),
        (
            Contrast(WHEEL.name, COLD.name, "hit_rate"),
            Contrast(WHEEL.name, COLD.name, "sentiment"),
            Contrast(WHEEL.name, SUPERVISED.name, "hit_rate", count=False),
            Contrast(WHEEL.name, SUPERVISED.name, "sentiment", count=False),
        ),
        also=(("wheel_f", "elsewhere"),),
    ),
)
