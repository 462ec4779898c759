"""Rewards for captions: Emo-GRPO's emotion consistency (MECap-R1, arXiv 2509.18729), BLEU and CIDEr."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from emolab.caches import text_cache
from emolab.emotions.denial import readable_text
from emolab.errors import RewardError
from emolab.metrics.captions import DocumentFrequency, Gram, Reference, bleu_tokenizer, cider_sample, references
from emolab.parsing import answer_text
from emolab.rewards.base import Named, each
from emolab.rewards.embedding import BUILT_IN, embed
from emolab.rewards.wheel import contradicts
from emolab.wheels.scan import emotion_words
from emolab.wheels.score import jaccard, sample_rows
from emolab.wheels.shipped import lexicon

log = logging.getLogger("emolab.rewards")
ANCHOR_FAMILIES: dict[str, tuple[str, ...]] = {
    "neutral": ("neutral",),
    "happy": ("joy", "amusement"),
    "sad": ("sadness", "grief"),
    "angry": ("anger", "frustration"),
    "fearful": ("fear", "anxiety"),
    "disgusted": ("disgust",),
    "surprised": ("surprise",),
}
"""Families of our lexicon whose words make each emotion's anchor (the paper does not print its word lists)."""

_WORDS_PER_ANCHOR = 16


@lru_cache(maxsize=8)
def anchors(model: str = BUILT_IN) -> NDArray[np.float64]:
    """One row an emotion, in canonical order (7, D): the mean of the embeddings of its words."""
    rows = []
    for emotion in ANCHOR_FAMILIES:
        words = [word.word for family in ANCHOR_FAMILIES[emotion] for word in lexicon() if word.family == family]
        rows.append(np.mean([embed(word, model) for word in words[:_WORDS_PER_ANCHOR]], axis=0))
    return np.stack(rows)


@lru_cache(maxsize=16)
def _axes(model: str, centre: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit anchors (7, D) and the mean that is taken off texts and anchors first (zero where not centred)."""
    rows = anchors(model)
    mean = rows.mean(axis=0) if centre else np.zeros(rows.shape[1])
    moved = rows - mean
    return moved / np.linalg.norm(moved, axis=1, keepdims=True), mean


@text_cache(4096)
def profile(text: str, model: str = BUILT_IN, centre: bool = True) -> NDArray[np.float64]:
    """Φ(text): cosines of the text's embedding with each anchor, (7,)."""
    axes, mean = _axes(model, centre)
    moved = embed(text, model) - mean
    norm = float(np.linalg.norm(moved))
    return axes @ moved / norm if norm else np.zeros(len(axes))


def caption_of(text: str) -> str:
    """The caption of a completion: its answer, or "" where it has none."""
    return answer_text(text) or ""


@dataclass(frozen=True)
class EmoGRPO(Named):
    """R_emo = cos(Φ(generated), Φ(reference)), where Φ(text) holds the text's cosines with seven emotion anchors.

    With `centre` (ours), the mean anchor is taken off anchors and texts first. Without it (`published`), embeddings
    share a direction, Φ is nearly constant and R_emo near 1 for anything.

    Our guards, off where `published`: values below `floor` count 0. The caption must name the reference's emotions
    (Jaccard of at least `overlap` on the wheels; a denied emotion is not named), since a text without any emotion is
    never far from all anchors; where the reference names none that the lexicon knows, the reward is None. With
    `consistent`, a caption that names pleasant and unpleasant emotions counts 0, unless the reference does. With
    `hedge` above 0 the value is multiplied by F·P^hedge of the emotions on the wheels, as in `WheelF`, so that naming
    two likely emotions blindly does not pay.

    `embedder` is "built-in" (English and Chinese) or a sentence-transformers model.
    Raises RewardError for a reference in a script that the lexicon cannot read, unless another embedder reads it.
    """

    centre: bool = True
    floor: float = 0.6
    overlap: float = 0.7
    consistent: bool = True
    hedge: float = 1.0
    embedder: str = BUILT_IN
    published: bool = False
    name: ClassVar[str] = "emo_grpo"
    columns: ClassVar[tuple[str, ...]] = ("caption",)

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return each(self, completions, columns, self._score)

    def _score(self, text: str, caption: Reference) -> float | None:
        generated = caption_of(text)
        values = (self._against(generated, reference) for reference in references(caption) if reference.strip())
        return max((value for value in values if value is not None), default=None)

    def _against(self, generated: str, reference: str) -> float | None:
        if self.published:
            return self.consistency(generated, reference) if generated else 0.0
        wanted, given = emotion_words(reference), emotion_words(generated)
        if not wanted and self.overlap > 0:
            return _no_emotion(reference, self.embedder)
        value = self.consistency(generated, reference) if generated else 0.0
        if wanted:
            if (jaccard(given, wanted) or 0.0) < self.overlap or (self.consistent and contradicts(given, wanted)):
                return 0.0
            rows = sample_rows(wanted, given)
            value *= sum(f * p**self.hedge for p, _, f in rows) / len(rows) if self.hedge else 1.0
        return value if value >= self.floor else 0.0

    def consistency(self, generated: str, reference: str) -> float:
        """cos(Φ(generated), Φ(reference)) in [-1, 1]."""
        centre = self.centre and not self.published
        a, b = (profile(text, self.embedder, centre) for text in (generated, reference))
        norm = float(np.linalg.norm(a) * np.linalg.norm(b))
        return float(a @ b) / norm if norm else 0.0


@text_cache(1024)
def _no_emotion(reference: str, embedder: str) -> None:
    """Refuse a reference that the built-in lexicon cannot read; say once that a readable one names no emotion."""
    if embedder == BUILT_IN and readable_text(reference) is None:
        raise RewardError(
            f"reward 'emo_grpo': the caption {reference[:80]!r} cannot be read; the built-in lexicon and embedder know "
            "English and Chinese. Give EmoGRPO a multilingual `embedder`, and `overlap=0`"
        )
    _note_no_emotion(embedder)


@lru_cache(maxsize=4)
def _note_no_emotion(embedder: str) -> None:
    log.warning(
        "a reference caption names no emotion that the lexicon knows (English and Chinese): emo_grpo is None there"
    )


@dataclass(frozen=True)
class Bleu(Named):
    """Sentence BLEU of the caption, 0 to 1 (sacrebleu: lower case, effective order, exponential smoothing).

    n-grams up to `order` count. Chinese is tokenised as such (`bleu_tokenizer`).
    """

    order: int = 4
    name: ClassVar[str] = "bleu"
    columns: ClassVar[tuple[str, ...]] = ("caption",)

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return each(self, completions, columns, self._score)

    def _score(self, text: str, caption: Reference) -> float | None:
        wanted = [reference for reference in references(caption) if reference.strip()]
        if not wanted:
            return None
        said = caption_of(text)[:4000]
        return _bleu(self.order, bleu_tokenizer(said, *wanted)).sentence_score(said, wanted).score / 100


@lru_cache(maxsize=8)
def _bleu(order: int, tokenizer: str) -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(max_ngram_order=order, lowercase=True, effective_order=True, tokenize=tokenizer)


@dataclass(frozen=True)
class Cider(Named):
    """CIDEr-D of the caption, divided by 10; None where it is undefined.

    `Cider.fit(captions)` weighs n-grams by how telling they are in a corpus.
    """

    frequencies: tuple[tuple[Gram, int], ...] = ()
    size: int = 0
    name: ClassVar[str] = "cider"
    columns: ClassVar[tuple[str, ...]] = ("caption",)

    @classmethod
    def fit(cls, captions: Iterable[Reference]) -> Self:
        """A reward whose n-gram weights come from the training captions (never from the batch: rewards stay pure)."""
        found = DocumentFrequency.fit(list(captions))
        return cls(tuple(sorted(found.counts.items())), found.size)

    @cached_property
    def _weights(self) -> DocumentFrequency:
        return DocumentFrequency(dict(self.frequencies), self.size)

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return each(self, completions, columns, self._score)

    def _score(self, text: str, caption: Reference) -> float | None:
        wanted = [reference for reference in references(caption) if reference.strip()]
        if not wanted:
            return None
        value = cider_sample(wanted, caption_of(text)[:4000], self._weights) / 10
        return None if math.isnan(value) else value
