"""What EMO-RL (arXiv 2509.15654) claims, and the runs that test it."""

from __future__ import annotations

from typing import Any

from benchmarks.claims.declare import Arm, Claim, Contrast

RECIPE = "emo-rl"
BUDGET: dict[str, Any] = {
    "quantise": None,
    "cold_per_label": 8,
    "cold_epochs": 8.0,
    "learning_rate": 4e-4,
    "prompts_per_step": 16,
    "steps": 80,
    "sft_epochs": 1.2,  # as many labels as GRPO is rewarded with: 80 steps of 16 clips, of about 1100
    "test_per_label": 30,
    "alpha": 1.0,
    "alpha_end": 0.0,
}
FORM = {"cold_per_label": 12, "cold_epochs": 10.0, "steps": 60}  # a form that is written out takes more to learn
DIRECT, FREE, STRUCTURED = ({**FORM, "reasoning": style} for style in ("direct", "free", "structured"))

CURRICULUM = Arm("ESWR, α falls 1 → 0", RECIPE)
CONSTANT = Arm("ESWR, α = 1", RECIPE, {"alpha_end": 1.0}, start={})
ACCURACY = Arm("accuracy", RECIPE, {"reward": "accuracy"}, start={})
COLD = Arm("cold start", RECIPE, stage="before")
SUPERVISED = Arm("supervised", RECIPE, stage="sft")

CLAIMS = (
    Claim(
        "emo-rl-eswr",
        RECIPE,
        "ESWR beats a plain accuracy reward",
        "rewarding near misses on Plutchik's circle (1 for the right label, α·S for a neighbour, α annealed) instead "
        "of right answers alone makes reinforcement learning stable and its accuracy higher.",
        "2",
        "the voice alone, answers without reasoning, three rewards from the same cold starts: ESWR with the "
        "curriculum, ESWR that keeps α = 1, and plain accuracy. Groups without signal are those whose answers "
        "all earn the same; they teach nothing, and partial credit should make them rarer.",
        (CURRICULUM, CONSTANT, ACCURACY, COLD),
        (
            Contrast(CURRICULUM.name, ACCURACY.name, "ua"),
            Contrast(CURRICULUM.name, ACCURACY.name, "ua", sign=-1, of="spread"),
            Contrast(CURRICULUM.name, ACCURACY.name, "zero_variance", sign=-1),
            Contrast(CONSTANT.name, ACCURACY.name, "ua", count=False),
            Contrast(CONSTANT.name, CURRICULUM.name, "ua", count=False),
            Contrast(CURRICULUM.name, COLD.name, "ua", count=False),
        ),
        also=(("zero_variance", "home"),),
    ),
    Claim(
        "emo-rl-reasoning",
        RECIPE,
        "Structured beats free reasoning beats none, after training",
        "explicit structured reasoning (ESR) beats free reasoning (EUR), which beats an answer without reasoning (IR), "
        "once the model was trained with reinforcement; an independent check found that structure hurts before.",
        "2",
        "three cold starts on the same clips, which differ in the form of the answer alone, and GRPO with ESWR from "
        "each, for as many steps. From the structured one also GRPO with plain accuracy: does ESWR teach it to hedge?",
        (
            Arm("structured, before", RECIPE, STRUCTURED, "before"),
            Arm("free, before", RECIPE, FREE, "before"),
            Arm("direct, before", RECIPE, DIRECT, "before"),
            Arm("structured, after", RECIPE, STRUCTURED),
            Arm("free, after", RECIPE, FREE),
            Arm("direct, after", RECIPE, DIRECT),
            Arm("structured, after accuracy", RECIPE, {**STRUCTURED, "reward": "accuracy"}, start=STRUCTURED),
        ),
        (
            Contrast("structured, after", "free, after", "ua"),
            Contrast("free, after", "direct, after", "ua"),
            Contrast("structured, before", "free, before", "ua", sign=-1),
            Contrast("free, before", "direct, before", "ua", sign=-1),
            Contrast("structured, after", "direct, after", "ua", count=False),
            Contrast("structured, after", "structured, before", "ua", count=False),
            Contrast("structured, after", "structured, after accuracy", "ua", count=False),
        ),
        also=(("parsed", "home"),),
    ),
    Claim(
        "emo-rl-transfer",
        RECIPE,
        "Reinforcement travels further than supervision",
        "trained on the same corpus, reinforcement scores higher than supervised fine-tuning on another corpus.",
        "2",
        "GRPO with ESWR from a cold start, beside supervised fine-tuning of the same model on the labels that GRPO is "
        "rewarded for, measured in the training domain and in one with other talkers, sentences and rooms.",
        (CURRICULUM, SUPERVISED, COLD),
        (
            Contrast(CURRICULUM.name, SUPERVISED.name, "ua", "elsewhere"),
            Contrast(CURRICULUM.name, SUPERVISED.name, "ua", count=False),
            Contrast(CURRICULUM.name, COLD.name, "ua", "elsewhere", count=False),
        ),
        also=(("ua", "home"),),
    ),
)
