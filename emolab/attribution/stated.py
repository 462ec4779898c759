"""Which modalities a rationale states as its evidence, and a rationale that states them."""

from __future__ import annotations

import re
from collections.abc import Collection

from emolab.files import read_toml
from emolab.parsing import parse
from emolab.samples import MODALITIES

_WORDS = read_toml(__file__, "stated.toml")
STATED = {m: re.compile(rf"\b({'|'.join(words.split())})\b", re.I) for m, words in _WORDS.items()}
"""The vocabulary of each modality."""
SECTION_MODALITY = {"content": "text", "acoustics": "audio", "visual": "video"}
SPLIT_CLAIM = re.compile(r"\b(neutral|no (?:clear )?emotion|nothing|unclear|plain|ordinary)\b", re.I)
NAMES = {"audio": "the voice", "video": "the face", "text": "the words"}


def stated_modalities(text: str) -> set[str]:
    """The modalities that a rationale claims as evidence.

    In a structured rationale these are the sections that say more than "neutral" or nothing. In any other rationale
    they are the modalities whose vocabulary (STATED) it uses.
    """
    parsed = parse(text)
    if any(name in parsed.sections for name in SECTION_MODALITY):
        return {
            SECTION_MODALITY[n]
            for n, words in parsed.sections.items()
            if n in SECTION_MODALITY and not SPLIT_CLAIM.search(words)
        }
    return {m for m, pattern in STATED.items() if pattern.search(parsed.think or "")}


def evidence_sentence(carriers: Collection[str]) -> str:
    """A rationale that names where the evidence lies.

    >>> evidence_sentence(["audio", "text"])
    'the voice and the words tell it'
    """
    named = [NAMES[m] for m in MODALITIES if m in carriers]
    if not named:
        return "nothing tells it"
    single = len(named) == 1 and "text" not in carriers
    return f"{' and '.join(named)} {'tells' if single else 'tell'} it"
