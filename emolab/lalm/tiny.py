"""The tiny model that ships with the package: where it and its adapters lie, and its special tokens.

Real `Qwen2_5OmniThinkerForConditionalGeneration` classes at about 5 M parameters, so that every line of code that runs
on the 7B model runs here too. `data_scripts/pretrain_tiny.py` made the weights; MODEL_CARD.md beside them says what it
can do.
"""

from __future__ import annotations

from pathlib import Path

from emolab.errors import ModelError

TINY_FOLDER = Path(__file__).parent / "tiny_data"
SHIPPED_ADAPTERS = {
    ("emo-rl", "grpo"): TINY_FOLDER / "emo-rl",
    ("r1-omni", "cold_start"): TINY_FOLDER / "r1-omni" / "cold_start",
    ("r1-omni", "grpo"): TINY_FOLDER / "r1-omni" / "grpo",
}
TAUGHT_FOLDER = TINY_FOLDER / "emo-rl"  # of `emolab train emo-rl --reasoning structured`: what `predict` uses
_NAMES = "endoftext im_start im_end AUDIO audio_bos audio_eos IMAGE VIDEO vision_bos vision_eos"
SPECIAL_TOKENS = tuple(f"<|{name}|>" for name in _NAMES.split())


def shipped_adapter(recipe: str, stage: str) -> Path:
    """The folder of the adapter that is shipped for tiny-omni, as a recipe's stage left it.

    Shipped are the stages "cold_start" and "grpo" of r1-omni, and "grpo" of emo-rl with structured reasons. Raises
    ModelError for another.
    """
    found = SHIPPED_ADAPTERS.get((recipe, stage))
    if found is None:
        known = ", ".join(" ".join(key) for key in SHIPPED_ADAPTERS)
        raise ModelError(f"no adapter is shipped for {recipe} {stage}; there are {known}")
    return found
