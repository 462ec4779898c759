"""Rewards for the form of a completion: the blocks of R1-Omni and the explicit structured reasoning of EMO-RL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from emolab.errors import RewardError
from emolab.parsing import SECTIONS, parse
from emolab.rewards.base import Reward

STYLES = ("any", "direct", "free", "structured")
_PUBLISHED = re.compile(r"<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)


@dataclass(frozen=True)
class Format(Reward):
    """1 where the completion has the blocks of its style, each once, none empty, and nothing around them; else 0.

    `style` is "free" (a think block, then an answer), "direct" (only an answer), "structured" (as `Structure`) or
    "any" (an answer, thinking optional). With `published`, R1-Omni's expression (arXiv 2503.05379): the text starts
    and ends with the blocks, which may be empty or hold further tags.
    """

    style: str = "free"
    published: bool = False
    name: ClassVar[str] = "format"

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise RewardError(f"format style {self.style!r}: expected one of {', '.join(STYLES)}")

    @property
    def __name__(self) -> str:
        return "format_published" if self.published else self.name

    def score(self, text: str) -> float:  # type: ignore[override]
        if self.published:
            return float(_PUBLISHED.fullmatch(text.strip()) is not None)
        parsed = parse(text)
        if self.style == "structured":
            return float(parsed.structure_ok)
        fits = self.style == "any" or (parsed.think is not None) == (self.style == "free")
        return float(parsed.format_ok and fits)


@dataclass(frozen=True)
class Structure(Reward):
    """EMO-RL's explicit structured reasoning: content, acoustics (and visual), summary in order, then the answer.

    1 where the structure is complete and each section has at least `min_words` words (our addition: tags around a
    single letter are no reasoning). With `partial`, an otherwise well-formed completion earns the share of the
    required sections that it has; the paper does not say whether it does that, so it is off.
    """

    min_words: int = 2
    partial: bool = False
    name: ClassVar[str] = "structure"

    def score(self, text: str) -> float:  # type: ignore[override]
        parsed = parse(text)
        full = {name for name, content in parsed.sections.items() if len(content.split()) >= self.min_words}
        if parsed.structure_ok and full == set(parsed.sections):
            return 1.0
        required = [name for name in SECTIONS if name != "visual"]
        return sum(name in full for name in required) / len(required) if self.partial and parsed.format_ok else 0.0
