"""Rewards for the form of a completion: the blocks of R1-Omni and the explicit structured reasoning of EMO-RL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from emolab.errors import RewardError
from emolab.parsing import SECTIONS, parse
from emolab.rewards.base import Named, each

STYLES = ("any", "direct", "free", "structured")


@dataclass(frozen=True)
class Format(Named):
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

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return each(self, completions, columns, self._score)

    def _score(self, text: str) -> float:
        if self.published:
            return float(_matches_published(text.strip()))
        parsed = parse(text)
        if self.style == "structured":
            return float(parsed.structure_ok)
        fits = self.style == "any" or (parsed.think is not None) == (self.style == "free")
        return float(parsed.format_ok and fits)


def _matches_published(text: str) -> bool:
    """Whether `<think>.*?</think>\\s*<answer>.*?</answer>` matches all of `text`, in linear time.

    The released regular expression tries every `</think>` against every `<answer>`, which is quadratic. It matches
    exactly where the text starts and ends with the blocks and somewhere only white space stands between a
    `</think>` and an `<answer>`.
    """
    if not (text.startswith("<think>") and text.endswith("</answer>")):
        return False
    last = len(text) - len("</answer>")
    end = text.find("</think>", len("<think>"))
    while end >= 0:
        start = end + len("</think>")
        while start < last and text[start].isspace():
            start += 1
        if text.startswith("<answer>", start) and start + len("<answer>") <= last:
            return True
        end = text.find("</think>", end + 1)
    return False


@dataclass(frozen=True)
class Structure(Named):
    """EMO-RL's explicit structured reasoning: content, acoustics (and visual), summary in order, then the answer.

    1 where the structure is complete and each section has at least `min_words` words (our addition: tags around a
    single letter are no reasoning). With `partial`, an otherwise well-formed completion earns the share of the
    required sections that it has; the paper does not say whether it does that, so it is off.
    """

    min_words: int = 2
    partial: bool = False
    name: ClassVar[str] = "structure"

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return each(self, completions, columns, self._score)

    def _score(self, text: str) -> float:
        parsed = parse(text)
        full = {name for name, content in parsed.sections.items() if word_count(content) >= self.min_words}
        if parsed.structure_ok and full == set(parsed.sections):
            return 1.0
        required = [name for name in SECTIONS if name != "visual"]
        return sum(name in full for name in required) / len(required) if self.partial and parsed.format_ok else 0.0


def word_count(text: str) -> int:
    """Words of a text: parts between white space, where each CJK character counts as one.

    >>> word_count("low and slow"), word_count("声音很低")
    (3, 4)
    """
    return sum(max(1, sum("\u3400" <= c <= "\u9fff" for c in part)) for part in text.split())
