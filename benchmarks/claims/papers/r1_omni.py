"""What R1-Omni (arXiv 2503.05379) claims, and the runs that test it."""

from __future__ import annotations

from typing import Any

from benchmarks.claims.declare import Arm, Claim, Contrast

RECIPE = "r1-omni"
BUDGET: dict[str, Any] = {
    "quantise": None,
    "steps": 80,
    "sft_epochs": 1.0,  # as many labels as GRPO is rewarded with: 80 steps of 16 clips, of about 1200
    "test_per_label": 30,
}
COLD = Arm("cold start", RECIPE, stage="before")
SUPERVISED = Arm("supervised", RECIPE, stage="sft")
RLVR = Arm("RLVR", RECIPE)

CLAIMS = (
    Claim(
        "r1-omni-rlvr",
        RECIPE,
        "Verifiable rewards beat the cold start and supervision",
        "on the corpora it was trained on, reinforcement with a verifiable reward scores UAR 56 and 40 (DFEW, MAFW), "
        "supervised fine-tuning on the same labels 44 and 30, the cold start 35 and 28.",
        "S",
        "voice, face and words; a cold start that names where the evidence lies, then GRPO on accuracy and format. "
        "Beside it, supervised fine-tuning on as many of the labels that GRPO is rewarded with.",
        (RLVR, SUPERVISED, COLD),
        (
            Contrast(RLVR.name, COLD.name, "ua"),
            Contrast(RLVR.name, SUPERVISED.name, "ua"),
        ),
        also=(("parsed", "home"),),
    ),
    Claim(
        "r1-omni-elsewhere",
        RECIPE,
        "Verifiable rewards generalise where supervision does not",
        "on RAVDESS, which nothing was trained on, it scores UAR 45, supervised fine-tuning 31, the cold start 27.",
        "S",
        "the same runs, measured in a domain with other talkers, sentences and rooms.",
        (RLVR, SUPERVISED, COLD),
        (
            Contrast(RLVR.name, COLD.name, "ua", "elsewhere"),
            Contrast(RLVR.name, SUPERVISED.name, "ua", "elsewhere"),
        ),
    ),
    Claim(
        "r1-omni-rationale",
        RECIPE,
        "The rationale names what carried the emotion",
        "rationales show which modality contributed to the answer; the paper reads examples and measures nothing.",
        "S",
        "clips whose emotion lies in the voice alone, the face alone or the words alone: does the rationale name that "
        "one and no other? Beyond habit: less the share that the same rationales would reach if dealt out at random.",
        (RLVR, COLD),
        (
            Contrast(RLVR.name, None, "beyond_habit"),
            Contrast(RLVR.name, COLD.name, "names_carrier", count=False),
        ),
        also=(("names_carrier", "home"), ("beyond_habit", "home")),
    ),
)
