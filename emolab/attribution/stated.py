"""What a rationale states, beside what was measured, and beside what is true of the recording."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab.metrics.bootstrap import interval
from emolab.parsing import parse
from emolab.samples import MODALITIES

Floats = NDArray[np.float64]
STATED = {
    "audio": re.compile(
        r"\b(voice|pitch|tone|loud\w*|quiet|fast|slow|pace|speak\w*|sounds?|breathy|rough|shaky|vocal|acoustic\w*|audio|"
        r"rhythm|intonation|volume|falling|rising|heard|hear)\b",
        re.I,
    ),
    "video": re.compile(
        r"\b(face|facial|brows?|eyebrows?|eyes?|mouth|nose|lips?|smil\w*|frown\w*|visual\w*|expression|look\w*|sees?|seen|"
        r"video)\b",
        re.I,
    ),
    "text": re.compile(
        r"\b(words?|wording|says?|said|text|sentence|content|transcript|lexical|phrase|meaning)\b", re.I
    ),
}
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


def stated_against_measured(
    texts: Sequence[str],
    values: Floats,
    threshold: Floats,
    groups: Sequence[Hashable],
    modalities: Sequence[str] = MODALITIES,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Do rationales name the modality that moved the answer?

    A modality contributed where its φ (N, M) exceeds the `threshold` (M,), which is what an uninformative modality
    gets. `hallucination` is the share of stated modalities that did not contribute, `omission` the share of
    contributing modalities that are not stated, and `agreement` the share of rationales that state the modality with
    the largest φ. `silent` counts the rationales that state nothing.
    """
    stated = np.array([[m in stated_modalities(t) for m in modalities] for t in texts]).reshape(
        len(texts), len(modalities)
    )
    counted = values > threshold
    top = np.argmax(values, axis=1) if len(values) else np.zeros(0, int)
    speaks = np.flatnonzero(stated.any(1))
    result: dict[str, Any] = {"n": len(speaks), "silent": len(texts) - len(speaks)}
    if not len(speaks):
        return result | {"hallucination": None, "omission": None, "agreement": None}
    owners = [groups[int(i)] for i in speaks]

    def ratio(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> Callable[[NDArray[np.int_]], float]:
        return lambda i: float(part[i].sum() / whole[i].sum()) if whole[i].any() else float("nan")

    s, c = stated[speaks], counted[speaks]
    named = s[np.arange(len(s)), top[speaks]][:, None]
    parts = {"hallucination": (s & ~c, s), "omission": (c & ~s, c), "agreement": (named, np.ones_like(named))}
    for name, (part, whole) in parts.items():
        result[name] = ratio(part, whole)(np.arange(len(speaks)))
        result[f"{name}_ci"] = interval(ratio(part, whole), owners, n_boot, seed)
    return result


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


def with_reasons(text: str, reasons: str) -> str:
    """A completion with the same answer and other reasons; one without an answer block stays as it is.

    >>> with_reasons("<think>the face tells it</think><answer>sad</answer>", "the voice tells it")
    '<think>the voice tells it</think><answer>sad</answer>'
    """
    start = text.rfind("<answer>")
    return text if start < 0 else f"<think>{reasons}</think>{text[start:]}"
