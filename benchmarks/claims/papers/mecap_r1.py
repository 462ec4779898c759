"""What MECap-R1 (arXiv 2509.18729) claims, and the runs that test it."""

from __future__ import annotations

from typing import Any

from benchmarks.claims.declare import Arm, Claim, Contrast

RECIPE = "mecap-r1"
BUDGET: dict[str, Any] = {
    "quantise": None,
    "modalities": ("audio", "video", "text"),
    "carriers": ("audio", "video", "text"),
    "steps": 36,
    "test_per_label": 24,
    "sft_epochs": 0.5,  # as many captions as GRPO is rewarded for: 36 steps of 16, of about 1200
}
COLD = Arm("cold start", RECIPE, stage="before")
SUPERVISED = Arm("supervised", RECIPE, {"sft_epochs": 2.0}, "sft")
BRIEF = Arm("supervised, half an epoch", RECIPE, stage="sft")
FULL = Arm("Emo-GRPO", RECIPE)
NO_EMOTION = Arm("no emotion reward", RECIPE, {"emotion_weight": 0.0}, start={})
NO_START = Arm("no cold start", RECIPE, {"cold_epochs": 0.0})
NO_VIDEO = Arm("no video", RECIPE, {"modalities": ("audio", "text")})
NO_TEXT = Arm("no text", RECIPE, {"modalities": ("audio", "video")})

CLAIMS = (
    Claim(
        "mecap-r1-sft",
        RECIPE,
        "Emo-GRPO writes better captions than supervision",
        "supervised captions reach BLEU-4 3.5, with Emo-GRPO 7.2, and the captions become more varied.",
        "2",
        "voice, face and words; captions of the tone of voice and the feeling. GRPO on R_emo + BLEU + CIDEr from a "
        "cold start, beside supervised fine-tuning, from the model as it comes, on the captions that GRPO is rewarded "
        "with: two epochs, and half an epoch, which is as many captions as GRPO sees.",
        (FULL, SUPERVISED, BRIEF, COLD),
        (
            Contrast(FULL.name, SUPERVISED.name, "bleu_4"),
            Contrast(FULL.name, SUPERVISED.name, "emotion_f1"),
            Contrast(FULL.name, SUPERVISED.name, "distinct_2"),
            Contrast(FULL.name, BRIEF.name, "bleu_4", count=False),
            Contrast(FULL.name, COLD.name, "bleu_4", count=False),
            Contrast(FULL.name, COLD.name, "emotion_f1", count=False),
            Contrast(FULL.name, COLD.name, "distinct_2", count=False),
        ),
        also=(("emotion_f1", "home"), ("distinct_2", "home")),
    ),
    Claim(
        "mecap-r1-emotion",
        RECIPE,
        "The emotion reward adds to overlap",
        "without the emotion reward BLEU-4 falls from 7.2 to 6.6; it is what makes captions name the right feeling.",
        "2",
        "the full reward beside BLEU + CIDEr alone, from the same cold starts.",
        (FULL, NO_EMOTION, COLD),
        (
            Contrast(FULL.name, NO_EMOTION.name, "emotion_f1"),
            Contrast(FULL.name, NO_EMOTION.name, "bleu_4"),
        ),
        also=(("emotion_f1", "home"), ("bleu_4", "home")),
    ),
    Claim(
        "mecap-r1-cold",
        RECIPE,
        "Without a supervised start there is nothing to reinforce",
        "reinforcement without supervised fine-tuning before it ends at BLEU-4 0.0.",
        "2",
        "the same reward and steps, once from the model as it comes.",
        (FULL, NO_START),
        (
            Contrast(FULL.name, NO_START.name, "bleu_4"),
            Contrast(FULL.name, NO_START.name, "emotion_f1"),
        ),
    ),
    Claim(
        "mecap-r1-modalities",
        RECIPE,
        "Face and words both add to the voice",
        "audio, text and video together describe an emotion better than without text or without video.",
        "2",
        "cold start and GRPO with all three, without the face, and without the words, on the same clips, whose emotion "
        "may lie in any of the three.",
        (FULL, NO_VIDEO, NO_TEXT),
        (
            Contrast(FULL.name, NO_VIDEO.name, "emotion_f1"),
            Contrast(FULL.name, NO_TEXT.name, "emotion_f1"),
            Contrast(FULL.name, NO_VIDEO.name, "bleu_4", count=False),
            Contrast(FULL.name, NO_TEXT.name, "bleu_4", count=False),
        ),
    ),
)
